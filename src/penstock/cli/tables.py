"""Printing: tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None) -> None:
    """Print rows under headings; values are shown as they are, never read as markup."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(*columns, title=title)
    for row in rows:
        shown.add_row(*(Text("" if value is None else str(value)) for value in row))
    console = Console()
    if not console.is_terminal:  # a pipe has no width, and a shortened id is of no use to a program
        console = Console(width=max(console.width, console.measure(shown).maximum))
    console.print(shown)


def document(value: Any) -> None:
    """Print a value as indented JSON."""
    print(json.dumps(value, indent=2, default=str, ensure_ascii=False))


def moment(text: str | None) -> str:
    """Return a time without its fractions."""
    return (text or "")[:19].replace("T", " ")
