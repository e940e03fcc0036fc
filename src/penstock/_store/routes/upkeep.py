"""What `penstock store` asks of a running store: a table of what can be done to its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from penstock._store import retention, upkeep
from penstock._store.core import Refused
from penstock._store.service import Store

Body = dict[str, Any]


def do(store: Store, body: Body) -> Body:
    """Do what ``body["do"]`` says, on a thread of its own; it may take a while.

    Raises:
        Refused: 422 when there is no such thing, 507 when the disk or the database did not let it.
    """
    import duckdb

    action = _ACTIONS.get(str(body.get("do")))
    if action is None:
        raise Refused(422, {"exception_message": f"do must be one of {', '.join(sorted(_ACTIONS))}."})
    try:
        return action(store, body)
    except (duckdb.Error, OSError) as error:
        raise Refused(507, {"exception_message": f"{body['do']} has failed: {error}"}) from error


def _snapshot(store: Store, _: Body) -> Body:
    taken = store.sweeper.snapshot()
    return {"path": str(taken.path), "lines": taken.lines, "bytes": taken.path.stat().st_size}


def _vacuum(store: Store, _: Body) -> Body:
    return asdict(upkeep.vacuum(store.core))


def _check(store: Store, _: Body) -> Body:
    return {"problems": upkeep.check(store.database, store.workspace)}


def _prune(store: Store, body: Body) -> Body:
    before = body.get("before_us")
    if not isinstance(before, int):
        raise Refused(422, {"exception_message": "before_us must be a time in microseconds since 1970."})
    if body.get("dry_run"):
        return {what: len(ids) for what, ids in retention.old(store.database, before).items()}
    return retention.prune(store, before)


_ACTIONS: dict[str, Callable[[Store, Body], Body]] = {
    "snapshot": _snapshot,
    "vacuum": _vacuum,
    "check": _check,
    "prune": _prune,
}
