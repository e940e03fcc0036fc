"""What flows into a task run, as the run graph names it. Reference page: api-ref client/schemas/objects."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar
from uuid import UUID

from penstock._values.documents import Document, Readers, read_id


class RunType(str, Enum):
    """The two kinds of runs."""

    FLOW_RUN = "flow_run"
    TASK_RUN = "task_run"


@dataclass(slots=True, frozen=True)
class RunInput(Document):
    """Base of inputs; hashable, since they are kept in sets."""

    input_type: str = ""


@dataclass(slots=True, frozen=True, kw_only=True)
class TaskRunResult(RunInput):
    """The result of a task run."""

    _readers: ClassVar[Readers] = {"id": read_id}

    id: UUID
    input_type: str = "task_run"


@dataclass(slots=True, frozen=True, kw_only=True)
class FlowRunResult(RunInput):
    """The result of a flow run."""

    _readers: ClassVar[Readers] = {"id": read_id}

    id: UUID
    input_type: str = "flow_run"


@dataclass(slots=True, frozen=True, kw_only=True)
class Parameter(RunInput):
    """A parameter of the flow."""

    name: str
    input_type: str = "parameter"


@dataclass(slots=True, frozen=True, kw_only=True)
class Constant(RunInput):
    """A constant, of which only the type is kept."""

    type: str
    input_type: str = "constant"
