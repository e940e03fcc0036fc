"""Reading the data of a table artifact: list of dictionaries, list of lists or dictionary of lists."""

from __future__ import annotations

import json
from typing import Any

Grid = tuple[list[str], list[list[Any]]]


def grid(data: Any) -> Grid:
    """Return column names and rows; what is no table becomes one cell."""
    value = data
    if isinstance(data, str):
        try:
            value = json.loads(data)
        except ValueError:
            return ["value"], [[data]]
    if isinstance(value, dict):
        lists = [column if isinstance(column, list) else [column] for column in value.values()]
        longest = max((len(column) for column in lists), default=0)
        rows = [[column[i] if i < len(column) else None for column in lists] for i in range(longest)]
        return [str(name) for name in value], rows
    if not isinstance(value, list):
        return ["value"], [[value]]
    if value and all(isinstance(row, dict) for row in value):
        columns = list(dict.fromkeys(name for row in value for name in row))
        return [str(name) for name in columns], [[row.get(name) for name in columns] for row in value]
    rows = [row if isinstance(row, list) else [row] for row in value]
    width = max((len(row) for row in rows), default=1)
    return [str(i) for i in range(width)], [row + [None] * (width - len(row)) for row in rows]


def is_number(value: Any) -> bool:
    """Say whether a cell is a number; True and False are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def cell_text(value: Any) -> str:
    """Write a cell as text."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.10g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
