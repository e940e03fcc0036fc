"""What a SELECT of a person may call. Pure: a decision over the parsed statement.

DuckDB counts as a SELECT whatever ends in one, also ``WITH x AS (INSERT …) SELECT``, and some functions act on the
process: they take pointers, checkpoint, or change its log. A read-only transaction stops the writes; this stops the
functions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

#: Functions that make rows out of nothing or describe the tables. All others read files, memory or run text as SQL.
TABLE_FUNCTIONS = frozenset(
    {
        "duckdb_columns",
        "duckdb_functions",
        "duckdb_keywords",
        "duckdb_schemas",
        "duckdb_tables",
        "duckdb_types",
        "duckdb_views",
        "generate_series",
        "icu_calendar_names",
        "json_each",
        "json_tree",
        "pg_timezone_names",
        "pragma_table_info",
        "pragma_version",
        "range",
        "repeat",
        "repeat_row",
        "summary",
        "unnest",
    }
)
#: Functions in expressions that do something.
REFUSED = frozenset({"currval", "nextval", "setseed", "setval", "sleep_ms", "write_log"})


def refusal(parsed: Any) -> str | None:
    """Say why a statement is refused; None when it only reads.

    Args:
        parsed: the statement as DuckDB's ``json_serialize_sql`` writes it.

    Example:
        >>> refusal({"type": "TABLE_FUNCTION", "function": {"function_name": "read_csv"}})
        'read_csv is not available here: queries read the views, not files. See docs/sql.md.'
    """
    for node in _nodes(parsed):
        if node.get("type") == "TABLE_FUNCTION":
            name = str(node.get("function", {}).get("function_name", "")).lower()
            if name not in TABLE_FUNCTIONS:
                return f"{name} is not available here: queries read the views, not files. See docs/sql.md."
        elif node.get("class") == "FUNCTION" and str(node.get("function_name", "")).lower() in REFUSED:
            return f"{node['function_name']} is not available here: queries only read."
    return None


def _nodes(parsed: Any) -> Iterator[dict[str, Any]]:
    """Walk over all objects, without recursion: people nest deeply, pages of an attacker more so."""
    waiting = [parsed]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
