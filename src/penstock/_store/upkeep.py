"""What people may ask of the files of a store: copy, compact, check. Rebuilding is in `recovery`.

All take the running store's parts; without a running store, open them first while holding the workspace's lock.
"""

from __future__ import annotations

from dataclasses import dataclass

from penstock._journal.liveness import is_dead
from penstock._journal.reader import last_seq
from penstock._store.core import Core
from penstock._store.database import Database
from penstock._workspace import Workspace

_TABLES = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw' AND NOT internal ORDER BY 1"
_HOLES = """
SELECT client, first_seq FROM (
    SELECT client, first_seq, lag(last_seq, 1, -1) OVER (PARTITION BY client ORDER BY first_seq) AS before FROM raw.batch
) WHERE first_seq <> before + 1 ORDER BY ALL
"""
_BOTH = "SELECT id FROM raw.settled WHERE id IN (SELECT task_run_id FROM raw.unsettled) LIMIT 10"


@dataclass(frozen=True, slots=True)
class Compacted:
    """Bytes of the database file before and after."""

    before: int
    after: int


def vacuum(core: Core) -> Compacted:
    """Write the database file anew without its holes; requests wait meanwhile.

    Raises:
        duckdb.Error: the new file cannot be written; the old one goes on.
    """
    path = core.database.path
    before = path.stat().st_size
    core.commits.compact()
    return Compacted(before, path.stat().st_size)


def check(database: Database, workspace: Workspace) -> list[str]:
    """Read every block of the database and compare it with the journals of the dead.

    Returns:
        what is wrong, a sentence each; nothing when all is well.
    """
    import duckdb

    found: list[str] = []
    for (table,) in database.read(_TABLES):
        try:
            database.read(f'SELECT count(*), bit_xor(hash(t)) FROM raw."{table}" t')
        except duckdb.Error as error:
            found.append(f"Table raw.{table} cannot be read: {error}")
    if found:
        return found
    found += [f"Lines of {client} are missing before {seq}." for client, seq in database.read(_HOLES)]
    found += [f"Task run {row[0]} is both settled and not." for row in database.read(_BOTH)]
    marks = database.marks()
    for folder in (workspace.archive, workspace.journals):
        for path in sorted(folder.glob("*.jsonl")):
            try:
                have, written = marks.get(path.stem, -1), last_seq(path)
            except FileNotFoundError:
                continue  # archived or removed meanwhile, so all of it is in the database
            if written > have and (folder == workspace.archive or is_dead(path)):
                found.append(f"Lines {have + 1} to {written} of {path.name} are not in the database.")
    return found
