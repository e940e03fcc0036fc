"""Which scheduled runs a runner or a worker gets: those of its deployments, or those its work pool has room for.

Every function runs on the writer thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from penstock._journal.liveness import is_alive
from penstock._store import deployments, pools
from penstock._store.core import Core
from penstock._store.documents import channel, pool_channel
from penstock._store.live import LiveRun
from penstock._values.states import StateType

#: Runs in these states take a slot of their pool and of their queue.
_BUSY = frozenset({StateType.PENDING, StateType.RUNNING})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose runs are asked for: those of deployments, or those of a work pool (of some of its queues)."""

    deployment_ids: tuple[str, ...] = ()
    pool: str | None = None
    queues: tuple[str, ...] | None = None

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Wanted:
        """Return what a request asks for."""
        queues = body.get("work_queues")
        pool = body.get("work_pool")
        return cls(
            tuple(str(one) for one in body.get("deployment_ids") or ()),
            str(pool) if pool is not None else None,
            tuple(str(one) for one in queues) if queues else None,
        )

    @property
    def channels(self) -> list[str]:
        """The names to watch for news."""
        pool = [pool_channel(self.pool)] if self.pool is not None else []
        return [*map(channel, self.deployment_ids), *pool]


def due(core: Core, wanted: Wanted, before: datetime, limit: int) -> list[LiveRun]:
    """Return the runs that are due, in the order they are to begin.

    Raises:
        Refused: 404, there is no such pool or queue.
    """
    if wanted.pool is None:
        return deployments.due(core, wanted.deployment_ids, before, limit)
    return [run for run, _ in due_in_pool(core, wanted.pool, wanted.queues, before, None, limit)]


def next_start(core: Core, wanted: Wanted, after: datetime) -> datetime | None:
    """Return when the earliest of the runs that are not due yet is; None when there is none."""
    if wanted.pool is None:
        return deployments.next_start(core, wanted.deployment_ids)
    names = set(wanted.queues or ())
    starts = (
        deployments.start_of(run)
        for run in _waiting(core, wanted.pool)
        if not names or run.body.get("work_queue_name") in names
    )
    return min((start for start in starts if start > after), default=None)


def due_in_pool(
    core: Core,
    pool_name: str,
    queue_names: Iterable[str] | None,
    before: datetime,
    after: datetime | None,
    limit: int,
) -> list[tuple[LiveRun, str]]:
    """Return the runs of a pool that are due and have room, with the id of their queue.

    Queues of a lower number come first; what one queue cannot use of the pool's slots goes to the next.

    Raises:
        Refused: 404, there is no such pool or queue.
    """
    pool = pools.find(core, pool_name)
    chosen = pools.queues(core, pool)
    if queue_names is not None:
        wanted = {pools.find_queue(core, pool, name)["id"] for name in queue_names}
        chosen = [queue for queue in chosen if queue["id"] in wanted]
    now = datetime.now(UTC)
    core.polled.update((queue["id"], now) for queue in chosen)
    if pool["is_paused"]:
        return []
    busy = _busy(core, pool)
    room = _left(pool["concurrency_limit"], busy.total(), limit)
    found: list[tuple[LiveRun, str]] = []
    waiting = _waiting(core, pool_name)
    for queue in chosen:
        if queue["is_paused"]:
            continue
        runs = [run for run in waiting if _queue_of(run, pool) == queue["id"] and _is_due(run, before, after)]
        runs.sort(key=lambda run: (deployments.start_of(run), run.id))
        slots = _left(queue["concurrency_limit"], busy[queue["id"]], room - len(found))
        found += [(run, queue["id"]) for run in runs[:slots]]
        core.polled.update((run.body["deployment_id"], now) for run in runs if run.body.get("deployment_id"))
    return found


def has_room(core: Core, run: LiveRun) -> bool:
    """Return whether the pool and the queue of a run let it begin now; a run without a pool may always."""
    name = run.body.get("work_pool_name")
    pool = next((one for one in core.documents.of(pools.POOL).values() if one["name"] == name), None)
    if pool is None:
        return True
    queue = core.documents.of(pools.QUEUE).get(_queue_of(run, pool))
    busy = _busy(core, pool)
    if pool["is_paused"] or _left(pool["concurrency_limit"], busy.total(), 1) < 1:
        return False
    return queue is None or (
        not queue["is_paused"] and _left(queue["concurrency_limit"], busy[queue["id"]], 1) >= 1
    )


def _left(limit: int | None, taken: int, most: int) -> int:
    return max(0, most if limit is None else min(most, limit - taken))


def _busy(core: Core, pool: Mapping[str, Any]) -> Counter[str]:
    """Count what runs, or is about to, in each queue of a pool."""
    return Counter(
        _queue_of(run, pool)
        for run in core.runs.values()
        if run.body.get("work_pool_name") == pool["name"]
        and run.state is not None
        and run.state.type in _BUSY
    )


def _waiting(core: Core, pool_name: str) -> list[LiveRun]:
    """Return the scheduled runs of a pool that nobody has; a retry waits in the process that makes it."""
    return [
        run
        for run in core.runs.values()
        if run.body.get("work_pool_name") == pool_name
        and run.state is not None
        and run.state.type is StateType.SCHEDULED
        and not is_alive(core.journals, run.owner)
    ]


def _queue_of(run: LiveRun, pool: Mapping[str, Any]) -> str:
    return str(run.body.get("work_queue_id") or pool["default_queue_id"])


def _is_due(run: LiveRun, before: datetime, after: datetime | None) -> bool:
    start = deployments.start_of(run)
    return start <= before and (after is None or start >= after)
