"""SQL over the workspace's own records, for people."""

from __future__ import annotations

from typing import Any

from penstock._link.client import store
from penstock._link.session import current_session


def query(sql: str, *, limit: int = 10_000, timeout: float = 30.0) -> Any:
    """Run one SELECT over the run records and return a pandas DataFrame.

    The views are `runs`, `task_runs`, `states`, `logs`, `artifacts`, `edges` and `events`.

    Args:
        sql: one SELECT statement of DuckDB's dialect.
        limit: the most rows that are returned.
        timeout: seconds the statement may take.

    Returns:
        a DataFrame; a list of dicts where pandas is not installed.

    Raises:
        StoreRefused: the statement is not a SELECT, or is wrong (says what the database said).

    Example:
        >>> query("select count(*) as n from runs")["n"][0] >= 0
        True
    """
    current_session().drain()
    answer = store().request(
        "POST", "/link/sql", {"sql": sql, "limit": limit, "timeout": timeout}, timeout=timeout + 10
    )
    names = [column["name"] for column in answer["columns"]]
    try:
        import pandas as pd
    except ImportError:
        return [dict(zip(names, row, strict=True)) for row in answer["rows"]]
    frame = pd.DataFrame(answer["rows"], columns=names)
    for column in answer["columns"]:
        if column["type"].startswith("TIMESTAMP"):
            frame[column["name"]] = pd.to_datetime(frame[column["name"]], utc=True, format="ISO8601")
    frame.attrs["truncated"] = answer["truncated"]
    return frame


__all__ = ["query"]
