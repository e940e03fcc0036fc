"""Opening the database whatever happened to it: it is an index, the journals are the truth."""

from __future__ import annotations

import time
from pathlib import Path

from penstock._ids import now_us
from penstock._journal.line import Line
from penstock._journal.reader import read_all
from penstock._store import durability
from penstock._store.database import Database, NewerSchema
from penstock._store.report import say
from penstock._store.rows import Rows, add_rows
from penstock._workspace import Workspace

_SLICE = 20_000


def open_database(workspace: Workspace) -> Database:
    """Open the workspace's database; made when missing, rebuilt from the journals when it cannot be read.

    Raises:
        NewerSchema: it belongs to a newer Penstock and is left alone.
    """
    import duckdb

    if workspace.database.exists():
        try:
            return Database(workspace.database)
        except NewerSchema:
            raise
        except duckdb.Error as error:
            if _is_locked(error):
                raise
            kept = quarantine(workspace)
            say(f"{workspace.database} cannot be read ({error}); it is kept in {kept}")
    return build(workspace)


def quarantine(workspace: Workspace) -> Path:
    """Move the database and its log aside, never deleting them."""
    folder = workspace.quarantine / time.strftime("%Y%m%dT%H%M%S")
    while folder.exists():
        folder = folder.with_name(folder.name + "_")
    folder.mkdir(mode=0o700, parents=True)
    for path in (workspace.database, _wal(workspace.database)):
        if path.exists():
            path.rename(folder / path.name)
    return folder


def build(workspace: Workspace) -> Database:
    """Make a database under another name, fill it from all journals, then give it its name.

    DuckDB cannot open a file whose creation was cut short, so an unfinished one must never bear the name.
    """
    new = workspace.home / "store.new.duckdb"
    for left in (new, _wal(new), _wal(workspace.database)):
        left.unlink(missing_ok=True)
    database = Database(new)
    try:
        count = sum(_replay(database, path) for path in journals(workspace))
    finally:
        database.close()
    new.rename(workspace.database)
    durability.sync_folder(workspace.home)
    if count:
        say(f"rebuilt from {count} journalled events")
    return Database(workspace.database)


def journals(workspace: Workspace) -> list[Path]:
    """Return every journal of the workspace, of the living and of the dead."""
    found = {path.name: path for path in workspace.archive.glob("*.jsonl")}
    found |= {path.name: path for path in workspace.journals.glob("*.jsonl")}
    return [found[name] for name in sorted(found)]


def _replay(database: Database, path: Path) -> int:
    done = 0
    lines: list[Line] = []
    for line in read_all(path):
        if line.seq != done + len(lines):
            break
        lines.append(line)
        if len(lines) == _SLICE:
            done += _append(database, path.stem, lines)
            lines = []
    return done + _append(database, path.stem, lines)


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
