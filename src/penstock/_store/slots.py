"""What the writer remembers of concurrency limits: the limits, the living leases, and who waits.

Only lines change limits and leases (`remember`), so what is in memory is what a rebuild gives. The queue is not
journalled: whoever waits asks again when the store is another one, and keeps the place its first request had.
"""

from __future__ import annotations

import os
import time
from bisect import insort
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from penstock._journal.line import Line
from penstock._rules.slots import TAG, Limit, Request
from penstock._store import durability

if TYPE_CHECKING:
    from penstock._store.database import Database

#: Ids that were given up before they were asked for, or after; a request that comes late must not be granted.
_GIVEN_UP = 4096
KINDS = frozenset({"limit", "level", "lease", "lease_ended"})


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a lease is. A process of this machine holds it by living, anybody else for `seconds` at a time."""

    client: str | None = None
    holder_type: str | None = None
    holder_id: str | None = None
    seconds: float | None = None
    #: The lease ends with this task run's last state, too.
    task_run_id: str | None = None


@dataclass(slots=True)
class Lease:
    """Slots that somebody holds, by the limit's id."""

    id: str
    slots: dict[str, int]
    owner: Owner
    since_us: int
    #: When a timed one ends, on the monotonic clock: a laptop that slept, or whose clock was set, takes none away.
    deadline: float | None = None


@dataclass(frozen=True, slots=True, order=True)
class Waiting:
    """A request in the queue; ordered by when it was first made."""

    asked_us: int
    request: Request = field(compare=False)
    owner: Owner = field(compare=False)


