"""The newest task run of this thread's cell, for the line shown under it."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from penstock._engine.observers import Observer, add_observer, remove_observer
from penstock._values.runs import TaskRun
from penstock._values.states import State


class LastRun(Observer):
    """Remembers the last task run told of while it is entered, made by this thread first."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self.task_run: TaskRun | None = None

    def task_run_state(self, task_run: TaskRun, state: State) -> None:
        """Keep the first run made by the cell's thread."""
        if self.task_run is None and threading.get_ident() == self._thread:
            self.task_run = task_run

    def __enter__(self) -> Self:
        add_observer(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        remove_observer(self)
