"""What requests about deployments may say. Reference pages: api-ref server/schemas/actions, rest-api deployments."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, JsonValue, PlainValidator, WithJsonSchema

from penstock._ids import generate_slug
from penstock._store.bodies import Body, Labels, Moment, Name, StateCreate
from penstock._values.schedules import Schedule, read_schedule

#: The most runs a schedule may have ahead, whatever it asks for.
MOST_SCHEDULED = 50


def _read(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ValueError("a schedule is an object with interval, cron or rrule")  # noqa: TRY004  # pydantic wants it
    schedule: Schedule = read_schedule(given)
    return schedule.model_dump(mode="json")


_SCHEDULE_SCHEMA = {
    "type": "object",
    "properties": {
        "interval": {"type": "number", "exclusiveMinimum": 0},
        "anchor_date": {"type": "string", "format": "date-time"},
        "cron": {"type": "string"},
        "day_or": {"type": "boolean"},
        "rrule": {"type": "string"},
        "timezone": {"type": ["string", "null"]},
    },
}
ScheduleBody = Annotated[dict[str, Any], PlainValidator(_read), WithJsonSchema(_SCHEDULE_SCHEMA)]


def _few(number: int | None) -> int | None:
    if number is not None and number > MOST_SCHEDULED:
        raise ValueError(f"max_scheduled_runs must be at most {MOST_SCHEDULED}")
    return number


Few = Annotated[int | None, Field(ge=1), AfterValidator(_few)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9-]+$", max_length=255)]
Parameters = dict[str, JsonValue]


class ScheduleCreate(Body):
    """A schedule of a deployment."""

    schedule: ScheduleBody
    active: bool = True
    max_scheduled_runs: Few = None
    parameters: Parameters = Field(default_factory=dict)
    slug: Slug | None = None


class ScheduleUpdate(Body):
    """Changes to a schedule; in a deployment's own update, `slug` says which one is meant."""

    schedule: ScheduleBody | None = None
    active: bool | None = None
    max_scheduled_runs: Few = None
    parameters: Parameters | None = None
    slug: Slug | None = None


class ConcurrencyOptions(Body):
    """What becomes of a run when the limit of its deployment is reached."""

    collision_strategy: Literal["ENQUEUE", "CANCEL_NEW"]
    grace_period_seconds: Annotated[int, Field(ge=60, le=86400)] | None = None


class _Deployment(Body):
    paused: bool = False
    concurrency_limit: Annotated[int, Field(gt=0, le=1 << 31)] | None = None
    concurrency_options: ConcurrencyOptions | None = None
    enforce_parameter_schema: bool = True
    parameter_openapi_schema: dict[str, JsonValue] | None = None
    parameters: Parameters = Field(default_factory=dict)
    tags: list[str] = Field(default_factory=list)
    pull_steps: list[dict[str, JsonValue]] | None = None
    work_queue_name: str | None = None
    work_pool_name: str | None = None
    description: str | None = None
    path: str | None = None
    version: str | None = None
    entrypoint: str | None = None
    job_variables: dict[str, JsonValue] = Field(default_factory=dict)
    version_info: dict[str, JsonValue] | None = None


class DeploymentCreate(_Deployment):
    """A deployment, made or brought up to date by flow and name."""

    name: Name
    flow_id: UUID
    schedules: list[ScheduleCreate] = Field(default_factory=list)
    labels: Labels = Field(default_factory=dict)


class DeploymentUpdate(_Deployment):
    """Changes to a deployment; what is not sent stays."""

    schedules: list[ScheduleUpdate] = Field(default_factory=list)


class DeploymentFlowRunCreate(Body):
    """A run of a deployment."""

    state: StateCreate | None = None
    name: str = Field(default_factory=generate_slug)
    parameters: Parameters = Field(default_factory=dict)
    enforce_parameter_schema: bool | None = None
    context: dict[str, JsonValue] = Field(default_factory=dict)
    tags: list[str] = Field(default_factory=list)
    idempotency_key: str | None = None
    labels: Labels = Field(default_factory=dict)
    parent_task_run_id: UUID | None = None
    work_queue_name: str | None = None
    job_variables: dict[str, JsonValue] | None = None


class ScheduledFlowRuns(Body):
    """Which runs a runner asks for."""

    deployment_ids: list[UUID]
    scheduled_before: Moment | None = None
    limit: Annotated[int, Field(ge=0, le=200)] = 200


class ScheduleWindow(Body):
    """When to make runs of a deployment's schedules, the past included."""

    start_time: Moment | None = None
    end_time: Moment | None = None
    min_time: Annotated[float, Field(ge=0, le=1e9)] | None = None
    min_runs: Annotated[int, Field(ge=0, le=1000)] | None = None
    max_runs: Annotated[int, Field(ge=0, le=1000)] | None = None
