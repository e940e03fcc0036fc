"""Forgetting what is old: runs that ended before some time, with all that belongs to them.

A deletion is a line like any other decision, so a database that is rebuilt forgets the same runs. What it deletes is
then erased from the tables, the file is written anew without the holes, and two snapshots let go of the journals that
still have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock._store import changes, upkeep
from penstock._store.core import Core
from penstock._store.database import Database
from penstock._store.service import Store

#: Runs deleted in one turn of the writer, between which others get theirs.
_PORTION = 500
_ENDED = "state_type IN ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED') AND end_time < make_timestamp(?)"
_OLD_RUNS = f"SELECT id FROM runs WHERE {_ENDED}"
#: Task runs go with their flow run; those that never had one, or whose flow run is gone, go by themselves.
_OLD_TASK_RUNS = f"SELECT id FROM raw.task_run_row WHERE flow_run_id IS NULL AND {_ENDED}"
_OLD_ARTIFACTS = (
    f"SELECT id FROM artifacts WHERE flow_run_id IN ({_OLD_RUNS}) OR task_run_id IN ({_OLD_TASK_RUNS})"
)
_GONE = "(SELECT id FROM raw.deleted)"
#: What is erased. Changes, names and fences of a deleted task run stay: they are few, and tell late lines from new ones.
ERASE = (
    f"DELETE FROM raw.artifact WHERE id IN {_GONE}",
    f"DELETE FROM raw.log WHERE flow_run_id IN {_GONE} OR task_run_id IN {_GONE}",
    f"DELETE FROM raw.edge WHERE flow_run_id IN {_GONE} OR task_run_id IN {_GONE}",
    f"DELETE FROM raw.cache_key WHERE flow_run_id IN {_GONE} OR task_run_id IN {_GONE}",
    f"DELETE FROM raw.input WHERE flow_run_id IN {_GONE}",
    f"DELETE FROM raw.owner WHERE flow_run_id IN {_GONE}",
    f"DELETE FROM raw.task_state WHERE flow_run_id IN {_GONE} OR task_run_id IN {_GONE}",
    f"DELETE FROM raw.unsettled WHERE task_run_id IN (SELECT id FROM raw.task_run WHERE flow_run_id IN {_GONE})",
    f"DELETE FROM raw.task_run WHERE flow_run_id IN {_GONE} OR id IN {_GONE}",
    f"DELETE FROM raw.flow_state WHERE flow_run_id IN {_GONE}",
    f"DELETE FROM raw.changed WHERE id IN {_GONE}",
    f"DELETE FROM raw.flow_run WHERE id IN {_GONE}",
)


def old(database: Database, before_us: int) -> dict[changes.What, list[str]]:
    """Return what ended before a time, by kind: ids of flow runs, of task runs without one, and of their artifacts.

    Args:
        database: what is asked.
        before_us: microseconds since 1970 UTC.
    """
    return {
        "artifact": _ids(database, _OLD_ARTIFACTS, [before_us, before_us]),
        "task_run": _ids(database, _OLD_TASK_RUNS, [before_us]),
        "flow_run": _ids(database, _OLD_RUNS, [before_us]),
    }


def prune(store: Store, before_us: int) -> dict[str, Any]:
    """Delete what ended before a time, erase it from the file and let go of the journals that have it.

    Args:
        store: the running store.
        before_us: microseconds since 1970 UTC.

    Returns:
        how many there were of each kind, and the bytes of the database before and after.
    """
    found = old(store.database, before_us)
    for what, ids in found.items():
        for start in range(0, len(ids), _PORTION):
            store.core.call(_deletion(what, ids[start : start + _PORTION])).result()
    return {**{what: len(ids) for what, ids in found.items()}, **erase(store)}


def erase(store: Store) -> dict[str, Any]:
    """Take what was deleted out of the tables, and write the file anew."""
    store.core.commits.erase(ERASE)
    compacted = upkeep.vacuum(store.core)
    # Journals are kept until the older of two snapshots has all of them.
    store.sweeper.sweep()
    store.sweeper.snapshot()
    store.sweeper.snapshot()
    return {"bytes_before": compacted.before, "bytes_after": compacted.after}


def _deletion(what: changes.What, ids: Sequence[str]) -> Any:
    def delete(core: Core) -> None:
        for identity in ids:
            if what != "flow_run" or core.find(identity) is not None:
                changes.delete(core, what, identity)

    return delete


def _ids(database: Database, sql: str, values: list[Any]) -> list[str]:
    return [str(row[0]) for row in database.read(sql, values)]
