"""Where the input of a run came from. Reference page: api-ref prefect-client-schemas-objects."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal
from uuid import UUID


class RunType(str, Enum):
    """What kind of run produced something."""

    FLOW_RUN = "flow_run"
    TASK_RUN = "task_run"


@dataclass(frozen=True, slots=True)
class TaskRunResult:
    """The result of a task run."""

    id: UUID
    input_type: Literal["task_run"] = "task_run"


@dataclass(frozen=True, slots=True)
class FlowRunResult:
    """The result of a flow run."""

    id: UUID
    input_type: Literal["flow_run"] = "flow_run"
