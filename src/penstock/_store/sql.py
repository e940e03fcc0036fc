"""Read-only SQL for people: one SELECT, in a read-only transaction on its own cursor, with limits in time and rows.

The database itself is locked down (no files but those of the folder `transfer`, no extensions, no settings); the
transaction keeps statements from writing, `sql_check` keeps functions from acting on the process.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson

from penstock._store.core import Refused
from penstock._store.database import Database
from penstock._store.sql_check import refusal


def query(database: Database, sql: str, *, limit: int, timeout: float) -> dict[str, Any]:
    """Run a SELECT and return ``{columns, rows, truncated}`` with values JSON can hold.

    Args:
        database: what is asked.
        sql: one SELECT.
        limit: most rows of the answer.
        timeout: seconds it may take.

    Raises:
        Refused: 422 when it is not one SELECT, asks for what is not allowed, or fails; 408 when it takes too long.
    """

    def fetch(cursor: Any, statement: Any) -> dict[str, Any]:
        result = cursor.execute(statement)
        columns = [{"name": about[0], "type": str(about[1])} for about in result.description]
        rows = result.fetchmany(limit + 1)
        result.abort()
        plain = [[to_json(value) for value in row] for row in rows[:limit]]
        return {"columns": columns, "rows": plain, "truncated": len(rows) > limit}

    return _ask(database, sql, timeout, fetch)


def query_to_file(
    database: Database, sql: str, *, limit: int | None, timeout: float, folder: Path
) -> dict[str, Any]:
    """Run a SELECT and write its rows to a Parquet file, which whoever asked reads and removes.

    Args:
        database: what is asked.
        sql: one SELECT.
        limit: most rows of the answer; the file has one more when there are more. None for all.
        timeout: seconds it may take.
        folder: where the file is made.

    Returns:
        ``{path}``.

    Raises:
        Refused: as for `query`.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{uuid4().hex}.parquet"
    cut = "" if limit is None else f" LIMIT {limit + 1:d}"

    def write(cursor: Any, statement: Any) -> dict[str, Any]:
        # The text was parsed as one SELECT; the line break ends a comment it may end in.
        text = statement.query.strip().removesuffix(";")
        target = str(path).replace("'", "''")
        copy = f"COPY (SELECT * FROM (\n{text}\n) AS answer{cut}) TO '{target}' (FORMAT parquet)"
        (only,) = cursor.extract_statements(copy)
        cursor.execute(only).fetchall()
        return {"path": str(path)}

    try:
        return _ask(database, sql, timeout, write)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def clear(folder: Path) -> None:
    """Remove answers that nobody fetched, because the asking process was killed."""
    for path in folder.glob("*.parquet"):
        path.unlink(missing_ok=True)


_LITTLE_MEMORY = (
    "The query needs more memory than the store may use. Ask for less at once, or set PENSTOCK_STORE_MEMORY_MB higher "
    "and start the store again (penstock server stop)."
)


def _ask(
    database: Database, sql: str, timeout: float, run: Callable[[Any, Any], dict[str, Any]]
) -> dict[str, Any]:
    import duckdb

    try:
        with database.reading() as cursor, _limited(cursor, timeout):
            return run(cursor, _checked(cursor, sql))
    except duckdb.InterruptException as error:
        raise Refused(408, {"exception_message": f"The query took longer than {timeout:g} s."}) from error
    except duckdb.OutOfMemoryException as error:
        raise Refused(422, {"exception_message": f"{_LITTLE_MEMORY}\n{error}"}) from error
    except duckdb.Error as error:
        raise Refused(422, {"exception_message": str(error)}) from error


def _checked(cursor: Any, sql: str) -> Any:
    """Return the one SELECT a text consists of."""
    statements = cursor.extract_statements(sql)
    if len(statements) != 1:
        raise Refused(422, {"exception_message": f"Expected one statement, got {len(statements)}."})
    kind = _kind(statements[0])
    if kind != "SELECT":
        raise Refused(422, {"exception_message": f"Only SELECT is allowed here, not {kind}."})
    parsed = orjson.loads(cursor.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()[0][0])
    reason = str(parsed["error_message"]) if parsed.get("error") else refusal(parsed)
    if reason is not None:
        raise Refused(422, {"exception_message": reason})
    return statements[0]


def _kind(statement: Any) -> str:
    try:
        return str(statement.type.name)
    except ValueError:  # the Python package has no name for some
        return "this"


@contextmanager
def _limited(cursor: Any, timeout: float) -> Iterator[None]:
    """Keep what is run inside from writing and from taking too long."""
    import duckdb

    cursor.execute("BEGIN TRANSACTION READ ONLY")
    timer = threading.Timer(timeout, cursor.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        try:
            cursor.rollback()
        except duckdb.Error:
            pass  # an error has ended the transaction already


def to_json(value: Any) -> Any:
    """Return a value as JSON can hold it: times as ISO text, bytes as hex, the rest as text."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value if abs(value) < 1 << 63 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, (datetime, date, clock)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return str(value)
