"""Task runs that were handed to a runner and will have a result. Reference: api-ref prefect-futures."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, Generic, NamedTuple, TypeVar, cast

from penstock._engine.cancellation import token
from penstock._values.collections import visit
from penstock._values.outcome import state_result
from penstock._values.runs import TaskRun
from penstock._values.states import State, StateType

R = TypeVar("R")


class PenstockFuture(Generic[R]):
    """A task run in the hands of a task runner.

    Args:
        task_run: the run it stands for.
    """

    def __init__(self, task_run: TaskRun) -> None:
        self._task_run = task_run
        self._final: State | None = None
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[PenstockFuture[R]], None]] = []
        #: What a distributed runner knows this run's value by, so that it can stay where it is.
        self.remote: Any = None

    @property
    def task_run_id(self) -> uuid.UUID:
        """Identity of the task run."""
        return self._task_run.id

    @property
    def task_run(self) -> TaskRun:
        """The task run as this process knows it."""
        return self._task_run

    @property
    def state(self) -> State:
        """The run's present state."""
        return self._final or self._task_run.state or State(StateType.PENDING)

    def done(self) -> bool:
        """True when the run has ended."""
        return self._final is not None

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the run has ended, or `timeout` seconds have passed; never raises on timeout."""
        if self._final is None:
            token().wait(self._done, timeout)

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> R:
        """Return the run's value.

        Args:
            timeout: seconds to wait.
            raise_on_failure: when False, the exception of a failed run is returned instead of raised.

        Raises:
            TimeoutError: the run has not ended in time.
        """
        self.wait(timeout)
        final = self._final
        if final is None:
            raise TimeoutError(f"Task run {self._task_run.name!r} did not complete within {timeout} seconds")
        return cast("R", state_result(final, raise_on_failure))

    def add_done_callback(self, fn: Callable[[PenstockFuture[R]], None]) -> None:
        """Call `fn(self)` when the run has ended; at once if it has."""
        with self._lock:
            if self._final is None:
                self._callbacks.append(fn)
                return
        fn(self)

    def set_state(self, state: State) -> None:
        """Record the final state (for runners); the first one counts."""
        with self._lock:
            if self._final is not None:
                return
            self._final = state
            callbacks, self._callbacks = self._callbacks, []
        self._done.set()
        for fn in callbacks:
            fn(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._task_run.name!r}, {self.state.name})"


class PenstockFutureList(list[PenstockFuture[R]]):
    """What `.map` returns: futures in the order of the inputs."""

    def wait(self, timeout: float | None = None) -> None:
        """Wait until all have ended or the time is up."""
        wait(self, timeout)

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> list[R]:
        """Return the values in order.

        Args:
            timeout: seconds for all of them together.
            raise_on_failure: when False, exceptions are returned in place of values.

        Raises:
            TimeoutError: not all ended in time.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        values = []
        for future in self:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            values.append(future.result(left, raise_on_failure))
        return values


class DoneAndNotDoneFutures(NamedTuple):
    """Two sets: who has ended, who has not."""

    done: set[PenstockFuture[Any]]
    not_done: set[PenstockFuture[Any]]


def wait(futures: Iterable[PenstockFuture[Any]], timeout: float | None = None) -> DoneAndNotDoneFutures:
    """Wait for futures until all have ended or `timeout` seconds have passed.

    Example:
        >>> wait([])
        DoneAndNotDoneFutures(done=set(), not_done=set())
    """
    wanted = set(futures)
    deadline = None if timeout is None else time.monotonic() + timeout
    for future in wanted:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            break
        future.wait(left)
    done = {future for future in wanted if future.done()}
    return DoneAndNotDoneFutures(done, wanted - done)


def as_completed(
    futures: Iterable[PenstockFuture[R]], timeout: float | None = None
) -> Generator[PenstockFuture[R], None, None]:
    """Yield futures as they end.

    Raises:
        TimeoutError: not all ended within `timeout` seconds.
    """
    wanted = set(futures)
    ended: list[PenstockFuture[R]] = []
    arrival = threading.Semaphore(0)

    def note(future: PenstockFuture[R]) -> None:
        ended.append(future)
        arrival.release()

    for future in wanted:
        future.add_done_callback(note)
    deadline = None if timeout is None else time.monotonic() + timeout
    for number in range(len(wanted)):
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not token().wait(_Acquiring(arrival), left):
            raise TimeoutError(f"{len(wanted) - number} (of {len(wanted)}) futures unfinished")
        yield ended[number]


class _Acquiring:
    """A semaphore with the `wait` of an event."""

    def __init__(self, semaphore: threading.Semaphore) -> None:
        self._semaphore = semaphore

    def wait(self, timeout: float | None = None) -> bool:
        return self._semaphore.acquire(timeout=timeout)


def resolve_futures_to_states(expr: Any) -> Any:
    """Return `expr` with every future in it, however nested, replaced by its final state; waits for them."""

    def leaf(obj: Any) -> Any:
        if isinstance(obj, PenstockFuture):
            obj.wait()
            return obj.state
        return obj

    return visit(_plain_lists(expr), leaf)


def resolve_futures_to_results(expr: Any) -> Any:
    """Return `expr` with every future in it replaced by its value; waits, and raises what they raise."""
    return visit(_plain_lists(expr), lambda obj: obj.result() if isinstance(obj, PenstockFuture) else obj)


def _plain_lists(expr: Any) -> Any:
    return list(expr) if isinstance(expr, PenstockFutureList) else expr


def futures_in(exprs: Iterable[Any]) -> Iterator[PenstockFuture[Any]]:
    """Yield every future found in some expressions."""
    from penstock._values.collections import find

    for expr in exprs:
        if isinstance(expr, PenstockFuture):
            yield expr
        else:
            yield from find(expr, PenstockFuture)
