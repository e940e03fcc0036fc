"""SQL over the notebook's frames as a task cell: what `%%sql_task` makes of a query."""

from __future__ import annotations

import re
from collections.abc import Container

from penstock_kernel._cells.errors import CellError

_PARAMETER = re.compile(r"\$([A-Za-z_]\w*)")


class SqlCellError(CellError):
    """The query cannot be read."""


def task_body(kind: str, name: str | None, body: str, known: Container[str]) -> str:
    """Return the Python body of a task cell: its own, or that of its query (see `python_of`).

    Args:
        kind: as `split_directive` tells it.
        name: of the task, and of a query's output.
        body: the text under the first line.
        known: the names the notebook has.
    """
    return python_of(name or "result", body, known) if kind == "sql_task" else body


def python_of(name: str, sql: str, known: Container[str]) -> str:
    """Return the Python body of a task that runs a query and binds its result.

    The tables of the query that are names of the notebook are its inputs, and so are its ``$parameters``.

    Args:
        name: of the output, a DataFrame.
        sql: one SELECT in DuckDB's dialect.
        known: the names the notebook has.

    Raises:
        SqlCellError: DuckDB cannot read the query.

    Example:
        >>> print(python_of("top", "select * from flights limit $n", {"flights", "n"}))
        import duckdb
        <BLANKLINE>
        with duckdb.connect() as _connection:
            _connection.register("flights", flights)
            top = _connection.execute('select * from flights limit $n', {"n": n}).df()
        top
    """
    import duckdb

    query = sql.strip().rstrip(";")
    try:
        tables = sorted(duckdb.get_table_names(_PARAMETER.sub("NULL", query)))
    except duckdb.Error as error:
        raise SqlCellError(str(error)) from error
    lines = [f'    _connection.register("{table}", {table})' for table in tables if table in known]
    given = ", ".join(f'"{found}": {found}' for found in dict.fromkeys(_PARAMETER.findall(query)))
    call = f"{query!r}, {{{given}}}" if given else repr(query)
    return "\n".join(
        [
            "import duckdb",
            "",
            "with duckdb.connect() as _connection:",
            *lines,
            f"    {name} = _connection.execute({call}).df()",
            name,
        ]
    )
