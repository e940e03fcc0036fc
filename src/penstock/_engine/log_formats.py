"""How a record becomes a line. Reference page: api-ref/python/prefect-logging-formatters."""

from __future__ import annotations

import logging
from typing import Any

FORMAT = "%(asctime)s.%(msecs)03d | %(levelname)-7s | %(name)s - %(message)s"
FLOW_RUN_FORMAT = "%(asctime)s.%(msecs)03d | %(levelname)-7s | Flow run %(flow_run_name)r - %(message)s"
TASK_RUN_FORMAT = "%(asctime)s.%(msecs)03d | %(levelname)-7s | Task run %(task_run_name)r - %(message)s"
DATE_FORMAT = "%H:%M:%S"

#: What a format may name and a record may lack.
_UNKNOWN = dict.fromkeys(
    ("flow_name", "flow_run_id", "flow_run_name", "task_name", "task_run_id", "task_run_name"), "<unknown>"
)


class PenstockFormatter(logging.Formatter):
    """Formats the records of flow runs and of task runs each in their own way.

    Args:
        format, datefmt, style, validate, defaults: as for `logging.Formatter`.
        flow_run_fmt: for records of flow runs; may name `flow_run_name`, `flow_run_id`, `flow_name`.
        task_run_fmt: for records of task runs; may name these, `task_run_name`, `task_run_id` and `task_name`.

    Example:
        >>> PenstockFormatter(flow_run_fmt="%(flow_run_id)s %(message)s")._style._fmt
        '%(asctime)s.%(msecs)03d | %(levelname)-7s | %(name)s - %(message)s'
    """

    def __init__(
        self,
        format: str | None = None,
        datefmt: str | None = DATE_FORMAT,
        style: Any = "%",
        validate: bool = True,
        *,
        defaults: dict[str, Any] | None = None,
        flow_run_fmt: str | None = None,
        task_run_fmt: str | None = None,
    ) -> None:
        defaults = {**_UNKNOWN, **(defaults or {})}
        super().__init__(format or FORMAT, datefmt, style, validate, defaults=defaults)
        self._flow_run_style = self._style_of(flow_run_fmt, style, validate, defaults)
        self._task_run_style = self._style_of(task_run_fmt, style, validate, defaults)

    def _style_of(self, text: str | None, style: Any, validate: bool, defaults: dict[str, Any]) -> Any:
        return (
            self._style
            if text is None
            else logging.Formatter(text, None, style, validate, defaults=defaults)._style
        )

    def usesTime(self) -> bool:  # noqa: N802
        """True when any of the formats has the time in it."""
        return any(style.usesTime() for style in (self._style, self._flow_run_style, self._task_run_style))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """Return the line of a record, by what the record belongs to."""
        about = record.__dict__
        if about.get("task_run_name") is not None:
            text: str = self._task_run_style.format(record)
        elif about.get("flow_run_name") is not None:
            text = self._flow_run_style.format(record)
        else:
            text = self._style.format(record)
        return text


def console_formatter() -> PenstockFormatter:
    """Return the formatter of the console."""
    return PenstockFormatter(flow_run_fmt=FLOW_RUN_FORMAT, task_run_fmt=TASK_RUN_FORMAT)
