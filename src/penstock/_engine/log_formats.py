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
        self._plain = task_run_fmt == TASK_RUN_FORMAT and style == "%"
        self._flow_run_style = self._style_of(flow_run_fmt, style, validate, defaults)
        self._task_run_style = self._style_of(task_run_fmt, style, validate, defaults)
        styles = (self._style, self._flow_run_style, self._task_run_style)
        self._uses_time = any(one.usesTime() for one in styles)
        self._is_percent = style == "%"
        #: The newest second and how it is written; many records share one.
        self._second: tuple[int, str | None, str] = (-1, None, "")

    def _style_of(self, text: str | None, style: Any, validate: bool, defaults: dict[str, Any]) -> Any:
        if text is None:
            return self._style
        return logging.Formatter(text, None, style, validate, defaults=defaults)._style

    def usesTime(self) -> bool:  # noqa: N802
        """True when any of the formats has the time in it."""
        return self._uses_time

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        """Return the time of a record."""
        second = int(record.created)
        known, form, text = self._second
        if known != second or form != datefmt or datefmt is None:
            text = super().formatTime(record, datefmt)
            self._second = (second, datefmt, text)
        return text

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """Return the line of a record, by what the record belongs to."""
        about = record.__dict__
        if self._plain and about.get("task_run_name") is not None:
            # What most lines are, without the general machinery.
            return (
                f"{record.asctime}.{int(record.msecs):03d} | {record.levelname:<7} | "
                f"Task run {about['task_run_name']!r} - {record.message}"
            )
        if about.get("task_run_name") is not None:
            style = self._task_run_style
        elif about.get("flow_run_name") is not None:
            style = self._flow_run_style
        else:
            style = self._style
        if self._is_percent:
            try:
                return str(style._fmt % about)
            except KeyError:
                pass  # something is not known of this record
        return str(style.format(record))


def console_formatter() -> PenstockFormatter:
    """Return the formatter of the console."""
    return PenstockFormatter(flow_run_fmt=FLOW_RUN_FORMAT, task_run_fmt=TASK_RUN_FORMAT)
