"""The runner whose runs are executed by task workers. Reference: api-ref prefect-task_runners, advanced/background-tasks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from penstock._engine.background import defer
from penstock._engine.futures import PenstockFuture
from penstock._engine.runner_port import TaskRunner
from penstock._engine.stored_futures import PenstockDistributedFuture
from penstock._engine.task_run import TaskExecution


class PenstockTaskRunner(TaskRunner):
    """Leaves tasks to task workers (``penstock task serve``, `serve`), wherever they run.

    The runs belong to no flow run; they come from the one that submitted them, which waits for them at its end. A flow
    that is stopped leaves them to their workers.

    Example:
        >>> @flow(task_runner=PenstockTaskRunner())  # doctest: +SKIP
        ... def wide(): ...
    """

    type = "task-workers"
    elsewhere = True

    def __init__(self) -> None:
        super().__init__()
        self._deferred: list[PenstockDistributedFuture[Any]] = []

    def duplicate(self) -> Self:
        """Return a new runner."""
        return type(self)()

    def start(self) -> None:
        """Do nothing: task workers are there or will be."""

    def submit(
        self,
        task: Any,
        parameters: dict[str, Any],
        wait_for: Iterable[Any] | None = None,
        dependencies: dict[str, Any] | None = None,
        *,
        fingerprints: Any = None,
    ) -> PenstockDistributedFuture[Any]:
        """Record one run of a task for a task worker and return its future.

        Args:
            task: what to run; a worker must serve it.
            parameters: arguments by name; may hold futures.
            wait_for: futures that must complete first.
            dependencies: edges beside those found in the parameters, by parameter name.
            fingerprints: of no use here.
        """
        self._start_once()
        future: PenstockDistributedFuture[Any] = PenstockDistributedFuture(
            defer(task, parameters, wait_for, dependencies).id
        )
        self._deferred.append(future)
        return future

    def hand_over(self, execution: TaskExecution, future: PenstockFuture[Any]) -> None:
        """Refuse: runs of this runner are never begun here."""
        raise NotImplementedError("Tasks of this runner are executed by task workers; submit them.")

    def cancel_all(self) -> None:
        """Wait for none of the runs any more; their workers go on."""
        self._deferred.clear()
        super().cancel_all()

    def stop(self) -> None:
        """Wait for what was submitted."""
        waiting, self._deferred = self._deferred, []
        for future in waiting:
            future.wait()
