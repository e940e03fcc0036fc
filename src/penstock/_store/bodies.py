"""What requests that create or change something may say. Reference page: api-ref server/schemas/actions.

What is not listed is refused, so that a misspelt field is not lost in silence. An update changes only the fields
that were sent.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from penstock._ids import generate_slug
from penstock._values.states import StateType

_BANNED = "/%&><"
_INT64 = 2**63


def _plain_name(name: str) -> str:
    if set(name) & set(_BANNED):
        raise ValueError(f"a name must not contain any of {' '.join(_BANNED)}")
    return name


def _short_values(given: dict[str, str] | None) -> dict[str, str] | None:
    """Cut long values, as documented, instead of refusing them."""
    if given is None:
        return None
    return {name: value if len(value) <= 500 else value[:497] + "..." for name, value in given.items()}


def _empty(given: Any) -> Any:
    return {} if given is None else given


def _in_range(moment: datetime) -> datetime:
    if not 1 < moment.year < 9999:
        raise ValueError("a year between 2 and 9998 is needed")
    return moment


Name = Annotated[
    str, Field(min_length=1, json_schema_extra={"pattern": "^[^/%&><]*$"}), AfterValidator(_plain_name)
]
Label = Annotated[bool, Field(strict=True)] | Annotated[int, Field(strict=True)] | float | str
Labels = Annotated[dict[str, Label], BeforeValidator(_empty)]
ArtifactKey = Annotated[str, Field(pattern=r"^[a-z0-9-]+$", max_length=255)]
VariableName = Annotated[str, Field(pattern=r"^[a-z0-9_-]+$", max_length=255)]
InputKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,500}$")]
Moment = Annotated[AwareDatetime, AfterValidator(_in_range)]
Whole = Annotated[int, Field(ge=-_INT64, lt=_INT64)]
Count = Annotated[int, Field(ge=0, lt=_INT64)]


class Body(BaseModel):
    """Base of what may be sent."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    def sent(self) -> dict[str, Any]:
        """Return the fields that were sent, with JSON's types."""
        return self.model_dump(mode="json", exclude_unset=True)


class StateDetails(BaseModel):
    """Links, keys and times of a state."""

    model_config = ConfigDict(extra="ignore", defer_build=True)

    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None
    child_flow_run_id: UUID | None = None
    scheduled_time: Moment | None = None
    cache_key: str | None = None
    cache_expiration: Moment | None = None
    deferred: bool | None = False
    untrackable_result: bool = False
    pause_timeout: Moment | None = None
    pause_reschedule: bool = False
    pause_key: str | None = None
    run_input_keyset: dict[str, str] | None = None
    refresh_cache: bool | None = None
    retriable: bool | None = None
    transition_id: UUID | None = None
    task_parameters_id: UUID | None = None
    traceparent: str | None = None
    deployment_concurrency_lease_id: UUID | None = None


class StateCreate(Body):
    """A state somebody proposes; its id and time are the store's to give."""

    type: StateType
    name: str | None = None
    message: str | None = None
    data: JsonValue = None
    state_details: StateDetails = Field(default_factory=StateDetails)


class SetState(Body):
    """A proposal; `force` passes over the rules."""

    state: StateCreate
    force: bool = False


class Resume(Body):
    """The answer to a pause."""

    run_input: dict[str, JsonValue] | None = None


class FlowCreate(Body):
    """A flow."""

    name: Name
    tags: list[str] = []
    labels: Labels = {}


class FlowUpdate(Body):
    """Changes to a flow."""

    tags: list[str] = []


class FlowRunPolicy(Body):
    """How a flow run is retried and paused."""

    max_retries: Count = 0
    retry_delay_seconds: float = 0
    retries: Count | None = None
    retry_delay: Count | None = None
    pause_keys: list[str] | None = []
    resuming: bool | None = False
    retry_type: Literal["in_process", "reschedule"] | None = None


class TaskRunPolicy(Body):
    """How a task run is retried."""

    max_retries: Count = 0
    retry_delay_seconds: float = 0
    retries: Count | None = None
    retry_delay: float | Annotated[list[float], Field(max_length=50)] | None = None
    retry_jitter_factor: Annotated[float, Field(ge=0)] | None = None


