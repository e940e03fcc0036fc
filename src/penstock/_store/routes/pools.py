"""Work pools, their queues and workers. Reference pages: rest-api work-pools, work-queues, concepts/work-pools."""

from __future__ import annotations

from datetime import UTC, datetime

from penstock._store import due_runs, pools, show
from penstock._store.core import Core
from penstock._store.filters import WORK_POOLS, WORK_QUEUES
from penstock._store.pages import POOL_SORTS, QUEUE_SORTS
from penstock._store.pool_bodies import (
    MOST,
    ScheduledRunsOfPool,
    WorkerHeartbeat,
    WorkersAsked,
    WorkPoolCreate,
    WorkPoolUpdate,
    WorkQueueCreate,
    WorkQueueUpdate,
)
from penstock._store.routes.kinds import show_flow_runs
from penstock._store.routes.lists import Listing, Record
from penstock._store.routes.web import Answer, Ask, Route


def create(ask: Ask) -> Answer:
    """Make a work pool with its default queue."""
    sent = ask.read(WorkPoolCreate).model_dump(mode="json")

    return 201, ask.call(lambda core: show_pool(core, pools.create(core, sent)))


def read(ask: Ask) -> Answer:
    """Read a work pool."""
    name = ask.path["name"]
    return 200, ask.call(lambda core: show_pool(core, pools.find(core, name)))


def update(ask: Ask) -> Answer:
    """Change the fields that were sent of a work pool."""
    name, sent = ask.path["name"], ask.read(WorkPoolUpdate).sent()
    ask.call(lambda core: pools.update(core, name, sent))
    return 204, None


def delete(ask: Ask) -> Answer:
    """Delete a work pool with its queues and workers; runs and deployments stay."""
    name = ask.path["name"]
    ask.call(lambda core: pools.delete(core, name))
    return 204, None


def scheduled_flow_runs(ask: Ask) -> Answer:
    """List the runs that are due and that pool and queues have room for, in the order they are to begin."""
    name, body = ask.path["name"], ask.read(ScheduledRunsOfPool)
    before = body.scheduled_before or datetime.now(UTC)

    def look(core: Core) -> tuple[str, list[tuple[str, str]]]:
        found = due_runs.due_in_pool(
            core, name, body.work_queue_names, before, body.scheduled_after, body.limit
        )
        return pools.find(core, name)["id"], [(run.id, queue) for run, queue in found]

    pool_id, found = ask.call(look)
    rows = ask.records("FROM runs WHERE id IN (SELECT unnest(?::UUID[]))", [[run_id for run_id, _ in found]])
    shown = {one["id"]: one for one in show_flow_runs(ask, rows)}
    return 200, [
        {"work_pool_id": pool_id, "work_queue_id": queue, "flow_run": shown[run_id]}
        for run_id, queue in found
        if run_id in shown
    ]


def create_queue(ask: Ask) -> Answer:
    """Add a queue to a work pool."""
    name, sent = ask.path["pool"], ask.read(WorkQueueCreate).model_dump(mode="json")

    def make(core: Core) -> Record:
        pool = pools.find(core, name)
        return _show_queue(core, pool, pools.create_queue(core, pool, sent))

    return 201, ask.call(make)


def read_queue(ask: Ask) -> Answer:
    """Read a queue of a work pool."""
    name, queue = ask.path["pool"], ask.path["name"]

    def look(core: Core) -> Record:
        pool = pools.find(core, name)
        return _show_queue(core, pool, pools.find_queue(core, pool, queue))

    return 200, ask.call(look)


def list_queues(ask: Ask) -> Answer:
    """List the queues of a work pool, those that are served first in front."""
    name = ask.path["pool"]
    pool_id = ask.call(lambda core: pools.find(core, name)["id"])
    return QUEUES_LISTED.find(ask, ("work_pool_id = ?", [pool_id]))


def update_queue(ask: Ask) -> Answer:
    """Change the fields that were sent of a queue."""
    name, queue, sent = ask.path["pool"], ask.path["name"], ask.read(WorkQueueUpdate).sent()
    ask.call(lambda core: pools.update_queue(core, pools.find(core, name), queue, sent))
    return 204, None


def delete_queue(ask: Ask) -> Answer:
    """Delete a queue; its runs wait in the default one."""
    name, queue = ask.path["pool"], ask.path["name"]
    ask.call(lambda core: pools.delete_queue(core, pools.find(core, name), queue))
    return 204, None


