"""Opening the database whatever happened to it: it is an index, the journals and snapshots are the truth."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock._crashpoints import crashpoint
from penstock._ids import new_id, now_us
from penstock._journal.line import Line
from penstock._journal.reader import read_all
from penstock._store import durability, snapshots
from penstock._store.database import Database, NewerSchema
from penstock._store.report import say
from penstock._store.rows import Rows, add_rows
from penstock._workspace import Workspace

_SLICE = 20_000


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was done about a database that could not be used.

    `snapshot` is the name of the copy it was rebuilt from, None for journals alone; `lines` were replayed.
    """

    reason: str
    quarantine: Path | None
    snapshot: str | None
    lines: int

    def event(self) -> dict[str, Any]:
        """Return the body of the `event` line that makes it visible."""
        return {
            "id": str(new_id()),
            "occurred": now_us(),
            "event": "penstock.store.recovered",
            "resource": {"prefect.resource.id": "penstock.store", "prefect.resource.name": "store"},
            "related": [],
            "payload": {
                "reason": self.reason,
                "quarantine": str(self.quarantine) if self.quarantine else None,
                "snapshot": self.snapshot,
                "lines": self.lines,
            },
        }


def open_database(workspace: Workspace) -> Database:
    """Open the workspace's database; made when missing, rebuilt when it cannot be read or lacks what snapshots have.

    Raises:
        NewerSchema: it belongs to a newer Penstock and is left alone.
    """
    import duckdb

    if not workspace.database.exists():
        known = snapshots.existing(workspace) or _wal(workspace.database).exists()
        return rebuild(workspace, "the file is missing") if known else _build(workspace, None)
    damage = workspace.home / Database.DAMAGED
    if damage.exists():
        return rebuild(workspace, damage.read_text() or "it was found damaged")
    database = None
    try:
        database = Database(workspace.database)
        if not _is_older(database, workspace):
            return database
        reason = "it is older than the newest snapshot"
    except NewerSchema:
        raise
    except (duckdb.Error, UnicodeDecodeError) as error:
        if _is_locked(error):
            raise
        reason = str(error)
    if database is not None:
        database.close(checkpoint=False)
    return rebuild(workspace, reason)


def rebuild(workspace: Workspace, reason: str = "asked for") -> Database:
    """Put the database aside and make it again from the newest usable snapshot and the journals.

    The caller holds the lock of the workspace and has not opened the database.

    Args:
        workspace: whose database.
        reason: goes into the log and the event.

    Returns:
        the open database; its `recovery` says what was done, and the writer makes an event of it.
    """
    kept = quarantine(workspace)
    say(f"{workspace.database} cannot be used ({reason}); it is kept in {kept}")
    crashpoint("recovery.quarantined")
    return _build(workspace, Recovery(reason, kept, None, 0))


def quarantine(workspace: Workspace, *others: Path) -> Path | None:
    """Move the database and its log (or other files) aside, never deleting them; None when there are none."""
    paths = others or (workspace.database, _wal(workspace.database))
    present = [path for path in paths if path.exists()]
    if not present:
        return None
    folder = workspace.quarantine / time.strftime("%Y%m%dT%H%M%S")
    while folder.exists():
        folder = folder.with_name(folder.name + "_")
    folder.mkdir(mode=0o700, parents=True)
    for path in present:
        path.rename(folder / path.name)
        crashpoint("recovery.quarantining")
    return folder


def journals(workspace: Workspace) -> list[Path]:
    """Return every journal of the workspace, of the living and of the dead."""
    found = {path.name: path for path in workspace.journals.glob("*.jsonl")}
    found |= {
        path.name: path for path in workspace.archive.glob("*.jsonl")
    }  # second: some move there meanwhile
    return [found[name] for name in sorted(found)]


def _build(workspace: Workspace, why: Recovery | None) -> Database:
    """Make a database under another name, fill it, then give it its name.

    DuckDB cannot open a file whose creation was cut short, so an unfinished one must never bear the name.
    """
    new = workspace.home / "store.new.duckdb"
    database, source = _start(workspace, new)
    try:
        marks = database.marks()
        lines = sum(_replay(database, path, marks.get(path.stem, -1)) for path in journals(workspace))
        crashpoint("recovery.replayed")
    finally:
        database.close()
    durability.sync_file(new)
    quarantine(workspace)
    new.rename(workspace.database)
    crashpoint("recovery.renamed")
    durability.sync_folder(workspace.home)
    (workspace.home / Database.DAMAGED).unlink(missing_ok=True)
    database = Database(workspace.database)
    if why is not None or lines:
        reason = why.reason if why is not None else "the file is missing"
        kept = why.quarantine if why is not None else None
        database.recovery = Recovery(reason, kept, source, lines)
        say(f"rebuilt from {source or 'no snapshot'} and {lines} journalled events")
    return database


def _start(workspace: Workspace, new: Path) -> tuple[Database, str | None]:
    """Return an open database under the name `new`: a copy of the newest usable snapshot, else an empty one."""
    import duckdb

    for snapshot in snapshots.existing(workspace):
        _discard(new)
        shutil.copyfile(snapshot.path, new)
        try:
            database = Database(new)
            if database.marks() == snapshot.marks:
                return database, snapshot.path.name
            database.close(checkpoint=False)
            reason = "it is not what was written"
        except duckdb.Error as error:
            reason = str(error)
        kept = quarantine(workspace, snapshot.path, snapshot.path.with_suffix(".json"))
        say(f"snapshot {snapshot.path.name} cannot be used ({reason}); it is kept in {kept}")
    _discard(new)
    return Database(new), None


def _discard(path: Path) -> None:
    for left in (path, _wal(path)):
        left.unlink(missing_ok=True)


def _is_older(database: Database, workspace: Workspace) -> bool:
    """True when a snapshot has lines the database lacks: an old copy was put back, or its log was lost."""
    have = database.marks()
    newest = next(iter(snapshots.existing(workspace)), None)
    return newest is not None and any(have.get(client, -1) < mark for client, mark in newest.marks.items())


def _replay(database: Database, path: Path, mark: int) -> int:
    """Take in the lines of one journal above a mark; returns how many."""
    done = mark
    lines: list[Line] = []
    for line in read_all(path):
        if line.seq <= done:
            continue
        if line.seq != done + len(lines) + 1:
            break
        lines.append(line)
        if len(lines) == _SLICE:
            done += _append(database, path.stem, lines)
            crashpoint("recovery.replaying")
            lines = []
    return done + _append(database, path.stem, lines) - mark


def _append(database: Database, client: str, lines: list[Line]) -> int:
    if lines:
        rows: Rows = {}
        for line in lines:
            add_rows(client, line, rows)
        rows["batch"] = [(client, lines[0].seq, lines[-1].seq, now_us())]
        database.write(rows)
        database.settle()
    return len(lines)


def _wal(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


def _is_locked(error: Exception) -> bool:
    return "Could not set lock" in str(error) or "Permission denied" in str(error)
