"""Tab completion on the lines of our magics: options, runners, names of tasks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from penstock_kernel._cells.task_line import flags

RUNNERS = ("threads", "processes", "dask", "ray")
_TASK_LINE = re.compile(r"(?:#\s*)?%%(?:task|flow|sql_task)\b")
#: Magics whose argument is the name of a task or of a run.
OF_TASKS = ("run_panel", "logs", "cancel", "resume", "replay", "plan", "run_stale")


def candidates(line: str, tasks: Iterable[str]) -> Sequence[str]:
    """Return what may stand at the end of a line of ours.

    Args:
        line: the text before the cursor, of the first line of a cell or of a line magic.
        tasks: names of the notebook's tasks.

    Example:
        >>> candidates("%%task load --runner d", ["load"])
        ['dask']
    """
    words = line.split()
    last = "" if line[-1:].isspace() or not words else words[-1]
    before = words[:-1] if last else words
    if _TASK_LINE.match(line):
        if before[-1:] == ["--runner"]:
            return [runner for runner in RUNNERS if runner.startswith(last)]
        return [flag for flag in flags() if flag.startswith(last)] if last.startswith("-") else []
    magic = words[0].removeprefix("%") if words and words[0].startswith("%") and before else ""
    if magic == "runner":
        return [runner for runner in RUNNERS if runner.startswith(last)]
    return sorted(task for task in tasks if task.startswith(last)) if magic in OF_TASKS else []


def matcher(tasks: Callable[[], Iterable[str]]) -> Any:
    """Return a matcher for IPython's completer, made with what `tasks` returns at the time; None before IPython 8.6."""
    try:
        from IPython.core.completer import SimpleCompletion, context_matcher
    except ImportError:
        return None

    @context_matcher()  # type: ignore[untyped-decorator]  # IPython is untyped to mypy here
    def penstock_matcher(context: Any) -> Any:
        found = candidates(context.text_until_cursor, tasks())
        return {
            "completions": [SimpleCompletion(text=text, type="option") for text in found],
            "suppress": bool(found),
        }

    return penstock_matcher
