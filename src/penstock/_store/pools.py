"""What the store decides about work pools, their queues and workers. Every function runs on the writer thread.

Each is one document. When a worker or somebody who asks for runs was last heard of is memory (`core.polled`, by id);
a worker's document keeps when it was first heard of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from penstock._ids import new_id
from penstock._store import changes
from penstock._store.core import Core
from penstock._store.documents import pool_channel, put
from penstock._store.requests import missing, refusal

POOL, QUEUE, WORKER = "work_pool", "work_queue", "worker"
Document = dict[str, Any]
#: A worker that has missed so many heartbeats is offline.
_MISSED = 3
#: How often a worker says that it is there, when it does not say.
_INTERVAL = 30.0
#: What may be changed of a pool that is not the user's own.
_RESERVED_MAY = {"is_paused", "concurrency_limit"}


def find(core: Core, name: str) -> Document:
    """Return a work pool by its name.

    Raises:
        Refused: 404, there is none.
    """
    found = _named(core.documents.of(POOL).values(), name)
    if found is None:
        raise missing(f"work pool {name!r}", "Make it with: penstock work-pool create NAME --type process")
    return found


def create(core: Core, sent: Document) -> Document:
    """Make a work pool with its default queue and return it.

    Raises:
        Refused: 409, its name is taken; 403, it is one of those that are not for users.
    """
    if _is_reserved(sent["name"]):
        raise refusal(403, "Names of work pools that begin with 'prefect' are reserved; choose another one.")
    if _named(core.documents.of(POOL).values(), sent["name"]):
        raise refusal(409, f"There is a work pool named {sent['name']!r} already.")
    identity, queue = str(new_id()), str(new_id())
    moment = _now()
    put(
        core,
        POOL,
        identity,
        {**sent, "id": identity, "created": moment, "updated": moment, "default_queue_id": queue},
    )
    fields = {"name": "default", "description": "The work pool's default queue.", "priority": 1}
    _put_queue(core, {**_NEW_QUEUE, **fields, "id": queue, "work_pool_id": identity, "created": moment})
    return core.documents.of(POOL)[identity]


def update(core: Core, name: str, sent: Document) -> None:
    """Change the fields that were sent.

    Raises:
        Refused: 404, there is no such pool; 403, this may not be changed of it.
    """
    before = find(core, name)
    if _is_reserved(name) and not set(sent) <= _RESERVED_MAY:
        raise refusal(
            403, f"Of work pool {name!r} only {' and '.join(sorted(_RESERVED_MAY))} can be changed."
        )
    kept = {
        key: value
        for key, value in sent.items()
        if value is not None or key in ("description", "concurrency_limit")
    }
    put(core, POOL, before["id"], {**before, **kept, "updated": _now()})
    core.touch(pool_channel(name))


def delete(core: Core, name: str) -> None:
    """Delete a work pool with its queues and workers; its runs and deployments stay, without a pool.

    Raises:
        Refused: 404, there is none; 403, it is not the user's own.
    """
    pool = find(core, name)
    if _is_reserved(name):
        raise refusal(403, f"Work pool {name!r} cannot be deleted.")
    for kind in (QUEUE, WORKER):
        for one in [d for d in core.documents.of(kind).values() if d["work_pool_id"] == pool["id"]]:
            put(core, kind, one["id"], None)
    for one in [d for d in core.documents.of("deployment").values() if d.get("work_pool_name") == name]:
        put(core, "deployment", one["id"], {**one, "work_pool_name": None, "work_queue_name": None})
    for run in [run for run in core.runs.values() if run.body.get("work_pool_name") == name]:
        changes.change(core, "flow_run", run.id, dict.fromkeys(_OF_RUN))
    put(core, POOL, pool["id"], None)
    core.touch(pool_channel(name))


def queues(core: Core, pool: Mapping[str, Any]) -> list[Document]:
    """Return the queues of a pool, those that are served first in front."""
    found = [queue for queue in core.documents.of(QUEUE).values() if queue["work_pool_id"] == pool["id"]]
    return sorted(found, key=lambda queue: (queue["priority"], queue["name"]))


def find_queue(core: Core, pool: Mapping[str, Any], name: str) -> Document:
    """Return a queue of a pool by its name.

    Raises:
        Refused: 404, there is none.
    """
    found = _named(queues(core, pool), name)
    if found is None:
        raise missing(f"work queue {name!r} in work pool {pool['name']!r}")
    return found


def create_queue(core: Core, pool: Mapping[str, Any], sent: Document) -> Document:
    """Add a queue to a pool and return it; a priority that is taken moves the others down.

    Raises:
        Refused: 409, its name is taken.
    """
    _check_free(core, pool, sent["name"])
    body = {**_NEW_QUEUE, **sent, "id": str(new_id()), "work_pool_id": pool["id"], "created": _now()}
    taken = {queue["priority"] for queue in queues(core, pool)}
    if body["priority"] is None:
        body["priority"] = next(number for number in range(1, len(taken) + 2) if number not in taken)
    return _placed(core, pool, body)


def update_queue(core: Core, pool: Mapping[str, Any], name: str, sent: Document) -> None:
    """Change the fields that were sent of a queue.

    Raises:
        Refused: 404, there is none; 409, its new name is taken.
    """
    before = find_queue(core, pool, name)
    wanted = sent.get("name") or name
    if wanted != name:
        _check_free(core, pool, wanted)
    if sent.get("last_polled"):
        core.polled[before["id"]] = datetime.fromisoformat(sent["last_polled"])
    body = {**before, **sent, "name": wanted, "priority": sent.get("priority") or before["priority"]}
    body.pop("last_polled", None)
    _placed(core, pool, body)
    if wanted != name:
        for run in [run for run in core.runs.values() if run.body.get("work_queue_id") == before["id"]]:
            changes.change(core, "flow_run", run.id, {"work_queue_name": wanted})


def delete_queue(core: Core, pool: Mapping[str, Any], name: str) -> None:
    """Delete a queue; its runs wait in the default one.

    Raises:
        Refused: 404, there is none; 400, it is the default queue.
    """
    queue = find_queue(core, pool, name)
    if queue["id"] == pool["default_queue_id"]:
        raise refusal(400, f"The default queue of work pool {pool['name']!r} cannot be deleted.")
    put(core, QUEUE, queue["id"], None)
    default = core.documents.of(QUEUE)[pool["default_queue_id"]]
    for run in [run for run in core.runs.values() if run.body.get("work_queue_id") == queue["id"]]:
        fields = {"work_queue_id": default["id"], "work_queue_name": default["name"]}
        changes.change(core, "flow_run", run.id, fields)
    core.touch(pool_channel(pool["name"]))


def heartbeat(core: Core, pool: Mapping[str, Any], name: str, interval: float | None) -> None:
    """Note that a worker is there."""
    known = _named(workers(core, pool), name)
    if known is None or known["heartbeat_interval_seconds"] != interval:
        identity = known["id"] if known is not None else str(new_id())
        moment = _now()
        body = {
            "id": identity,
            "name": name,
            "work_pool_id": pool["id"],
            "heartbeat_interval_seconds": interval,
        }
        put(core, WORKER, identity, {"created": moment, **(known or {}), **body, "updated": moment})
    else:
        identity = known["id"]
    core.polled[identity] = datetime.now(UTC)


def workers(core: Core, pool: Mapping[str, Any]) -> list[Document]:
    """Return the workers of a pool by name."""
    found = [one for one in core.documents.of(WORKER).values() if one["work_pool_id"] == pool["id"]]
    return sorted(found, key=lambda one: one["name"])


def delete_worker(core: Core, pool: Mapping[str, Any], name: str) -> None:
    """Forget a worker.

    Raises:
        Refused: 404, there is none.
    """
    found = _named(workers(core, pool), name)
    if found is None:
        raise missing(f"worker {name!r} in work pool {pool['name']!r}")
    put(core, WORKER, found["id"], None)


def last_heard(core: Core, worker: Mapping[str, Any]) -> datetime:
    """Return when a worker last said that it is there."""
    return core.polled.get(worker["id"]) or datetime.fromisoformat(worker["updated"])


def is_online(core: Core, worker: Mapping[str, Any]) -> bool:
    """Return whether a worker has said lately that it is there."""
    interval = worker["heartbeat_interval_seconds"] or _INTERVAL
    return datetime.now(UTC) - last_heard(core, worker) < timedelta(seconds=interval * _MISSED)


def placement(core: Core, pool_name: str | None, queue_name: str | None) -> dict[str, str]:
    """Return the fields of a run that say where it waits; a queue that is not there is made.

    Raises:
        Refused: 404, there is no such pool.
    """
    if pool_name is None:
        return {}
    pool = find(core, pool_name)
    if queue_name is None:
        queue = core.documents.of(QUEUE)[pool["default_queue_id"]]
    else:
        queue = _named(queues(core, pool), queue_name) or create_queue(core, pool, {"name": queue_name})
    values = (pool_name, pool["id"], queue["name"], queue["id"])
    return dict(zip(_OF_RUN, values, strict=True))


def _named(documents: Iterable[Document], name: str) -> Document | None:
    return next((one for one in documents if one["name"] == name), None)


def _check_free(core: Core, pool: Mapping[str, Any], name: str) -> None:
    if _named(queues(core, pool), name):
        raise refusal(409, f"There is a work queue {name!r} in work pool {pool['name']!r} already.")


def _placed(core: Core, pool: Mapping[str, Any], body: Document) -> Document:
    """Write a queue where its priority puts it; each number is there once, and only those in the way move."""
    others = {one["priority"]: one for one in queues(core, pool) if one["id"] != body["id"]}
    wanted = body["priority"]
    moving = others.pop(wanted, None)
    while moving is not None:
        wanted += 1
        pushed = others.pop(wanted, None)
        _put_queue(core, {**moving, "priority": wanted})
        moving = pushed
    written = _put_queue(core, body)
    core.touch(pool_channel(pool["name"]))
    return written


def _put_queue(core: Core, body: Document) -> Document:
    written = {**body, "updated": _now()}
    put(core, QUEUE, body["id"], written)
    return written


def _is_reserved(name: str) -> bool:
    return name.lower().startswith("prefect")


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


_NEW_QUEUE: Document = {
    "description": "",
    "is_paused": False,
    "concurrency_limit": None,
    "priority": None,
    "filter": None,
}
#: What a run has of its pool and queue.
_OF_RUN = ("work_pool_name", "work_pool_id", "work_queue_name", "work_queue_id")