class Slots:
    """The writer's memory of concurrency limits.

    Args:
        index: the file that tells the processes of this machine which tags are limited, so that they need not ask.
    """

    def __init__(self, index: Path) -> None:
        self._index = index
        self._written_ns = 0
        self.limits: dict[str, Limit] = {}
        self.by_name: dict[str, Limit] = {}
        self.leases: dict[str, Lease] = {}
        self._of_limit: dict[str, dict[str, int]] = {}
        self.queue: list[Waiting] = []
        #: Answers that wait for their asker's next poll, by client and request.
        self.settled: dict[str, dict[str, dict[str, Any]]] = {}
        self.given_up: OrderedDict[str, None] = OrderedDict()
        #: Leases to end before the next commit, with the reason.
        self.ending: dict[str, str] = {}
        #: True when somebody may get what they wait for.
        self.changed = False
        #: Seconds slots of a limit were held of late, by its id; for advice on when to ask again only.
        self.mean_seconds: dict[str, float] = {}

    def load(self, database: Database) -> None:
        """Take limits and leases from the database."""
        for row in database.records(_LIMITS):
            about = {name: row[name] for name in ("name", "limit", "active", "decay", "level", "level_us")}
            stamps = {"created_us": row["created_us"], "updated_us": row["at_us"]}
            self._put(Limit(id=str(row["id"]), **about, **stamps))
        for row in database.records(_LEASES):
            owner = Owner(
                row["owner"],
                row["holder_type"],
                _text(row["holder_id"]),
                row["seconds"],
                _text(row["task_run_id"]),
            )
            lease = self.leases.get(str(row["id"])) or Lease(str(row["id"]), {}, owner, row["at_us"])
            self._hold(lease, {**lease.slots, str(row["limit_id"]): row["slots"]})
        self.write_index()

    def remember(self, line: Line) -> None:
        """Keep memory in step with a line."""
        body = line.body
        if line.kind == "limit" and body.get("deleted"):
            self._drop(str(body["id"]))
        elif line.kind == "limit":
            known = self.limits.get(str(body["id"]))
            about = {name: body[name] for name in ("name", "limit", "active", "decay")}
            made = known or Limit(id=str(body["id"]), created_us=line.at, level_us=line.at, **about)
            self._put(replace(made, updated_us=line.at, **about))
        elif line.kind == "level" and (found := self.limits.get(str(body["limit_id"]))) is not None:
            self._put(replace(found, level=float(body["level"]), level_us=line.at))
        elif line.kind == "lease":
            who = (body.get(key) for key in ("client", "holder_type", "holder_id", "seconds", "task_run_id"))
            lease = Lease(str(body["id"]), {}, Owner(*who), line.at)
            self._hold(lease, {str(limit): int(slots) for limit, slots in body["slots"].items()})
        elif line.kind == "lease_ended":
            self._end(str(body["id"]), line.at)
        self.changed = True

    def held(self) -> dict[str, int]:
        """Return how many slots of each limit are in living leases."""
        return {limit: sum(leases.values()) for limit, leases in self._of_limit.items()}

    def held_of(self, limit_id: str) -> int:
        """Return how many slots of one limit are in living leases."""
        return sum(self._of_limit.get(limit_id, {}).values())

    def holders(self, limit_id: str) -> Iterator[Lease]:
        """Return the leases of a limit, oldest first."""
        for lease in self._of_limit.get(limit_id, ()):
            yield self.leases[lease]

    def enqueue(self, waiting: Waiting) -> None:
        """Put somebody in the queue, at the place that is theirs."""
        insort(self.queue, waiting)

    def leave(self, request_id: str) -> Waiting | None:
        """Take a request out of the queue; None when it is not there."""
        for place, waiting in enumerate(self.queue):
            if waiting.request.id == request_id:
                return self.queue.pop(place)
        return None

    def give_up(self, request_id: str) -> None:
        """Remember that nobody wants this any more."""
        self.given_up[request_id] = None
        while len(self.given_up) > _GIVEN_UP:
            self.given_up.popitem(last=False)

    def task_ended(self, task_run_id: str) -> None:
        """A task run is over: what it holds by its tags ends, whoever says so."""
        for lease in self.leases.values():
            if lease.owner.task_run_id == task_run_id:
                self.ending[lease.id] = "the task run ended"
                self.changed = True

    def write_index(self) -> None:
        """Tell the processes of this machine which tags are limited; see `penstock._link.limited_tags`."""
        tags = sorted(name.removeprefix(TAG) for name, one in self.by_name.items() if _limits_a_tag(one))
        fresh = self._index.with_name(f"{self._index.name}.new")
        durability.replace_text(fresh, orjson.dumps(tags).decode())
        # Readers tell files by this time. The clock of files ticks too slowly to tell two changes in one commit.
        self._written_ns = max(self._written_ns + 1, time.time_ns())
        os.utime(fresh, ns=(self._written_ns, self._written_ns))
        fresh.replace(self._index)

    def _put(self, limit: Limit) -> None:
        before = self.limits.get(limit.id)
        if before is not None and before.name != limit.name and self.by_name.get(before.name) is before:
            del self.by_name[before.name]
        self.limits[limit.id] = self.by_name[limit.name] = limit

    def _drop(self, limit_id: str) -> None:
        limit = self.limits.pop(limit_id, None)
        if limit is not None and self.by_name.get(limit.name) is limit:
            del self.by_name[limit.name]
        for lease_id in list(self._of_limit.pop(limit_id, ())):
            lease = self.leases[lease_id]
            lease.slots.pop(limit_id, None)
            if not lease.slots:
                del self.leases[lease_id]

    def _hold(self, lease: Lease, slots: dict[str, int]) -> None:
        lease.slots = {limit: count for limit, count in slots.items() if limit in self.limits}
        if lease.owner.seconds is not None:
            lease.deadline = time.monotonic() + lease.owner.seconds
        for limit, count in lease.slots.items():
            self._of_limit.setdefault(limit, {})[lease.id] = count
            self.leases[lease.id] = lease

    def _end(self, lease_id: str, at_us: int) -> None:
        lease = self.leases.pop(lease_id, None)
        self.ending.pop(lease_id, None)
        if lease is None:
            self.leave(lease_id)
            self.give_up(lease_id)
            return
        for limit in lease.slots:
            self._of_limit.get(limit, {}).pop(lease_id, None)
            self.note_occupancy(limit, max(0, at_us - lease.since_us) / 1_000_000)

    def note_occupancy(self, limit_id: str, seconds: float) -> None:
        """Count one more time that slots of a limit were held."""
        limit = self.limits.get(limit_id)
        samples = 2 * max(limit.limit, 1) if limit is not None else 2
        before = self.mean_seconds.get(limit_id, 2.0)
        self.mean_seconds[limit_id] = before + (max(seconds, 0.1) - before) / samples


def _limits_a_tag(limit: Limit) -> bool:
    return limit.active and limit.name.startswith(TAG)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


_LIMITS = """
SELECT l.id, l.name, l.slots AS "limit", l.active, l.decay, l.created_us, l.at_us,
       coalesce(v.level, 0) AS level, coalesce(v.at_us, l.at_us) AS level_us
FROM raw.slot_limit_now l
LEFT JOIN (SELECT limit_id, arg_max(level, (at_us, seq)) AS level, max(at_us) AS at_us FROM raw.slot_level
           GROUP BY limit_id) v ON v.limit_id = l.id
"""
_LEASES = """
SELECT id, limit_id, slots, owner, holder_type, holder_id, seconds, task_run_id, at_us FROM raw.lease
WHERE id NOT IN (SELECT id FROM raw.lease_ended) AND limit_id IN (SELECT id FROM raw.slot_limit_now)
ORDER BY at_us, seq
"""
