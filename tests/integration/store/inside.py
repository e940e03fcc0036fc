"""The store's own parts in this process, on real files, without HTTP: for tests of what lies on the disk."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from penstock._store.process import _open_store
from penstock._store.recovery import journals
from penstock._workspace import Workspace

#: Derived, or true of one life of the file only.
NOT_THE_LOG = {"batch", "schema_version", "settled", "unsettled", "client"}


class Inside:
    def __init__(self, home: Path) -> None:
        self.workspace = Workspace(home)
        try:
            parts = _open_store(self.workspace)
        except duckdb.Error:
            # The process would be gone, having left word; its successor knows what to do.
            assert (home / "store.damaged").exists()
            parts = _open_store(self.workspace)
        self.database, self.core, self.sweeper, _ = parts

    def call(self, do):
        return self.core.call(do).result(20)

    def take(self, client: str, lines: list[bytes]) -> int:
        return self.core.ingest(client, b"".join(lines)).result(20)

    def read(self, sql: str, *parameters):
        return self.database.read(sql, parameters)

    def close(self) -> None:
        self.core.stop()
        self.database.close()
        self.core.journal.close()

    def die(self) -> None:
        """Let go of everything as a killed process would; its journal stays where it is."""
        self.core.stop()
        self.database.close(checkpoint=False)
        self.core.journal.abandon()


@contextmanager
def opened(home: Path):
    store = Inside(home)
    try:
        store.sweeper.heal()
        yield store
    finally:
        store.close()


def tables(store: Inside) -> dict[str, tuple[int, str]]:
    """Number and checksum of the rows of each table of the log, whatever their order."""
    names = [
        name for (name,) in store.read("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw'")
    ]
    return {name: digest(store, f'raw."{name}"') for name in names if name not in NOT_THE_LOG}


def views(store: Inside) -> dict[str, tuple[int, str]]:
    """Number and checksum of the rows of each public view, but for the events that say how the store recovered."""
    sql = "SELECT view_name FROM duckdb_views() WHERE schema_name = 'main' AND NOT internal"
    told = {"events": "events WHERE event <> 'penstock.store.recovered'"}
    return {name: digest(store, told.get(name, name)) for (name,) in store.read(sql)}


def digest(store: Inside, relation: str) -> tuple[int, str]:
    rows = sorted(repr(row) for row in store.read(f"FROM {relation}"))
    return len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest()


def whole_lines(home: Path) -> dict[str, list]:
    """Every line of every journal by client; the store may archive some meanwhile."""
    from penstock._journal.reader import read_all

    found: dict[str, list] = {}
    while left := [path for path in journals(Workspace(home)) if path.stem not in found]:
        for path in left:
            with suppress(FileNotFoundError):
                found[path.stem] = list(read_all(path))
    return found


def recoveries(store: Inside) -> list[str]:
    return [
        row[0] for row in store.read("SELECT payload FROM raw.event WHERE name = 'penstock.store.recovered'")
    ]
