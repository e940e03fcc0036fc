"""Read-only SQL for people: one SELECT, on its own cursor, with limits in time and rows.

The database itself is locked down (no files, no extensions, no settings), so the statement type and the limits are
all that is left to check here.
"""

from __future__ import annotations

import math
import threading
from datetime import date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from typing import Any

from penstock._store.core import Refused
from penstock._store.database import Database


def query(database: Database, sql: str, *, limit: int, timeout: float) -> dict[str, Any]:
    """Run a SELECT and return ``{columns, rows, truncated}`` with values JSON can hold.

    Raises:
        Refused: 422 when it is not one SELECT or fails, 408 when it takes too long.
    """
    import duckdb

    with database.reading() as cursor:
        try:
            statements = cursor.extract_statements(sql)
        except duckdb.Error as error:
            raise Refused(422, {"exception_message": str(error)}) from error
        if len(statements) != 1:
            raise Refused(422, {"exception_message": f"Expected one statement, got {len(statements)}."})
        if statements[0].type != duckdb.StatementType.SELECT:
            kind = getattr(statements[0].type, "name", statements[0].type)
            raise Refused(422, {"exception_message": f"Only SELECT is allowed here, not {kind}."})
        return _run(cursor, statements[0], limit, timeout)


def _run(cursor: Any, statement: Any, limit: int, timeout: float) -> dict[str, Any]:
    import duckdb

    timer = threading.Timer(timeout, cursor.interrupt)
    timer.daemon = True
    timer.start()
    try:
        result = cursor.execute(statement)
        columns = [{"name": about[0], "type": str(about[1])} for about in result.description]
        rows = result.fetchmany(limit + 1)
        result.abort()
    except duckdb.InterruptException as error:
        raise Refused(408, {"exception_message": f"The query took longer than {timeout:g} s."}) from error
    except duckdb.Error as error:
        raise Refused(422, {"exception_message": str(error)}) from error
    finally:
        timer.cancel()
        timer.join()
    plain = [[to_json(value) for value in row] for row in rows[:limit]]
    return {"columns": columns, "rows": plain, "truncated": len(rows) > limit}


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
