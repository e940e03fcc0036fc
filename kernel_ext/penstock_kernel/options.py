"""What a `%%task` line means where it says nothing: `%config Penstock.retries = 2`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traitlets import Bool, Enum, Float, Int, Unicode
from traitlets.config import Configurable

from penstock_kernel._cells.task_line import parse_task_line


class Penstock(Configurable):  # type: ignore[misc]  # traitlets is untyped to mypy here
    """Defaults of task cells, also readable from ``ipython_config.py``."""

    runner = Unicode("", help="Where task cells run; empty for what %runner chose.").tag(config=True)
    retries = Int(0, min=0, help="How often a failed task cell runs again.").tag(config=True)
    retry_delay = Unicode("", help="Seconds before the retries: 30, 1.5s, 2m, or several.").tag(config=True)
    timeout = Float(None, allow_none=True, help="Seconds a task cell may take.").tag(config=True)
    cache = Bool(True, help="Use results of the same code and inputs again.").tag(config=True)
    tags = Unicode("", help="Tags of every task cell, separated by commas.").tag(config=True)
    wait = Bool(
        None, allow_none=True, help="Wait in the cell; None: only where nobody watches (nbclient, papermill)."
    ).tag(config=True)
    join = Enum(
        ["wait", "error"], "wait", help="What a cell does that reads a name still being computed."
    ).tag(config=True)

    def defaults(self) -> Mapping[str, Any]:
        """Return them as fields of a `TaskLine`.

        Raises:
            TaskLineError: the delay or the tags cannot be read.
        """
        words = [f"--retry-delay={self.retry_delay}" if self.retry_delay else "", f"--tags='{self.tags}'"]
        read = parse_task_line(" ".join(words), {"retries": self.retries or 1})
        return {
            "runner": self.runner or None,
            "retries": self.retries,
            "retry_delay": read.retry_delay,
            "timeout": self.timeout,
            "cache": None if self.cache else False,
            "tags": read.tags,
            "wait": self.wait,
        }
