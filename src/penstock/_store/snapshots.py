"""Snapshots: copies of the database that were whole when they were written, and what they allow to forget.

DuckDB writes them itself: an open file must never be copied by its path. Beside each lies the newest sequence number
of every client in it. Journals of processes that are gone are kept until the older of two snapshots has all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import orjson

from penstock._crashpoints import crashpoint
from penstock._ids import now_us
from penstock._journal.reader import last_seq
from penstock._store import durability
from penstock._store.database import Database
from penstock._workspace import Workspace

#: How many are kept.
KEEP = 2


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One copy of the database. `marks` has the newest sequence number of each client."""

    path: Path
    marks: dict[str, int]

    @property
    def lines(self) -> int:
        """How many journal lines are in it."""
        return count(self.marks)


def count(marks: dict[str, int]) -> int:
    """Return how many journal lines lie at or below these marks."""
    return sum(marks.values()) + len(marks)


def existing(workspace: Workspace) -> list[Snapshot]:
    """Return the snapshots of a workspace, newest first."""
    found = []
    for path in sorted(workspace.snapshots.glob("store.*.duckdb"), reverse=True):
        try:
            marks = orjson.loads(path.with_suffix(".json").read_bytes())
        except (OSError, orjson.JSONDecodeError):
            continue
        found.append(Snapshot(path, marks))
    return found


def take(database: Database, workspace: Workspace) -> Snapshot:
    """Write a snapshot and forget what it makes superfluous. The file was checkpointed by the caller just before.

    Args:
        database: the open database; writing to it goes on meanwhile.
        workspace: whose it is.

    Raises:
        duckdb.Error, OSError: it cannot be written; the snapshots before it are untouched.
    """
    workspace.snapshots.mkdir(mode=0o700, exist_ok=True)
    copied = database.copy()
    crashpoint("snapshot.copied")
    durability.sync_file(copied.path)
    path = workspace.snapshots / f"store.{now_us():016x}.duckdb"
    durability.replace_text(path.with_suffix(".json"), orjson.dumps(copied.marks).decode())
    crashpoint("snapshot.marked")
    copied.path.rename(path)
    crashpoint("snapshot.renamed")
    durability.sync_folder(workspace.snapshots)
    prune(workspace)
    return Snapshot(path, copied.marks)


def prune(workspace: Workspace) -> int:
    """Remove all but the newest snapshots, and archived journals that are in all of those; returns how many."""
    found = existing(workspace)
    for old in found[KEEP:]:
        old.path.unlink(missing_ok=True)
        crashpoint("snapshot.pruning")
        old.path.with_suffix(".json").unlink(missing_ok=True)
    if len(found) < KEEP:
        return 0
    held, removed = found[KEEP - 1].marks, 0
    for path in workspace.archive.glob("*.jsonl"):
        if 0 <= last_seq(path) <= held.get(path.stem, -1):
            path.unlink()
            crashpoint("archive.pruning")
            removed += 1
    return removed
