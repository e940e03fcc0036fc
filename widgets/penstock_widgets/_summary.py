"""What static HTML and plain text both say about a snapshot: words, orders, durations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

#: The mark of a pause; two bars that every font has, unlike the emoji.
PAUSE = "\N{DOUBLE VERTICAL LINE}"

#: States in the order in which bars and summaries show them, with their words and marks.
STATES: dict[str, tuple[str, str]] = {
    "COMPLETED": ("done", "✓"),
    "RUNNING": ("running", "▶"),
    "FAILED": ("failed", "✗"),
    "CRASHED": ("crashed", "!"),
    "CANCELLED": ("cancelled", "⊘"),
    "SCHEDULED": ("scheduled", "◷"),
    "PENDING": ("pending", "○"),
    "PAUSED": ("paused", PAUSE),
    "CANCELLING": ("cancelling", "⊘"),
}

#: What stands where there is nothing to say, and before the number of a mapped task's runs.
DASH = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"


def mark(state: str) -> str:
    """Return the mark of a state, so that colour alone never carries meaning."""
    return STATES.get(state, ("", "•"))[1]


def overall(counts: Mapping[str, int], total: int) -> str:
    """Return the one state that stands for a group of task runs: trouble first, then movement, then rest."""
    for state in ("FAILED", "CRASHED", "RUNNING"):
        if counts.get(state):
            return state
    done = counts.get("COMPLETED", 0)
    if total > 0 and done >= total:
        return "COMPLETED"
    if counts.get("CANCELLED"):
        return "CANCELLED"
    if done:
        return "RUNNING"
    return "SCHEDULED" if counts.get("SCHEDULED") else "PENDING"


def spelled(counts: Mapping[str, int], total: int) -> str:
    """Return counts as words: "8 done, 1 failed", or "done" when there is but one run."""
    parts = [(counts[state], word) for state, (word, _) in STATES.items() if counts.get(state)]
    if total == 1 and len(parts) == 1:
        return parts[0][1]
    return ", ".join(f"{number} {word}" for number, word in parts) or "pending"


def duration(seconds: float) -> str:
    """Return a duration as a person would write it."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    hours, rest = divmod(int(seconds), 3600)
    minutes, whole = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{whole:02}" if hours else f"{minutes}:{whole:02} min"


def _moment(text: Any) -> datetime | None:
    try:
        when = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def elapsed(run: Mapping[str, Any]) -> str:
    """Return how long the run took, or "" while that is not known: static content must not tick."""
    started, ended = _moment(run.get("started")), _moment(run.get("ended"))
    return duration(max(0.0, (ended - started).total_seconds())) if started and ended else ""


def ordered(items: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the values of a snapshot's section in the order in which they are shown."""
    return sorted(items.values(), key=lambda item: item.get("order", 0))


def totals(tasks: Mapping[str, Any]) -> tuple[dict[str, int], int]:
    """Return the counts of all tasks together, and their number."""
    counts: dict[str, int] = {}
    for task in tasks.values():
        for state, number in task.get("counts", {}).items():
            counts[state] = counts.get(state, 0) + number
    return counts, sum(task.get("total", 0) for task in tasks.values())


def pause_status(pause: Mapping[str, Any], run_id: str) -> str:
    """Say what became of a pause, or how to answer it."""
    if pause.get("state") == "answered":
        via = pause.get("answered_via")
        return f"Answered via {via}" if via else "Answered"
    if pause.get("state") == "closed":
        return "Closed without an answer"
    return f"Waiting for an answer: penstock flow-run resume {run_id}"


def percent(data: Any) -> float:
    """Return a progress value within 0 and 100; what is no number is 0."""
    try:
        value = float(data)
    except (TypeError, ValueError):
        return 0.0
    return min(100.0, max(0.0, value)) if value == value else 0.0  # noqa: PLR0124  # NaN is not itself
