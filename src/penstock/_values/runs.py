"""Flow runs and task runs as values. Reference page: api-ref client/schemas/objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from penstock._ids import generate_slug, new_id
from penstock._values.documents import Document, Readers, read_id, read_span, read_time
from penstock._values.states import State, StateType, utc_now

_NO_TIME = timedelta(0)


@dataclass(slots=True, frozen=True, kw_only=True)
class FlowRunPolicy(Document):
    """How a flow run is retried and paused."""

    _readers: ClassVar[Readers] = {"pause_keys": frozenset}

    max_retries: int = 0
    retry_delay_seconds: float = 0
    retries: int | None = None
    retry_delay: int | None = None
    pause_keys: frozenset[str] | None = frozenset()
    resuming: bool | None = False
    retry_type: str | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class TaskRunPolicy(Document):
    """How a task run is retried."""

    _readers: ClassVar[Readers] = {
        "retry_delay": lambda value: tuple(value) if isinstance(value, list) else value
    }

    max_retries: int = 0
    retry_delay_seconds: float = 0
    retries: int | None = None
    retry_delay: float | tuple[float, ...] | None = None
    retry_jitter_factor: float | None = None


@dataclass(slots=True, kw_only=True)
class _Run(Document):
    """What flow runs and task runs have in common."""

    _shown = ("state_id", "state_type", "state_name", "estimated_run_time", "estimated_start_time_delta")
    _readers: ClassVar[Readers] = {
        "id": read_id,
        "state": State.model_validate,
        "total_run_time": read_span,
        **dict.fromkeys(("flow_id", "deployment_id", "work_queue_id", "parent_task_run_id"), read_id),
        **dict.fromkeys(("flow_run_id", "infrastructure_document_id"), read_id),
        **dict.fromkeys(("created", "updated", "start_time", "end_time", "cache_expiration"), read_time),
        **dict.fromkeys(("expected_start_time", "next_scheduled_start_time"), read_time),
    }

    id: UUID = field(default_factory=new_id)
    name: str = field(default_factory=generate_slug)
    tags: list[str] = field(default_factory=list)
    labels: dict[str, Any] = field(default_factory=dict)
    state: State | None = None
    run_count: int = 0
    created: datetime | None = None
    updated: datetime | None = None
    expected_start_time: datetime | None = None
    next_scheduled_start_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    #: How long it was running, attempts that are over.
    total_run_time: timedelta = _NO_TIME

    @property
    def state_id(self) -> UUID | None:
        """Identity of the current state."""
        return self.state.id if self.state else None

    @property
    def state_type(self) -> StateType | None:
        """Type of the current state."""
        return self.state.type if self.state else None

    @property
    def state_name(self) -> str | None:
        """Name of the current state."""
        return self.state.name if self.state else None

    @property
    def estimated_run_time(self) -> timedelta:
        """How long it has been running until now."""
        if self.state is not None and self.state.is_running():
            return self.total_run_time + (utc_now() - self.state.timestamp)
        return self.total_run_time

    @property
    def estimated_start_time_delta(self) -> timedelta:
        """How much later than expected it started, or is by now; nothing when it is not due or has ended."""
        expected = self.expected_start_time
        if expected is None or (self.start_time is None and self.state is not None and self.state.is_final()):
            return _NO_TIME
        return max(_NO_TIME, (self.start_time or utc_now()) - expected)

    def note(self, state: State) -> None:
        """Take over a state: times and run time follow from it. The run count is the caller's business."""
        before = self.state
        if before is not None and before.type is StateType.RUNNING:
            self.total_run_time += state.timestamp - before.timestamp
        if state.type is StateType.RUNNING:
            self.start_time = self.start_time or state.timestamp
        elif state.is_final():
            self.end_time = state.timestamp
        self.state = state


@dataclass(slots=True, kw_only=True)
class FlowRun(_Run):
    """One execution of a flow.

    Example:
        >>> FlowRun(flow_id=new_id(), name="red-fox", tags=["nightly"]).name
        'red-fox'
    """

    flow_id: UUID
    flow_name: str = ""
    flow_version: str | None = None
    deployment_id: UUID | None = None
    deployment_version: str | None = None
    work_queue_id: UUID | None = None
    work_queue_name: str | None = None
    work_pool_name: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None
    context: dict[str, Any] = field(default_factory=dict)
    empirical_policy: FlowRunPolicy = FlowRunPolicy()
    parent_task_run_id: UUID | None = None
    auto_scheduled: bool = False
    infrastructure_document_id: UUID | None = None
    infrastructure_pid: str | None = None
    job_variables: dict[str, Any] | None = None
    runner: str | None = None


@dataclass(slots=True, kw_only=True)
class TaskRun(_Run):
    """One execution of a task, retries included."""

    task_key: str
    dynamic_key: str
    task_name: str = ""
    task_version: str | None = None
    flow_run_id: UUID | None = None
    cache_key: str | None = None
    cache_expiration: datetime | None = None
    empirical_policy: TaskRunPolicy = TaskRunPolicy()
    task_inputs: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    flow_run_run_count: int = 0
    runner: str | None = None


FlowRun._readers = {**_Run._readers, "empirical_policy": FlowRunPolicy.model_validate}
TaskRun._readers = {**_Run._readers, "empirical_policy": TaskRunPolicy.model_validate}
