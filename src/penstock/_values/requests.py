"""What is sent to the API to make or change something. Reference page: api-ref client/schemas/actions.

An update sends the fields that were given; `UNSET` stands for one that was not, since None may be a value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from penstock._values.documents import Document

#: A field that is not sent.
UNSET: Final[Any] = type("Unset", (), {"__repr__": lambda _: "UNSET", "__bool__": lambda _: False})()


def body_of(document: Document) -> dict[str, Any]:
    """Return what of a request is sent, as JSON values."""
    given = [name for name in document._stored() if getattr(document, name) is not UNSET]
    return document.model_dump(mode="json", include=given)


@dataclass(slots=True, kw_only=True)
class LogCreate(Document):
    """A log line."""

    name: str
    level: int
    message: str
    timestamp: datetime
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None


@dataclass(slots=True, kw_only=True)
class ArtifactCreate(Document):
    """An artifact."""

    key: str | None = None
    type: str | None = None
    description: str | None = None
    data: Any = None
    metadata_: dict[str, str] | None = None
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None


@dataclass(slots=True, kw_only=True)
class ArtifactUpdate(Document):
    """Changes to an artifact."""

    data: Any = UNSET
    description: str | None = UNSET
    metadata_: dict[str, str] | None = UNSET


@dataclass(slots=True, kw_only=True)
class VariableCreate(Document):
    """A variable."""

    name: str
    value: Any
    tags: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class VariableUpdate(Document):
    """Changes to the variable of that name."""

    name: str
    value: Any = UNSET
    tags: list[str] | None = UNSET
