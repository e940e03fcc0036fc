"""Concurrency limits as values. Reference pages: api-ref client/schemas/objects, actions and responses."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, Literal
from uuid import UUID

from penstock._values.documents import Document, Readers, read_id
from penstock._values.records import _Record
from penstock._values.requests import UNSET

_HOLDERS = ("flow_run", "task_run", "deployment")


def _holder_type(value: Any) -> str:
    if value not in _HOLDERS:
        raise ValueError(f"one of {', '.join(_HOLDERS)} is needed")
    return str(value)


def _ids(values: Any) -> list[UUID]:
    return [read_id(value) for value in values]


class ConcurrencyLimitStrategy(str, Enum):
    """What happens to a run for which a deployment has no slot."""

    ENQUEUE = "ENQUEUE"
    CANCEL_NEW = "CANCEL_NEW"


@dataclass(slots=True, kw_only=True)
class ConcurrencyOptions(Document):
    """How a deployment deals with its limit."""

    _readers: ClassVar[Readers] = {"collision_strategy": ConcurrencyLimitStrategy}

    collision_strategy: ConcurrencyLimitStrategy
    grace_period_seconds: int | None = None


@dataclass(slots=True, kw_only=True)
class ConcurrencyLimitConfig(Document):
    """The limit of a deployment, and what happens to runs above it."""

    _readers: ClassVar[Readers] = {"collision_strategy": ConcurrencyLimitStrategy}

    limit: int
    collision_strategy: ConcurrencyLimitStrategy = ConcurrencyLimitStrategy.ENQUEUE
    grace_period_seconds: int | None = None


@dataclass(slots=True, kw_only=True)
class ConcurrencyLeaseHolder(Document):
    """Who holds slots."""

    _readers: ClassVar[Readers] = {"type": _holder_type, "id": read_id}

    type: Literal["flow_run", "task_run", "deployment"]
    id: UUID


@dataclass(slots=True, kw_only=True)
class ConcurrencyLimit(_Record):
    """The limit of a tag; `active_slots` are the task runs that hold its slots."""

    _readers: ClassVar[Readers] = {**_Record._readers, "active_slots": _ids}

    tag: str
    concurrency_limit: int
    active_slots: list[UUID] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class GlobalConcurrencyLimit(_Record):
    """A concurrency limit."""

    name: str
    limit: int
    active: bool = True
    active_slots: int = 0
    slot_decay_per_second: float = 0.0


@dataclass(slots=True, kw_only=True)
class GlobalConcurrencyLimitResponse(GlobalConcurrencyLimit):
    """A concurrency limit, as the API answers it."""


@dataclass(slots=True, kw_only=True)
class GlobalConcurrencyLimitCreate(Document):
    """A concurrency limit to make."""

    name: str
    limit: int
    active: bool = True
    active_slots: int = 0
    slot_decay_per_second: float = 0.0


@dataclass(slots=True, kw_only=True)
class GlobalConcurrencyLimitUpdate(Document):
    """Changes to a concurrency limit."""

    name: str = UNSET
    limit: int = UNSET
    active: bool = UNSET
    active_slots: int = UNSET
    slot_decay_per_second: float = UNSET


@dataclass(slots=True, kw_only=True)
class ConcurrencyLimitCreate(Document):
    """The limit of a tag to set."""

    tag: str
    concurrency_limit: int


@dataclass(slots=True, kw_only=True)
class MinimalConcurrencyLimitResponse(Document):
    """A limit of which slots were taken or given back."""

    _readers: ClassVar[Readers] = {"id": read_id}

    id: UUID
    name: str
    limit: int


def _minimal(values: Any) -> list[MinimalConcurrencyLimitResponse]:
    return MinimalConcurrencyLimitResponse.model_validate_list(values)


@dataclass(slots=True, kw_only=True)
class ConcurrencyLimitWithLeaseResponse(Document):
    """A lease, and the limits it holds slots of."""

    _readers: ClassVar[Readers] = {"lease_id": read_id, "limits": _minimal}

    lease_id: UUID
    limits: list[MinimalConcurrencyLimitResponse]
