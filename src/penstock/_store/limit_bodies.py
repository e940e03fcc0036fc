"""What requests about concurrency limits may say. Reference page: api-ref server/schemas/actions."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field

from penstock._store.bodies import Body, Count, Name

#: Slots a second; what is above is no limit.
Decay = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
LeaseSeconds = Annotated[float, Field(ge=60, le=86_400, allow_inf_nan=False)]
Slots = Annotated[int, Field(gt=0, lt=2**31)]
Names = Annotated[list[str], Field(min_length=1, max_length=1000)]
Mode = Annotated[
    Literal["concurrency", "rate_limit"],
    BeforeValidator(lambda mode: "concurrency" if mode is None else mode),
]


class ConcurrencyLimitCreate(Body):
    """The limit of a tag."""

    tag: Name
    concurrency_limit: Count


class Reset(Body):
    """Which task runs hold the slots of a tag from now on; none by default."""

    slot_override: list[UUID] | None = None


class TagSlots(Body):
    """Slots of tags for one task run."""

    names: Names
    task_run_id: UUID


class ConcurrencyLimitV2Create(Body):
    """A concurrency limit."""

    active: bool = True
    name: Name
    limit: Count
    active_slots: Count = 0
    denied_slots: Count = 0
    slot_decay_per_second: Decay = 0.0


class ConcurrencyLimitV2Update(Body):
    """Changes to a concurrency limit."""

    active: bool | None = None
    name: Name | None = None
    limit: Count | None = None
    active_slots: Count | None = None
    denied_slots: Count | None = None
    slot_decay_per_second: Decay | None = None


class Increment(Body):
    """Slots to take of each of some limits; `create_if_missing` is accepted and does nothing, as documented."""

    slots: Slots
    names: Names
    mode: Mode = "concurrency"
    create_if_missing: bool | None = None


class Holder(Body):
    """Who holds slots."""

    type: Literal["flow_run", "task_run", "deployment"]
    id: UUID


class IncrementWithLease(Increment):
    """Slots to take for a time that can be renewed."""

    lease_duration: LeaseSeconds = 300.0
    holder: Holder | None = None


class Decrement(Body):
    """Slots to give back, and for how many seconds they were held."""

    slots: Slots
    names: Names
    occupancy_seconds: Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)] | None = None
    create_if_missing: bool | None = None


class DecrementWithLease(Body):
    """A lease to end."""

    lease_id: UUID


class Renew(Body):
    """For how many seconds a lease goes on."""

    lease_duration: LeaseSeconds = 300.0


class Page(Body):
    """Which part of a list."""

    limit: Annotated[int, Field(ge=0, le=200)] = 200
    offset: Annotated[int, Field(ge=0, le=1 << 40)] = 0
