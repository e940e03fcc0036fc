"""The DuckDB file: opening, migrating, writing in batches, reading.

Measured facts that rule here: DuckDB's own lock is lost when anything else in this process opens and closes the
file, so nothing may touch it by path while it is open. COMMIT after a failed statement silently commits nothing,
so a failure means rollback. A cursor belongs to one thread and results are always fetched to the end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from penstock._crashpoints import crashpoint
from penstock._ids import now_us
from penstock._store.settled import Settling
from penstock.settings import get_current_settings

Row = tuple[Any, ...]
_SCHEMA = Path(__file__).with_name("schema")
_CONFIG = {
    "threads": "1",
    # What a query of a person may put aside on the disk.
    "max_temp_directory_size": "2GB",
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    # Checkpoints are ours to make, after the journals have reached the disk.
    "checkpoint_threshold": "1TB",
}
#: A write-ahead log of this size is folded into the file after the commit that reached it.
WAL_LIMIT = 16 << 20
#: Rows appended at once: other threads of Python stand still meanwhile, about 4 µs a row.
_SLICE = 200
#: Seconds a query that was interrupted may take to end.
_PATIENCE = 5.0
#: Seconds a reader waits for what was answered but not yet committed.
_LONGEST_COMMIT = 30.0
_MARKS = "SELECT client, max(last_seq) FROM {}raw.batch GROUP BY client"


def migrations() -> list[tuple[int, str]]:
    """Return the numbered migrations in order."""
    found = sorted(_SCHEMA.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    return [(int(path.name[:4]), path.read_text(encoding="utf-8")) for path in found]


class NewerSchema(RuntimeError):
    """The file was written by a newer version of Penstock; it is left alone."""


class Copied(NamedTuple):
    """A copy of the database, and the newest sequence number of each client in it."""

    path: Path
    marks: dict[str, int]


class Database:
    """One open DuckDB file. `write` belongs to one thread; `read` may be called from any."""

    #: A file of this name beside the database says that damage was met inside it: it is to be rebuilt.
    DAMAGED = "store.damaged"

    def __init__(self, path: Path) -> None:
        self.path = path
        #: What was done to be able to open it, if anything; the writer makes an event of it.
        self.recovery: Any = None
        #: Called when a block cannot be read; nothing more can be promised then.
        self.on_damage: Callable[[], None] = lambda: None
        self._con: Any = None
        self._settling: Settling
        self._gate = threading.Condition()
        #: Numbers of the newest bundle of rows that readers must see, and of the newest that is committed.
        self._promised = self._reached = 0
        self._readers: set[Any] = set()
        self._copying = threading.Lock()
        self.open()

    def open(self) -> None:
        """Open (or open again) the file, migrate it and close the doors to the outside.

        Raises:
            duckdb.Error: the file cannot be opened. NewerSchema: it is from the future.
        """
        import duckdb

        limit = f"{get_current_settings().store_memory_mb:.0f}MB"
        con = duckdb.connect(str(self.path), config=dict[str, Any](_CONFIG, memory_limit=limit))
        try:
            _migrate(con)
            transfer = _quoted(self.path.with_name("transfer"))
            con.execute(f"SET allowed_directories = [{transfer}]")
            con.execute(f"SET allowed_paths = [{', '.join(_quoted(path) for path in self._copy_files())}]")
            con.execute("SET enable_external_access = false")
            con.execute("SET lock_configuration = true")
            self._settling = Settling(con)  # reads, and so may be what meets a damaged block
        except BaseException:
            con.close()
            raise
        with self._gate:
            self._con = con
            self._gate.notify_all()

    def reopen(self) -> None:
        """Close an instance that DuckDB has invalidated and open the file again."""
        self.close(checkpoint=False)
        self.open()

    @contextmanager
    def reading(self, *, behind: bool = False) -> Iterator[Any]:
        """Lend a cursor for one thread's use; it sees what was promised by now, unless `behind`."""
        import duckdb

        with self._gate:
            promised = 0 if behind else self._promised
            if not self._gate.wait_for(lambda: self._reached >= promised, timeout=_LONGEST_COMMIT):
                raise duckdb.ConnectionException(f"{self.path} is behind: a commit takes too long")
            # It is None while the file is opened again.
            if not self._gate.wait_for(lambda: self._con is not None, timeout=_PATIENCE):
                raise duckdb.ConnectionException(f"{self.path} is closed")
            cursor = self._con.cursor()
            self._readers.add(cursor)
        try:
            yield cursor
        except Exception as error:
            self._look_at(error.__cause__ or error)
            raise
        finally:
            cursor.close()
            with self._gate:
                self._readers.discard(cursor)
                self._gate.notify_all()

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

    def read_written(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run a query on the thread that writes; waiting there for a commit would be waiting for itself."""
        with self.reading(behind=True) as cursor:
            rows: list[Row] = cursor.execute(sql, list(parameters)).fetchall()
            return rows

    def promise(self, number: int) -> None:
        """Let readers from now on wait until bundle `number` is committed."""
        with self._gate:
            self._promised = number

    def reached(self, number: int) -> None:
        """Say that all bundles up to `number` are committed."""
        with self._gate:
            self._reached = number
            self._gate.notify_all()

    def marks(self) -> dict[str, int]:
        """Return the newest sequence number of each client."""
        return dict(self.read(_MARKS.format("")))

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
                    for start in range(0, len(batch), _SLICE):
                        appender.append_rows(batch[start : start + _SLICE])
            marks.apply(self._con)
            crashpoint("database.commit")
            self._con.commit()
            crashpoint("database.committed")
        except BaseException as error:
            _rollback(self._con)
            self._look_at(error)
            raise
        self._settling.committed(marks)

    @property
    def is_worth_settling(self) -> bool:
        """True when a quiet moment should be used to settle task runs."""
        return self._settling.is_worth_it

    def settle(self, *, due_only: bool = True) -> None:
        """Settle task runs that have ended; by default only when enough of them wait."""
        if not due_only or self._settling.is_due:
            crashpoint("database.settle")
            self._settling.settle(self._con)
            crashpoint("database.settled")

    def erase(self, statements: Sequence[str]) -> None:
        """Run statements that delete rows, all or none; the writer's thread.

        Raises:
            duckdb.Error: nothing was deleted.
        """
        self._con.begin()
        try:
            for sql in statements:
                self._con.execute(sql)
            self._con.commit()
        except BaseException:
            _rollback(self._con)
            raise

    def wal_size(self) -> int:
        """Return the size of the write-ahead log in bytes."""
        try:
            return self.path.with_name(f"{self.path.name}.wal").stat().st_size
        except OSError:
            return 0

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the file."""
        crashpoint("database.checkpoint")
        self._con.execute("CHECKPOINT")
        crashpoint("database.checkpointed")

    def copy(self) -> Copied:
        """Write everything to a new file beside this one, and read that again. Writing goes on meanwhile.

        Raises:
            duckdb.Error: it cannot be written; nothing is left of it.
        """
        path, *_ = files = self._copy_files()
        with self._copying, self.reading(behind=True) as cursor:
            for left in files:
                left.unlink(missing_ok=True)
            source = cursor.execute("SELECT current_database()").fetchall()[0][0]
            try:
                cursor.execute(f"ATTACH {_quoted(path)} AS copied")
                try:
                    crashpoint("database.copying")
                    cursor.execute(f'COPY FROM DATABASE "{source}" TO copied')
                finally:
                    cursor.execute("DETACH copied")
                cursor.execute(f"ATTACH {_quoted(path)} AS copied (READ_ONLY)")
                marks = dict(cursor.execute(_MARKS.format("copied.")).fetchall())
                cursor.execute("DETACH copied")
            except BaseException:
                for left in files:
                    left.unlink(missing_ok=True)
                raise
        path.chmod(0o600)
        return Copied(path, marks)

    def compact(self) -> None:
        """Write the file anew without its holes and take its place; the writer's thread, nobody writes meanwhile.

        Queries that run are ended first: while anybody has the old file open, DuckDB gives it to everybody.
        """
        self.settle(due_only=False)
        copied = self.copy()
        self.close()
        crashpoint("database.compacted")
        copied.path.replace(self.path)
        self.open()

    def close(self, *, checkpoint: bool = True) -> None:
        """Close the file, checkpointed unless told otherwise; queries that run are ended."""
        with self._gate:
            con, self._con = self._con, None
            for cursor in self._readers:
                cursor.interrupt()
            self._gate.wait_for(lambda: not self._readers, timeout=_PATIENCE)
        if con is None:
            return
        try:
            if checkpoint:
                con.execute("FORCE CHECKPOINT")
        finally:
            con.close()

    def _copy_files(self) -> list[Path]:
        """Return the only other files this instance may touch: the copy and its logs."""
        name = f"{self.path.name}.copy"
        return [self.path.with_name(name + end) for end in ("", ".wal", ".wal.checkpoint", ".wal.recovery")]

    def _look_at(self, error: BaseException) -> None:
        """Leave word for the next one that opens the file when a block of it cannot be read."""
        if "Corrupt database file" in str(error) or "Could not read enough bytes" in str(error):
            self.path.with_name(self.DAMAGED).write_text(str(error)[:2000], encoding="utf-8")
            self.on_damage()


def _quoted(path: Path) -> str:
    text = str(path).replace("'", "''")
    return f"'{text}'"


def _rollback(con: Any) -> None:
    import duckdb

    try:
        con.rollback()
    except duckdb.Error:
        return  # the transaction is already gone


def _migrate(con: Any) -> None:
    """Bring the tables to this version; checkpointed at once, since DDL in a log replays badly."""
    have = _applied(con)
    steps = migrations()
    if max(have, default=0) > steps[-1][0]:
        raise NewerSchema(
            f"The store has schema version {max(have)}, this Penstock knows {steps[-1][0]}. Upgrade Penstock, or set "
            "PENSTOCK_HOME to another folder."
        )
    # Numbers are dealt out in ranges, so one that is lower than what a file has may come later.
    todo = [(number, sql) for number, sql in steps if number not in have]
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


def _applied(con: Any) -> set[int]:
    known = con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'raw' AND table_name = 'schema_version'"
    ).fetchall()[0][0]
    if not known:
        return set()
    return {row[0] for row in con.execute("SELECT version FROM raw.schema_version").fetchall()}
