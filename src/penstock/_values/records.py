"""What the API keeps beside runs, as values. Reference page: api-ref client/schemas/objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from penstock._ids import new_id
from penstock._values.documents import Document, Readers, read_id, read_time

_READERS: Readers = {
    **dict.fromkeys(("id", "latest_id", "flow_run_id", "task_run_id"), read_id),
    **dict.fromkeys(("created", "updated", "timestamp"), read_time),
}


@dataclass(slots=True, kw_only=True)
class _Record(Document):
    _readers: ClassVar[Readers] = _READERS

    id: UUID = field(default_factory=new_id)
    created: datetime | None = None
    updated: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Flow(_Record):
    """A flow: what its runs have in common."""

    name: str
    tags: list[str] = field(default_factory=list)
    labels: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Log(_Record):
    """A log line."""

    name: str | None
    level: int
    message: str
    timestamp: datetime
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None


@dataclass(slots=True, kw_only=True)
class Artifact(_Record):
    """Something worth showing that a run made."""

    key: str | None = None
    type: str | None = None
    description: str | None = None
    data: Any = None
    metadata_: dict[str, str] | None = None
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None


@dataclass(slots=True, kw_only=True)
class ArtifactCollection(Artifact):
    """The newest artifact of a key."""

    latest_id: UUID


@dataclass(slots=True, kw_only=True)
class Variable(_Record):
    """A named value that runs share."""

    name: str
    value: Any = None
    tags: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class FlowRunInput(_Record):
    """A keyed input of a flow run."""

    flow_run_id: UUID
    key: str
    value: str
    sender: str | None = None
