"""Who gets slots of a concurrency limit, and who waits.

A slot is taken in one of two ways. A **lease** holds slots until it ends. What is taken without a lease, or of a
limit that decays (a rate limit), raises the limit's **level**, which falls by `decay` a second. So there is no
counter that could be off by one after a crash: what is free is the limit less the living leases less the level.

Requests wait in one queue, oldest first. A request takes all its slots or none, and nobody overtakes a request that
waits for one of the same limits: with that, many small requests cannot starve a big one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Mode = Literal["concurrency", "rate_limit"]
_SLACK = 1e-9
_SECOND = 1_000_000
#: Tag limits are limits of this name and the tag's.
TAG = "tag:"


@dataclass(frozen=True, slots=True)
class Limit:
    """A concurrency limit: how many slots there are, and its level at one moment (microseconds since 1970 UTC)."""

    id: str
    name: str
    limit: int
    active: bool = True
    #: Slots a second by which the level falls.
    decay: float = 0.0
    level: float = 0.0
    level_us: int = 0
    created_us: int = 0
    updated_us: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody who wants `slots` slots of each of some limits. `id` becomes the id of the lease."""

    id: str
    names: tuple[str, ...]
    slots: int
    mode: Mode = "concurrency"
    asked_us: int = 0


@dataclass(frozen=True, slots=True)
class Admission:
    """What became of a queue: who may go, and who never can (with the reason)."""

    granted: tuple[Request, ...] = ()
    refused: tuple[tuple[Request, str], ...] = field(default=())


def level_at(limit: Limit, now_us: int) -> float:
    """Return the level of a limit at a moment."""
    seconds = max(0, now_us - limit.level_us) / _SECOND
    return max(0.0, limit.level - limit.decay * seconds)


def active_slots(limit: Limit, held: int, now_us: int) -> int:
    """Return how many slots are taken; one that is not wholly back counts as taken."""
    return held + math.ceil(level_at(limit, now_us) - _SLACK)


def refusal(limits: Mapping[str, Limit], request: Request) -> str | None:
    """Return why a request can never be granted, None when it can be.

    Args:
        limits: by name. Names without a limit, and limits that are not active, hold nobody back.
        request: what is asked for.
    """
    for name in request.names:
        limit = limits.get(name)
        if limit is None or not limit.active:
            continue
        if request.slots > limit.limit:
            return (
                f"{request.slots} slot(s) of concurrency limit {name!r} were asked for, but it has {limit.limit}. "
                "Ask for fewer, or raise the limit."
            )
        if request.mode == "rate_limit" and limit.decay <= 0:
            return (
                f"Concurrency limit {name!r} is no rate limit: its slots do not decay. "
                "Give it a slot_decay_per_second above 0."
            )
    return None


def admit(
    limits: Mapping[str, Limit], held: Mapping[str, int], queue: Iterable[Request], now_us: int
) -> Admission:
    """Go through a queue in its order and say who gets what they wait for.

    Args:
        limits: by name.
        held: slots in living leases, by the limit's id.
        queue: who waits, oldest first.
        now_us: the moment, microseconds since 1970 UTC.
    """
    granted: list[Request] = []
    refused: list[tuple[Request, str]] = []
    taken: dict[str, int] = {}
    contested: set[str] = set()
    for request in queue:
        if (reason := refusal(limits, request)) is not None:
            refused.append((request, reason))
            continue
        wanted = [limits[name] for name in request.names if name in limits and limits[name].active]
        if all(
            limit.name not in contested
            and held.get(limit.id, 0) + taken.get(limit.id, 0) + level_at(limit, now_us) + request.slots
            <= limit.limit + _SLACK
            for limit in wanted
        ):
            granted.append(request)
            for limit in wanted:
                taken[limit.id] = taken.get(limit.id, 0) + request.slots
        else:
            contested.update(limit.name for limit in wanted)
    return Admission(tuple(granted), tuple(refused))


def seconds_until_due(
    limits: Mapping[str, Limit], held: Mapping[str, int], queue: Iterable[Request], now_us: int
) -> float | None:
    """Return after how long decay alone may let somebody go; None when only the end of a lease can."""
    waits: list[float] = []
    for request in queue:
        wanted = [limits[name] for name in request.names if name in limits and limits[name].active]
        missing = [
            (limit, held.get(limit.id, 0) + level_at(limit, now_us) + request.slots - limit.limit)
            for limit in wanted
        ]
        short = [(limit, slots) for limit, slots in missing if slots > _SLACK]
        if all(limit.decay > 0 for limit, _ in short):
            waits.append(max((slots / limit.decay for limit, slots in short), default=0.0))
    return min(waits, default=None)


def retry_after(
    limit: Limit, slots: int, waiting: int, mean_seconds: float, longest: float, jitter: float
) -> float:
    """Return how many seconds somebody who was turned away should stay away.

    Args:
        limit: the most contested of the limits.
        slots: how many were asked for.
        waiting: slots that others wait for.
        mean_seconds: how long slots of this limit are held.
        longest: never more than about this, where slots do not decay.
        jitter: from 0 to 1; spreads those who are turned away together over the second half of the time.
    """
    if limit.decay > 0:
        seconds = (slots + waiting) / limit.decay
    else:
        seconds = min(mean_seconds, longest) * (1 + waiting) / max(limit.limit, 1)
        seconds = min(seconds, longest)
    return max(0.1, seconds * (0.5 + jitter / 2))
