"""The default runner: threads of this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, Self

from penstock._engine.elastic_pool import ElasticPool
from penstock._engine.execute import execute_guarded
from penstock._engine.futures import PenstockFuture
from penstock._engine.runner_port import TaskRunner, after_upstream
from penstock._engine.task_run import TaskExecution
from penstock.settings import get_current_settings


class ThreadPoolTaskRunner(TaskRunner):
    """Runs tasks in threads.

    A run whose upstream is not done yet takes no thread: it is handed to the pool when the last upstream ends,
    so that waiting never uses up a small pool.

    Args:
        max_workers: how many at a time; without limit by default (setting
            `tasks_runner_thread_pool_max_workers`).

    Example:
        >>> @flow(task_runner=ThreadPoolTaskRunner(max_workers=4))
        ... def wide(): ...
    """

    type = "threads"

    def __init__(self, max_workers: int | None = None) -> None:
        super().__init__()
        limit = max_workers or get_current_settings().tasks_runner_thread_pool_max_workers
        self._max_workers: int = limit or sys.maxsize
        self._pool: ElasticPool | None = None

    @classmethod
    def open_shared(cls, workers: int | None = None) -> tuple[TaskRunner, Callable[[], None]]:
        """Return a runner with this limit; there is no cluster to close."""
        return cls(max_workers=workers), lambda: None

    def duplicate(self) -> Self:
        """Return a new runner with the same limit."""
        return type(self)(max_workers=self._max_workers)

    def start(self) -> None:
        """Open the pool; its threads start with the tasks."""
        self._pool = ElasticPool(self._max_workers, "penstock-task")

    def hand_over(self, execution: TaskExecution, future: PenstockFuture[Any]) -> None:
        """Queue the run, or wait for its upstream runs first without holding a thread."""
        context = copy_context()

        def enqueue() -> None:
            pool = self._pool
            if pool is not None:  # else it closed meanwhile: the run was given up
                pool.submit(context.run, _work, execution, future)

        after_upstream(execution, enqueue)

    def stop(self) -> None:
        """Close the pool; threads that were given up end by themselves."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close(wait=not (self._open or self._given_up))

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_pool": None}


_default: Callable[[], TaskRunner] = ThreadPoolTaskRunner


def default_runner() -> TaskRunner:
    """Return a runner for a flow that names none."""
    return _default()


def set_default_runner(make: Callable[[], TaskRunner] | None) -> None:
    """Let `make` give runners to flows that name none (a notebook's ``%runner``); None for threads again."""
    global _default
    _default = make or ThreadPoolTaskRunner


def _work(execution: TaskExecution, future: PenstockFuture[Any]) -> None:
    future.set_state(execute_guarded(execution))
