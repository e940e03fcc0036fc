"""Flow runs and task runs as values. Reference page: api-ref client/schemas/objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from penstock._values.states import State, StateType


@dataclass(slots=True, kw_only=True)
class _Run:
    id: UUID
    name: str
    tags: list[str] = field(default_factory=list)
    state: State | None = None
    run_count: int = 0
    created: datetime | None = None
    expected_start_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None

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


@dataclass(slots=True, kw_only=True)
class FlowRun(_Run):
    """One execution of a flow."""

    flow_id: UUID
    flow_name: str = ""
    flow_version: str | None = None
    deployment_id: UUID | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    parent_task_run_id: UUID | None = None
    runner: str | None = None


@dataclass(slots=True, kw_only=True)
class TaskRun(_Run):
    """One execution of a task, retries included."""

    task_key: str
    dynamic_key: str
    task_name: str = ""
    flow_run_id: UUID | None = None
    task_inputs: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    flow_run_run_count: int = 0
    runner: str | None = None
