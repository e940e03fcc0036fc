"""Waiting for task runs by id. Reference page: api-ref/python/prefect-task_runs."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any, ClassVar, Self
from weakref import WeakValueDictionary

from penstock._engine.observers import Observer, add_observer, remove_observer
from penstock._engine.stored_futures import PenstockDistributedFuture
from penstock._values.runs import TaskRun
from penstock._values.states import State


class TaskRunWaiter(Observer):
    """Waits for task runs, wherever they run: those of this process are seen at once, others through the store.

    There is one a process; it starts when it is first used.

    Example:
        >>> import asyncio
        >>> asyncio.run(TaskRunWaiter.wait_for_task_run(uuid.uuid4(), timeout=0)) is None
        True
    """

    _instance: ClassVar[TaskRunWaiter | None] = None
    _making: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self) -> None:
        # Weak: a run nobody waits for any more must not be followed for ever.
        self._futures: WeakValueDictionary[uuid.UUID, PenstockDistributedFuture[Any]] = WeakValueDictionary()
        self._called_back: set[PenstockDistributedFuture[Any]] = set()
        self._lock = threading.Lock()
        self._started = False

    @classmethod
    def instance(cls) -> Self:
        """Return the one of this process, started."""
        with cls._making:
            if cls._instance is None:
                cls._instance = cls()
        cls._instance.start()
        return cls._instance  # type: ignore[return-value]  # pyright: ignore[reportReturnType]  # there are no subclasses

    def start(self) -> None:
        """Begin to watch the task runs of this process."""
        with self._lock:
            if not self._started:
                self._started = True
                add_observer(self)

    def stop(self) -> None:
        """Stop watching; who still waits waits until its timeout."""
        with self._lock:
            if self._started:
                self._started = False
                remove_observer(self)
            self._futures.clear()
            self._called_back.clear()

    @classmethod
    async def wait_for_task_run(cls, task_run_id: uuid.UUID, timeout: float | None = None) -> State | None:
        """Wait until a task run has ended and return its final state, None when it has not in time.

        Args:
            task_run_id: which run; it need not exist yet.
            timeout: seconds; without limit by default.
        """
        future = cls.instance()._future(task_run_id)
        await future.wait_async(timeout)
        return future._final

    @classmethod
    def add_done_callback(cls, task_run_id: uuid.UUID, callback: Callable[[], None]) -> None:
        """Call `callback()` when a task run has ended; at once if that is known already.

        Args:
            task_run_id: which run.
            callback: takes no arguments; what it raises is logged.
        """
        waiter = cls.instance()
        future = waiter._future(task_run_id)
        waiter._called_back.add(future)
        future.add_done_callback(lambda _: callback())
        future.add_done_callback(waiter._called_back.discard)

    def task_run_state(self, task_run: TaskRun, state: State) -> None:
        """See a state of a run of this process."""
        future = self._futures.get(task_run.id)
        if future is not None and state.is_final():
            future.set_state(state)

    def _future(self, task_run_id: uuid.UUID) -> PenstockDistributedFuture[Any]:
        with self._lock:
            future = self._futures.get(task_run_id)
            if future is None:
                future = self._futures[task_run_id] = PenstockDistributedFuture(task_run_id)
            return future


__all__ = ["TaskRunWaiter"]
