"""Colours of logs on a terminal; only loaded for one. Reference page: api-ref/python/prefect-logging-highlighters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.highlighter import RegexHighlighter

#: Styles of rich by the names that the highlighters give to parts of a line.
DEFAULT_STYLES: dict[str, str] = {
    "log.web_url": "bright_blue",
    "log.local_url": "bright_blue",
    "log.debug_level": "blue",
    "log.info_level": "cyan",
    "log.warning_level": "yellow3",
    "log.error_level": "red3",
    "log.critical_level": "bright_red",
    "log.flow_run_name": "magenta",
    "log.task_run_name": "magenta",
    "log.flow_name": "bold magenta",
    "log.task_name": "bold magenta",
    "log.completed_state": "green",
    "log.running_state": "cyan",
    "log.paused_state": "yellow3",
    "log.cancelled_state": "yellow3",
    "log.failed_state": "red3",
    "log.crashed_state": "bright_red",
    "log.cached_state": "bright_blue",
}


class LevelHighlighter(RegexHighlighter):
    """Marks the level of a record."""

    base_style = "log."
    highlights: ClassVar[Sequence[str]] = [
        rf"(?P<{level.lower()}_level>\b{level}\b)"
        for level in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
    ]


class UrlHighlighter(RegexHighlighter):
    """Marks addresses."""

    base_style = "log."
    highlights: ClassVar[Sequence[str]] = [
        r"(?P<web_url>\bhttps?://[\w.$%&+,/:;=?@#~-]+)",
        r"(?P<local_url>\bfile://[\w.$%&+,/:;=?@#~-]+)",
    ]


class NameHighlighter(RegexHighlighter):
    """Marks the names of flows, tasks and their runs."""

    base_style = "log."
    highlights: ClassVar[Sequence[str]] = [
        r"(?i)\bflow run (?P<flow_run_name>'[^']+')",
        r"(?i)\btask run (?P<task_run_name>'[^']+')",
        r"(?i)\bflow (?P<flow_name>'[^']+')",
        r"(?i)\btask (?P<task_name>'[^']+')",
    ]


class StateHighlighter(RegexHighlighter):
    """Marks states."""

    base_style = "log."
    highlights: ClassVar[Sequence[str]] = [
        rf"(?P<{name.lower()}_state>\b{name}(?=\(|\b))"
        for name in ("Completed", "Running", "Paused", "Cancelled", "Failed", "Crashed", "Cached")
    ]


class PenstockConsoleHighlighter(RegexHighlighter):
    """Marks all of that; made to be subclassed with more `highlights`."""

    base_style = "log."
    highlights: ClassVar[Sequence[str]] = [
        *LevelHighlighter.highlights,
        *UrlHighlighter.highlights,
        *NameHighlighter.highlights,
        *StateHighlighter.highlights,
    ]