def heartbeat(ask: Ask) -> Answer:
    """Note that a worker is there."""
    name, body = ask.path["pool"], ask.read(WorkerHeartbeat)
    interval = body.heartbeat_interval_seconds
    ask.call(lambda core: pools.heartbeat(core, pools.find(core, name), body.name, interval))
    return 204, None


def list_workers(ask: Ask) -> Answer:
    """List the workers of a work pool."""
    name, body = ask.path["pool"], ask.read(WorkersAsked)

    def look(core: Core) -> list[Record]:
        found = []
        for one in pools.workers(core, pools.find(core, name)):
            heard = pools.last_heard(core, one)
            shown = show.worker(one, heard, online=pools.is_online(core, one))
            if body.workers is None or body.workers.holds_for(heard, shown["status"]):
                found.append(shown)
        return found

    return 200, ask.call(look)[body.offset :][: MOST if body.limit is None else body.limit]


def delete_worker(ask: Ask) -> Answer:
    """Forget a worker."""
    name, worker = ask.path["pool"], ask.path["name"]
    ask.call(lambda core: pools.delete_worker(core, pools.find(core, name), worker))
    return 204, None


def show_pool(core: Core, pool: Record) -> Record:
    """Return a pool; it is ready while one of its workers is online."""
    online = any(pools.is_online(core, worker) for worker in pools.workers(core, pool))
    return show.work_pool(pool, online=online)


def _show_queue(core: Core, pool: Record, queue: Record) -> Record:
    return show.work_queue(queue, pool["name"], core.polled.get(queue["id"]))


def _show_pools(ask: Ask, rows: list[Record]) -> list[Record]:
    ids = [str(row["id"]) for row in rows]

    def look(core: Core) -> list[Record]:
        known = core.documents.of(pools.POOL)
        return [show_pool(core, known[one]) for one in ids if one in known]

    return ask.call(look)


def _show_queues(ask: Ask, rows: list[Record]) -> list[Record]:
    ids = [str(row["id"]) for row in rows]

    def look(core: Core) -> list[Record]:
        known, above = core.documents.of(pools.QUEUE), core.documents.of(pools.POOL)
        there = [known[one] for one in ids if one in known]
        return [_show_queue(core, above[queue["work_pool_id"]], queue) for queue in there]

    return ask.call(look)


POOLS_LISTED = Listing(
    "work_pools", "work_pools", WORK_POOLS, POOL_SORTS, "NAME_ASC", _show_pools, "WorkPool"
)
QUEUES_LISTED = Listing(
    "work_queues", "work_queues", WORK_QUEUES, QUEUE_SORTS, "PRIORITY_ASC", _show_queues, "WorkQueueResponse"
)
_ONE, _OF = "/work_pools/{name}", "/work_pools/{pool}"
_RUNS = {"type": "array", "items": "WorkerFlowRunResponse"}


ROUTES = [
    Route("POST", "/work_pools/", create, WorkPoolCreate, "WorkPool", 201),
    *POOLS_LISTED.routes("/work_pools", paged=False),
    Route("GET", _ONE, read, answer="WorkPool"),
    Route("PATCH", _ONE, update, WorkPoolUpdate, status=204),
    Route("DELETE", _ONE, delete, status=204),
    Route("POST", f"{_ONE}/get_scheduled_flow_runs", scheduled_flow_runs, ScheduledRunsOfPool, _RUNS),
    Route("POST", f"{_OF}/queues", create_queue, WorkQueueCreate, "WorkQueueResponse", 201),
    Route(
        "POST",
        f"{_OF}/queues/filter",
        list_queues,
        QUEUES_LISTED.schema("limit", "offset"),
        {"type": "array", "items": "WorkQueueResponse"},
    ),
    Route("GET", _OF + "/queues/{name}", read_queue, answer="WorkQueueResponse"),
    Route("PATCH", _OF + "/queues/{name}", update_queue, WorkQueueUpdate, status=204),
    Route("DELETE", _OF + "/queues/{name}", delete_queue, status=204),
    Route("POST", f"{_OF}/workers/heartbeat", heartbeat, WorkerHeartbeat, status=204),
    Route(
        "POST",
        f"{_OF}/workers/filter",
        list_workers,
        WorkersAsked,
        {"type": "array", "items": "WorkerResponse"},
    ),
    Route("DELETE", _OF + "/workers/{name}", delete_worker, status=204),
]
