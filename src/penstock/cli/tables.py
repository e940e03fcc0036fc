"""Printing: tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None) -> None:
    """Print rows under headings; values are shown as they are, never read as markup.

    Ids are never cut, since people copy them. Away from a terminal nothing is cut at all.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE_HEAD, title=title, pad_edge=False)
    for name in columns:
        shown.add_column(name, no_wrap=True, min_width=36 if name == "ID" else None)
    for row in rows:
        shown.add_row(*(Text("" if value is None else str(value)) for value in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=10_000)
    console.print(shown)


def document(value: Any) -> None:
    """Print a value as indented JSON."""
    print(json.dumps(value, indent=2, default=str, ensure_ascii=False))


def moment(text: str | None) -> str:
    """Return a time without its fractions."""
    return (text or "")[:19].replace("T", " ")
