"""Filters of flows, flow runs and task runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from penstock._values.state_types import StateType
from penstock.client.schemas._filter_base import FilterGroup, FilterPart


@dataclass(slots=True, kw_only=True)
class FlowFilterId(FilterPart):
    """Selects flows by their id."""

    any_: list[UUID] | None = None


@dataclass(slots=True, kw_only=True)
class FlowFilterName(FilterPart):
    """Selects flows by their name."""

    any_: list[str] | None = None
    like_: str | None = None


@dataclass(slots=True, kw_only=True)
class FlowFilterTags(FilterPart):
    """Selects flows by their tags."""

    all_: list[str] | None = None
    is_null_: bool | None = None


@dataclass(slots=True, kw_only=True)
class FlowFilter(FilterGroup):
    """Selects flows; all parts must hold, or one of them when the operator is or_."""

    id: FlowFilterId | None = None
    name: FlowFilterName | None = None
    tags: FlowFilterTags | None = None


@dataclass(slots=True, kw_only=True)
class FlowRunFilterId(FilterPart):
    """Selects flow runs by their id."""

    any_: list[UUID] | None = None
    not_any_: list[UUID] | None = None


@dataclass(slots=True, kw_only=True)
class FlowRunFilterName(FilterPart):
    """Selects flow runs by their name."""

    any_: list[str] | None = None
    like_: str | None = None


@dataclass(slots=True, kw_only=True)
class FlowRunFilterTags(FilterPart):
    """Selects flow runs by their tags."""

    all_: list[str] | None = None
    any_: list[str] | None = None
    is_null_: bool | None = None


@dataclass(slots=True, kw_only=True)
class FlowRunFilterDeploymentId(FilterPart):
    """Selects flow runs by their deployment id."""

    any_: list[UUID] | None = None
    is_null_: bool | None = None


@dataclass(slots=True, kw_only=True)
class FlowRunFilterWorkQueueName(FilterPart):
    """Selects flow runs by their work queue name."""

    any_: list[str] | None = None
    is_null_: bool | None = None


@dataclass(slots=True, kw_only=True)
class FlowRunFilterStateType(FilterPart):
    """Selects flow runs by the type of their state."""

    any_: list[StateType] | None = None
    not_any_: list[StateType] | None = None


@dataclass(slots=True, kw_only=True)
class FlowRunFilterStateName(FilterPart):
    """Selects flow runs by the name of their state."""

    any_: list[str] | None = None
    not_any_: list[str] | None = None


@dataclass(slots=True, kw_only=True)
class FlowRunFilterState(FilterGroup):
    """Selects flow runs by their state."""

    type: FlowRunFilterStateType | None = None
    name: FlowRunFilterStateName | None = None


@dataclass(slots=True, kw_only=True)
class FlowRunFilterFlowVersion(FilterPart):
    """Selects flow runs by their flow version."""

    any_: list[str] | None = None


@dataclass(slots=True, kw_only=True)
class FlowRunFilterStartTime(FilterPart):
    """Selects flow runs by their start time."""

    before_: datetime | None = None
    after_: datetime | None = None
    is_null_: bool | None = None


@dataclass(slots=True, kw_only=True)
class FlowRunFilterEndTime(FilterPart):
    """Selects flow runs by their end time."""

    before_: datetime | None = None
    after_: datetime | None = None
    is_null_: bool | None = None


@dataclass(slots=True, kw_only=True)
class FlowRunFilterExpectedStartTime(FilterPart):
    """Selects flow runs by their expected start time."""

    before_: datetime | None = None
    after_: datetime | None = None


@dataclass(slots=True, kw_only=True)
class FlowRunFilterNextScheduledStartTime(FilterPart):
    """Selects flow runs by their next scheduled start time."""

    before_: datetime | None = None
    after_: datetime | None = None


@dataclass(slots=True, kw_only=True)
class FlowRunFilterParentFlowRunId(FilterPart):
    """Selects flow runs by their parent flow run id."""

    any_: list[UUID] | None = None


@dataclass(slots=True, kw_only=True)
class FlowRunFilterParentTaskRunId(FilterPart):
    """Selects flow runs by their parent task run id."""

    any_: list[UUID] | None = None
    is_null_: bool | None = None


@dataclass(slots=True, kw_only=True)
class FlowRunFilterIdempotencyKey(FilterPart):
    """Selects flow runs by their idempotency key."""

    any_: list[str] | None = None
    not_any_: list[str] | None = None


@dataclass(slots=True, kw_only=True)
class FlowRunFilter(FilterGroup):
    """Selects flow runs; all parts must hold, or one of them when the operator is or_."""

    id: FlowRunFilterId | None = None
    name: FlowRunFilterName | None = None
    tags: FlowRunFilterTags | None = None
    deployment_id: FlowRunFilterDeploymentId | None = None
    work_queue_name: FlowRunFilterWorkQueueName | None = None
    state: FlowRunFilterState | None = None
    flow_version: FlowRunFilterFlowVersion | None = None
    start_time: FlowRunFilterStartTime | None = None
    end_time: FlowRunFilterEndTime | None = None
    expected_start_time: FlowRunFilterExpectedStartTime | None = None
    next_scheduled_start_time: FlowRunFilterNextScheduledStartTime | None = None
    parent_flow_run_id: FlowRunFilterParentFlowRunId | None = None
    parent_task_run_id: FlowRunFilterParentTaskRunId | None = None
    idempotency_key: FlowRunFilterIdempotencyKey | None = None


@dataclass(slots=True, kw_only=True)
class TaskRunFilterId(FilterPart):
    """Selects task runs by their id."""

    any_: list[UUID] | None = None


@dataclass(slots=True, kw_only=True)
class TaskRunFilterName(FilterPart):
    """Selects task runs by their name."""

    any_: list[str] | None = None
    like_: str | None = None


@dataclass(slots=True, kw_only=True)
class TaskRunFilterTags(FilterPart):
    """Selects task runs by their tags."""

    all_: list[str] | None = None
    is_null_: bool | None = None


@dataclass(slots=True, kw_only=True)
class TaskRunFilterStateType(FilterPart):
    """Selects task runs by the type of their state."""

    any_: list[StateType] | None = None


@dataclass(slots=True, kw_only=True)
class TaskRunFilterStateName(FilterPart):
    """Selects task runs by the name of their state."""

    any_: list[str] | None = None


@dataclass(slots=True, kw_only=True)
class TaskRunFilterState(FilterGroup):
    """Selects task runs by their state."""

    type: TaskRunFilterStateType | None = None
    name: TaskRunFilterStateName | None = None


@dataclass(slots=True, kw_only=True)
class TaskRunFilterSubFlowRuns(FilterPart):
    """Selects task runs by their subflow runs."""

    exists_: bool | None = None


@dataclass(slots=True, kw_only=True)
class TaskRunFilterStartTime(FilterPart):
    """Selects task runs by their start time."""

    before_: datetime | None = None
    after_: datetime | None = None
    is_null_: bool | None = None


@dataclass(slots=True, kw_only=True)
class TaskRunFilterFlowRunId(FilterPart):
    """Selects task runs by their flow run id."""

    any_: list[UUID] | None = None
    is_null_: bool | None = None


@dataclass(slots=True, kw_only=True)
class TaskRunFilter(FilterGroup):
    """Selects task runs; all parts must hold, or one of them when the operator is or_."""

    id: TaskRunFilterId | None = None
    name: TaskRunFilterName | None = None
    tags: TaskRunFilterTags | None = None
    state: TaskRunFilterState | None = None
    subflow_runs: TaskRunFilterSubFlowRuns | None = None
    start_time: TaskRunFilterStartTime | None = None
    flow_run_id: TaskRunFilterFlowRunId | None = None


__all__ = [
    "FlowFilter",
    "FlowFilterId",
    "FlowFilterName",
    "FlowFilterTags",
    "FlowRunFilter",
    "FlowRunFilterDeploymentId",
    "FlowRunFilterEndTime",
    "FlowRunFilterExpectedStartTime",
    "FlowRunFilterFlowVersion",
    "FlowRunFilterId",
    "FlowRunFilterIdempotencyKey",
    "FlowRunFilterName",
    "FlowRunFilterNextScheduledStartTime",
    "FlowRunFilterParentFlowRunId",
    "FlowRunFilterParentTaskRunId",
    "FlowRunFilterStartTime",
    "FlowRunFilterState",
    "FlowRunFilterStateName",
    "FlowRunFilterStateType",
    "FlowRunFilterTags",
    "FlowRunFilterWorkQueueName",
    "TaskRunFilter",
    "TaskRunFilterFlowRunId",
    "TaskRunFilterId",
    "TaskRunFilterName",
    "TaskRunFilterStartTime",
    "TaskRunFilterState",
    "TaskRunFilterStateName",
    "TaskRunFilterStateType",
    "TaskRunFilterSubFlowRuns",
    "TaskRunFilterTags",
]
