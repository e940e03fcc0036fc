"""Events: something that happened to a resource. Reference pages: concepts/events, api-ref prefect-events-schemas."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from penstock._ids import new_id
from penstock._values.documents import Document, Readers, read_id, read_time
from penstock._values.state_types import utc_now

RESOURCE_ID = "prefect.resource.id"
_ROLE = "prefect.resource.role"
_NAME = "prefect.resource.name"


class Resource(dict[str, str]):
    """A resource: labels, one of which is its id.

    Raises:
        ValueError: it has no id, or more than 500 labels.
    """

    def __init__(self, labels: dict[str, str]) -> None:
        super().__init__(labels)
        if not self.get(RESOURCE_ID):
            raise ValueError(f"Resources must include the {RESOURCE_ID} label")
        if len(self) > 500:
            raise ValueError("The maximum number of labels per resource is 500")

    @property
    def id(self) -> str:
        """Identity of the resource."""
        return self[RESOURCE_ID]

    @property
    def name(self) -> str | None:
        """What people call it, if anything."""
        return self.get(_NAME) or self.get("prefect.name")


class RelatedResource(Resource):
    """A resource that has to do with an event.

    Raises:
        ValueError: it has no role in the event.
    """

    def __init__(self, labels: dict[str, str]) -> None:
        super().__init__(labels)
        if not self.get(_ROLE):
            raise ValueError(f"Related Resources must include the {_ROLE} label")

    @property
    def role(self) -> str:
        """What it has to do with the event."""
        return self[_ROLE]


@dataclass(slots=True, kw_only=True)
class Event(Document):
    """Something that happened."""

    _readers: ClassVar[Readers] = {
        **dict.fromkeys(("id", "follows"), read_id),
        "occurred": read_time,
        "resource": Resource,
        "related": lambda values: [RelatedResource(value) for value in values],
    }

    event: str
    resource: Resource
    occurred: datetime = field(default_factory=utc_now)
    related: list[RelatedResource] = field(default_factory=list)
    payload: dict[str, Any] = field(default_factory=dict)
    id: UUID = field(default_factory=new_id)
    follows: UUID | None = None

    @property
    def involved_resources(self) -> list[Resource]:
        """The resource and the related ones."""
        return [self.resource, *self.related]

    @property
    def size_bytes(self) -> int:
        """Bytes of the event as JSON."""
        return len(json.dumps(self.model_dump(mode="json"), default=str).encode())


@dataclass(slots=True, kw_only=True)
class ReceivedEvent(Event):
    """An event as the store has it."""

    received: datetime | None = None
