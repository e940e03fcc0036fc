"""The DuckDB file: opening, migrating, writing in batches, reading.

Measured facts that rule here: DuckDB's own lock is lost when anything else in this process opens and closes the
file, so nothing may touch it by path while it is open. COMMIT after a failed statement silently commits nothing,
so a failure means rollback. A cursor belongs to one thread and results are always fetched to the end.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from penstock._ids import now_us
from penstock._store.settled import Settling

Row = tuple[Any, ...]
_SCHEMA = Path(__file__).with_name("schema")
_CONFIG = {
    "threads": "1",
    "memory_limit": "512MB",
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    # Checkpoints are ours to make, after the journals have reached the disk.
    "checkpoint_threshold": "1TB",
}
#: A write-ahead log of this size is folded into the file after the commit that reached it.
WAL_LIMIT = 16 << 20


def migrations() -> list[tuple[int, str]]:
    """Return the numbered migrations in order."""
    found = sorted(_SCHEMA.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    return [(int(path.name[:4]), path.read_text(encoding="utf-8")) for path in found]


class NewerSchema(RuntimeError):
    """The file was written by a newer version of Penstock; it is left alone."""


class Database:
    """One open DuckDB file. `write` belongs to one thread; `read` may be called from any."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._con: Any = None
        self._settling: Settling
        self._gate = threading.Lock()
        self.open()

    def open(self) -> None:
        """Open (or open again) the file, migrate it and close the doors to the outside.

        Raises:
            duckdb.Error: the file cannot be opened. NewerSchema: it is from the future.
        """
        import duckdb

        con = duckdb.connect(str(self.path), config=dict[str, Any](_CONFIG))
        try:
            _migrate(con)
            con.execute("SET enable_external_access = false")
            con.execute("SET lock_configuration = true")
        except BaseException:
            con.close()
            raise
        self._con = con
        self._settling = Settling(con)

    def reopen(self) -> None:
        """Close an instance that DuckDB has invalidated and open the file again."""
        self.close(checkpoint=False)
        self.open()

    def cursor(self) -> Any:
        """Return a cursor for the calling thread; the caller closes it."""
        with self._gate:
            return self._con.cursor()

    @contextmanager
    def reading(self) -> Iterator[Any]:
        """Lend a cursor for one thread's use."""
        cursor = self.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run a query and return all its rows."""
        with self.reading() as cursor:
            rows: list[Row] = cursor.execute(sql, list(parameters)).fetchall()
            return rows

    def records(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Run a query and return its rows as dictionaries."""
        with self.reading() as cursor:
            result = cursor.execute(sql, list(parameters))
            names = [column[0] for column in result.description]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def write(self, rows: Mapping[str, Sequence[Row]]) -> None:
        """Append rows by table in one transaction; on any error nothing is written.

        Raises:
            duckdb.Error: the transaction was rolled back, nothing may be acknowledged.
        """
        marks = self._settling.marks(rows)
        self._con.begin()
        try:
            for table, batch in rows.items():
                with self._con.appender(f"raw.{table}") as appender:
                    appender.append_rows(batch)
            marks.apply(self._con)
            self._con.commit()
        except BaseException:
            _rollback(self._con)
            raise
        self._settling.committed(marks)

    def settle(self, *, due_only: bool = True) -> None:
        """Settle task runs that have ended; by default only when enough of them wait."""
        if not due_only or self._settling.is_due:
            self._settling.settle(self._con)

    def wal_size(self) -> int:
        """Return the size of the write-ahead log in bytes."""
        try:
            return self.path.with_name(f"{self.path.name}.wal").stat().st_size
        except OSError:
            return 0

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the file."""
        self._con.execute("CHECKPOINT")

    def close(self, *, checkpoint: bool = True) -> None:
        """Close the file, checkpointed unless told otherwise."""
        with self._gate:
            con, self._con = self._con, None
        if con is None:
            return
        try:
            if checkpoint:
                con.execute("FORCE CHECKPOINT")
        finally:
            con.close()


def _rollback(con: Any) -> None:
    import duckdb

    try:
        con.rollback()
    except duckdb.Error:
        return  # the transaction is already gone


def _migrate(con: Any) -> None:
    """Bring the tables to this version; checkpointed at once, since DDL in a log replays badly."""
    have = _version(con)
    steps = migrations()
    if have > steps[-1][0]:
        raise NewerSchema(
            f"The store has schema version {have}, this Penstock knows {steps[-1][0]}. Upgrade Penstock, or set "
            "PENSTOCK_HOME to another folder."
        )
    todo = [(number, sql) for number, sql in steps if number > have]
    views = (_SCHEMA / "views.sql").read_text(encoding="utf-8")
    if not todo and _views_fit(con, views):
        return
    con.begin()
    try:
        for number, sql in todo:
            con.execute(sql)
            con.execute("INSERT INTO raw.schema_version VALUES (?, ?)", [number, now_us()])
        con.execute(views)
        con.execute(f"COMMENT ON VIEW main.runs IS 'views {_digest(views)}'")
        con.commit()
    except BaseException:
        _rollback(con)
        raise
    con.execute("CHECKPOINT")


def _digest(text: str) -> str:
    from zlib import crc32

    return f"{crc32(text.encode()):08x}"


def _views_fit(con: Any, views: str) -> bool:
    rows = con.execute(
        "SELECT comment FROM duckdb_views() WHERE view_name = 'runs' AND NOT internal"
    ).fetchall()
    return bool(rows) and rows[0][0] == f"views {_digest(views)}"


def _version(con: Any) -> int:
    known = con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'raw' AND table_name = 'schema_version'"
    ).fetchall()[0][0]
    if not known:
        return 0
    rows = con.execute("SELECT coalesce(max(version), 0) FROM raw.schema_version").fetchall()
    return int(rows[0][0])
