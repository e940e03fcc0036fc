"""What `%plan` shows: each task cell, how its last run ended, why it would run again, what the cache would find."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One task cell."""

    name: str
    state: str
    #: Why it is stale; nothing for a fresh cell.
    reasons: tuple[str, ...]
    #: What the cache would find, as it follows "the cache".
    cache: str
    #: About how long it takes, by the median of its runs; None when it has never completed.
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """The task cells of a notebook, in their order."""

    rows: tuple[PlanRow, ...]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": self.text(), "text/html": self.html()}

    def text(self) -> str:
        """Return one line a cell.

        Example:
            >>> print(Plan((PlanRow("load", "Completed", (), "has it", 1.5),)).text())
            load: fresh (completed); the cache has it
        """
        lines = []
        for row in self.rows:
            about = f", takes about {row.seconds:.2g} s" if row.seconds is not None and row.reasons else ""
            what = (
                f"stale: {'; '.join(row.reasons)}{about}" if row.reasons else f"fresh ({row.state.lower()})"
            )
            lines.append(f"{row.name}: {what}; the cache {row.cache}")
        return "\n".join(lines) or "no task cell has run yet"

    def html(self) -> str:
        """Return a table."""
        cells = "".join(
            f"<tr><td style='text-align:left'>{'◐' if row.reasons else '●'} <b>{escape(row.name)}</b></td>"
            f"<td>{'stale' if row.reasons else 'fresh'}</td>"
            f"<td style='text-align:left'>{escape('; '.join(row.reasons) or row.state.lower())}</td>"
            f"<td style='text-align:left'>{escape(row.cache)}</td>"
            f"<td>{'' if row.seconds is None else f'{row.seconds:.2g} s'}</td></tr>"
            for row in self.rows
        )
        if not cells:
            return "<i>no task cell has run yet</i>"
        left = "<th style='text-align:left'>"
        head = f"<tr>{left}cell</th><th></th>{left}why</th>{left}the cache</th><th>takes about</th></tr>"
        return f"<table>{head}{cells}</table>"
