"""One-line messages under a cell: HTML for people, plain text for everybody else."""

from __future__ import annotations

from html import escape
from typing import Any

from penstock._values.runs import TaskRun
from penstock._values.states import State

_COLOURS = {"COMPLETED": "#2e7d32", "FAILED": "#c62828", "CRASHED": "#ad1457", "CANCELLED": "#616161"}
_SIGNS = {"COMPLETED": "✓", "FAILED": "✗", "CRASHED": "✗", "CANCELLED": "■"}


class Notice:
    """A line that displays as HTML and prints as text."""

    def __init__(self, sign: str, colour: str, strong: str, rest: str) -> None:
        self._parts = (sign, colour, strong, rest)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        sign, colour, strong, rest = self._parts
        html = (
            '<div style="font-size:var(--jp-ui-font-size1,13px);color:var(--jp-ui-font-color2,#666)">'
            f'<span style="color:{colour};font-weight:600">{escape(sign)}</span> '
            f"<b>{escape(strong)}</b> {escape(rest)}</div>"
        )
        return {"text/html": html, "text/plain": f"{sign} {strong} {rest}"}


def task_notice(
    task_name: str, state: State, run: TaskRun | None, outputs: tuple[str, ...], why: str = ""
) -> Notice:
    """Say how a task cell ended, how long it took, what it bound, and why it was not taken from the cache."""
    kind = state.type.value
    parts = [state.name.lower()]
    if run is not None and run.start_time and run.end_time:
        parts.append(f"in {(run.end_time - run.start_time).total_seconds():.2f} s")
    if run is not None and run.run_count > 1:
        parts.append(f"after {run.run_count - 1} retries" if run.run_count > 2 else "after 1 retry")
    if outputs:
        parts.append(f"→ {', '.join(outputs)}")
    if why:
        parts.append(f"(computed: {why})")
    return Notice(_SIGNS.get(kind, "•"), _COLOURS.get(kind, "#616161"), task_name, " ".join(parts))


def stale_notice(task_name: str, reasons: tuple[str, ...]) -> Notice:
    """Say that what a task cell gave is out of date, and why."""
    return Notice("◐", "#ef6c00", task_name, f"is stale: {'; '.join(reasons)} (%run_stale)")


def info(strong: str, rest: str) -> Notice:
    """Say something that is neither good nor bad."""
    return Notice("•", "#1565c0", strong, rest)