class FlowRunCreate(Body):
    """A flow run of a flow that exists."""

    flow_id: UUID
    state: StateCreate | None = None
    name: str = Field(default_factory=generate_slug)
    flow_version: str | None = None
    parameters: dict[str, JsonValue] = {}
    context: dict[str, JsonValue] = {}
    parent_task_run_id: UUID | None = None
    infrastructure_document_id: UUID | None = None
    empirical_policy: FlowRunPolicy = Field(default_factory=FlowRunPolicy)
    tags: list[str] = []
    labels: Labels = {}
    idempotency_key: str | None = None
    work_pool_name: str | None = None
    work_queue_name: str | None = None
    job_variables: dict[str, JsonValue] | None = None
    deployment_id: UUID | None = None


class FlowRunUpdate(Body):
    """Changes to a flow run."""

    name: str | None = None
    flow_version: str | None = None
    parameters: dict[str, JsonValue] = {}
    empirical_policy: FlowRunPolicy = Field(default_factory=FlowRunPolicy)
    tags: list[str] = []
    infrastructure_pid: str | None = None
    job_variables: dict[str, JsonValue] | None = None


class InputCreate(Body):
    """A keyed input of a flow run."""

    key: InputKey
    value: JsonValue
    sender: str | None = None


class InputFilter(Body):
    """Which inputs are wanted."""

    prefix: str
    limit: Annotated[int, Field(ge=0, le=200)] = 1
    exclude_keys: list[str] | None = None


class TaskInput(Body):
    """What one argument of a task run is made of."""

    input_type: Literal["task_run", "flow_run", "parameter", "constant"]
    id: UUID | None = None
    name: str | None = None
    type: str | None = None


class TaskRunCreate(Body):
    """A task run; without a flow run it is a background task."""

    id: UUID | None = None
    state: StateCreate | None = None
    name: str = Field(default_factory=generate_slug)
    flow_run_id: UUID | None = None
    task_key: str
    dynamic_key: str
    cache_key: str | None = None
    cache_expiration: Moment | None = None
    task_version: str | None = None
    empirical_policy: TaskRunPolicy = Field(default_factory=TaskRunPolicy)
    tags: list[str] = []
    labels: Labels = {}
    task_inputs: dict[str, list[TaskInput]] = {}


class TaskWorkerFilter(Body):
    """Which task workers: those that serve one of these tasks."""

    task_keys: list[str]


class TaskWorkersFilter(Body):
    """Task workers that are looked for; all of them without a filter."""

    task_worker_filter: TaskWorkerFilter | None = None


class TaskRunUpdate(Body):
    """Changes to a task run."""

    name: str


class LogCreate(Body):
    """A log line."""

    name: str
    level: Whole
    message: str
    timestamp: Moment
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None
    worker_id: UUID | None = None


Metadata = Annotated[dict[str, str] | None, AfterValidator(_short_values)]


class ArtifactCreate(Body):
    """An artifact."""

    key: ArtifactKey | None = None
    type: str | None = None
    description: str | None = None
    data: JsonValue = None
    metadata_: Metadata = None
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None


class ArtifactUpdate(Body):
    """Changes to an artifact."""

    data: JsonValue = None
    description: str | None = None
    metadata_: Metadata = None


class VariableCreate(Body):
    """A variable."""

    name: VariableName
    value: JsonValue
    tags: list[str] = []


class VariableUpdate(Body):
    """Changes to a variable."""

    name: VariableName | None = None
    value: JsonValue = None
    tags: list[str] | None = None


class Confirm(Body):
    """Whether somebody is sure."""

    confirm: bool = False


class Labelled(BaseModel):
    """A resource of an event: labels, one of which is its id."""

    model_config = ConfigDict(extra="allow", defer_build=True)
    __pydantic_extra__: dict[str, str] = Field(init=False)  # pyright: ignore[reportIncompatibleVariableOverride]

    resource_id: str = Field(alias="prefect.resource.id", min_length=1)


class RelatedResource(Labelled):
    """A resource that has to do with an event, and how."""

    resource_role: str = Field(alias="prefect.resource.role")


class Event(BaseModel):
    """Something that happened."""

    model_config = ConfigDict(extra="ignore", defer_build=True)

    id: UUID
    occurred: Moment
    event: Annotated[str, Field(max_length=1024)]
    resource: Labelled
    related: Annotated[list[RelatedResource], Field(max_length=100)] = []
    payload: dict[str, JsonValue] = {}
    follows: UUID | None = None
