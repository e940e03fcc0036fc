"""SQL over the workspace's own records, for people. The views and their columns are in `docs/sql.md`."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from penstock._link.client import store
from penstock._link.session import current_session
from penstock.exceptions import TruncatedWarning

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds an answer may take longer than the statement.
_SLACK = 10.0


@overload
def query(
    sql: str, *, limit: int = ..., timeout: float = ..., to: Literal["rows"]
) -> list[dict[str, Any]]: ...


@overload
def query(
    sql: str, *, limit: int = ..., timeout: float = ..., to: Literal["df", "arrow", "relation"] = ...
) -> Any: ...


def query(
    sql: str,
    *,
    limit: int = 10_000,
    timeout: float = 30.0,
    to: Literal["df", "rows", "arrow", "relation"] = "df",
) -> Any:
    """Run one SELECT over the run records and return a pandas DataFrame, or what `to` says.

    The views are `runs`, `task_runs`, `states`, `logs`, `artifacts`, `edges`, `events` and a few more. What this
    process has recorded so far is in them.

    Args:
        sql: one SELECT statement of DuckDB's dialect.
        limit: the most rows that are returned; a `TruncatedWarning` says when there were more.
        timeout: seconds the statement may take.
        to: "df" for a DataFrame (rows where pandas is not installed), "rows" for a list of dicts, "arrow" for a
            pyarrow Table, "relation" for a DuckDB relation to go on with in SQL. Ids are text in all of them.

    Raises:
        StoreRefused: the statement is not a SELECT, takes too long, or is wrong (says what the database said).
        ImportError: pyarrow is not installed and was asked for.

    Example:
        >>> query("select count(*) as n from runs")["n"][0] >= 0
        True
        >>> query("select 1 as one", to="rows")
        [{'one': 1}]
    """
    current_session().drain()
    if to == "rows":
        return _rows(sql, limit, timeout)
    if to == "df" and not _has("pandas"):
        return _rows(sql, limit, timeout)
    if to == "arrow" and not _has("pyarrow"):
        raise ImportError("query(to='arrow') needs pyarrow; run: pip install pyarrow")
    relation = _relation(sql, limit, timeout)
    if to == "relation":
        return relation
    return relation.to_arrow_table() if to == "arrow" else _frame(relation)


@contextmanager
def parquet_of(sql: str, limit: int | None, timeout: float) -> Iterator[Path]:
    """Lend the answer to a SELECT as a Parquet file, which is removed afterwards.

    Args:
        sql: one SELECT.
        limit: the file has one row more when there are more; None for all rows.
        timeout: seconds the statement may take.
    """
    body = {"sql": sql, "limit": limit, "timeout": timeout, "format": "parquet"}
    path = Path(store().request("POST", "/link/sql", body, timeout=timeout + _SLACK)["path"])
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _rows(sql: str, limit: int, timeout: float) -> list[dict[str, Any]]:
    body = {"sql": sql, "limit": limit, "timeout": timeout}
    answer = store().request("POST", "/link/sql", body, timeout=timeout + _SLACK)
    names = [column["name"] for column in answer["columns"]]
    if answer["truncated"]:
        _warn(limit)
    return [dict(zip(names, row, strict=True)) for row in answer["rows"]]


def _relation(sql: str, limit: int, timeout: float) -> Any:
    """Return the answer as a table in a database of this process's memory."""
    import duckdb

    memory = duckdb.connect()
    with parquet_of(sql, limit, timeout) as path:
        file = memory.from_parquet(str(path))
        kinds = zip(file.columns, file.types, strict=True)
        texts = [f'"{name.replace(chr(34), chr(34) * 2)}"' for name, kind in kinds if str(kind) == "UUID"]
        change = (
            " REPLACE (" + ", ".join(f"{name}::VARCHAR AS {name}" for name in texts) + ")" if texts else ""
        )
        file.query("file", f"CREATE TABLE answer AS SELECT *{change} FROM file")
    found = memory.table("answer").aggregate("count(*)").fetchall()[0][0]
    if found <= limit:
        return memory.table("answer")
    _warn(limit)
    return memory.table("answer").limit(limit)


def _frame(relation: Any) -> Any:
    """Return a DataFrame: times are in UTC, lists are lists."""
    frame = relation.df()
    for name, kind in zip(relation.columns, relation.types, strict=True):
        if str(kind).startswith("TIMESTAMP") and frame[name].dt.tz is None:
            frame[name] = frame[name].dt.tz_localize("UTC")
        elif str(kind).endswith("[]"):
            frame[name] = frame[name].map(lambda value: value.tolist() if hasattr(value, "tolist") else value)
    return frame


def _warn(limit: int) -> None:
    warnings.warn(
        f"Only the first {limit} rows are here; ask for more with limit=, or for less with a WHERE.",
        TruncatedWarning,
        stacklevel=4,
    )


def _has(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None


__all__ = ["parquet_of", "query"]
