"""Task runs that were handed to a runner and will have a result. Reference: api-ref prefect-futures."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, Generic, NamedTuple, Self, TypeVar, cast

from penstock._engine.cancellation import token
from penstock._values.collections import visit
from penstock._values.outcome import state_result
from penstock._values.runs import TaskRun
from penstock._values.states import State, StateType

R = TypeVar("R")


class PenstockFuture(Generic[R]):
    """A run that was handed to somebody and will have a result.

    Futures are hashable and equal to nothing but themselves. They cannot be awaited: ask for `result`.
    """

    def __init__(self) -> None:
        self._final: State | None = None
        self._lock = threading.Lock()
        #: Made by the first who waits: most futures are done by then, and an event is as big as all the rest.
        self._event: threading.Event | None = None
        self._callbacks: list[Callable[[Self], None]] = []
        #: Called with the final state before anybody hears of it.
        self.before_done: Callable[[State], None] | None = None
        #: What a distributed runner knows this run's value by, so that it can stay where it is.
        self.remote: Any = None

    @property
    def edge(self) -> tuple[str, uuid.UUID]:
        """The kind of run and its id, as the graph of a run names what flows in."""
        raise NotImplementedError

    @property
    def run_name(self) -> str:
        """What errors call the run."""
        return str(self.edge[1])

    @property
    def task_run_id(self) -> uuid.UUID:
        """Identity of the task run."""
        return self.edge[1]

    @property
    def task_run(self) -> TaskRun:
        """The task run as this process knows it; futures of other runs have none."""
        raise AttributeError(f"{self!r} is not of a task run of this process.")

    @property
    def state(self) -> State:
        """The run's present state."""
        return self._final or State(StateType.PENDING)

    def done(self) -> bool:
        """True when the run has ended."""
        return self._final is not None

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the run has ended, or `timeout` seconds have passed; never raises on timeout."""
        if self._final is None:
            token().wait(self.ended_event(), timeout)

    def ended_event(self) -> threading.Event:
        """Return what is set when the run has ended, for waiting without regard to a cancellation."""
        with self._lock:
            if self._event is None:
                self._event = threading.Event()
                if self._final is not None:
                    self._event.set()
            return self._event

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
            kind = self.edge[0].replace("_", " ").capitalize()
            raise TimeoutError(f"{kind} {self.run_name!r} did not complete within {timeout} seconds")
        return cast("R", state_result(final, raise_on_failure))

    def add_done_callback(self, fn: Callable[[Self], None]) -> None:
        """Call `fn(self)` when the run has ended, cancelled ones too; at once if it has.

        What `fn` raises is logged.
        """
        with self._lock:
            if self._final is None:
                self._callbacks.append(fn)
                return
        self._call(fn)

    def set_state(self, state: State) -> None:
        """Record the final state (for runners); the first one counts."""
        first, self.before_done = self.before_done, None
        if first is not None:
            self._call(lambda _: first(state))
        with self._lock:
            if self._final is not None:
                return
            self._final = state
            callbacks, self._callbacks = self._callbacks, []
            event = self._event
        if event is not None:
            event.set()
        for fn in callbacks:
            self._call(fn)

    def remove_done_callback(self, fn: Callable[[Self], None]) -> None:
        """Take a callback back that was not called yet."""
        with self._lock:
            if fn in self._callbacks:
                self._callbacks.remove(fn)

    def _call(self, fn: Callable[[Any], None]) -> None:
        try:
            fn(self)
        except Exception:
            import logging

            logging.getLogger("penstock.futures").exception("A callback of %r raised", self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.run_name!r}, {self.state.name})"


class PenstockTaskRunFuture(PenstockFuture[R]):
    """A task run in the hands of a task runner.

    Args:
        task_run: the run it stands for.
    """

    def __init__(self, task_run: TaskRun) -> None:
        super().__init__()
        self._task_run = task_run

    @property
    def edge(self) -> tuple[str, uuid.UUID]:
        """The kind of run and its id."""
        return "task_run", self._task_run.id

    @property
    def run_name(self) -> str:
        """What errors call the run."""
        return self._task_run.name

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


class PenstockWrappedFuture(PenstockTaskRunFuture[R]):
    """A task run whose last state is the result of another future (of a library, or a runner of one's own).

    Args:
        task_run_id: the task run, or its id.
        wrapped_future: has `add_done_callback`, and `result()` that gives a `State`. What it raises crashes the run.

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> with ThreadPoolExecutor() as pool:
        ...     inner = pool.submit(lambda: State("COMPLETED", data=3))
        >>> PenstockWrappedFuture(uuid.uuid4(), inner).result()
        3
    """

    def __init__(self, task_run_id: uuid.UUID | TaskRun, wrapped_future: Any) -> None:
        if not isinstance(task_run_id, TaskRun):
            task_run_id = TaskRun(id=task_run_id, name=str(task_run_id), task_key="", dynamic_key="")
        super().__init__(task_run_id)
        self._wrapped_future = wrapped_future
        wrapped_future.add_done_callback(self._take)

    @property
    def wrapped_future(self) -> Any:
        """The other future."""
        return self._wrapped_future

    def _take(self, inner: Any) -> None:
        try:
            state = inner.result()
        except BaseException as error:
            state = State(
                StateType.CRASHED, message=f"The future behind this run raised {error!r}", data=error
            )
        self.set_state(state)


class PenstockConcurrentFuture(PenstockWrappedFuture[R]):
    """A task run in an executor of `concurrent.futures`."""


class PenstockFutureList(list[PenstockFuture[R]]):
    """What `.map` returns: futures in the order of the inputs."""

    #: What stands in its place once its futures are resolved (`_values.collections`).
    resolves_to = list

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
            future.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
            if not future.done():
                late = sum(not one.done() for one in self)
                raise TimeoutError(f"{late} (of {len(self)}) runs did not complete within {timeout} seconds")
            values.append(future.result(raise_on_failure=raise_on_failure))
        return values


class DoneAndNotDoneFutures(NamedTuple):
    """Two sets: who has ended, who has not."""

    done: set[PenstockFuture[Any]]
    not_done: set[PenstockFuture[Any]]


def wait(futures: Iterable[PenstockFuture[Any]], timeout: float | None = None) -> DoneAndNotDoneFutures:
    """Wait for futures until all have ended or `timeout` seconds have passed, all under one deadline.

    Args:
        futures: whatever their runners; the same one twice counts once.
        timeout: seconds; without limit by default.

    Example:
        >>> wait([])
        DoneAndNotDoneFutures(done=set(), not_done=set())
    """
    wanted = set(futures)
    try:
        for _ in as_completed(wanted, timeout):
            pass
    except TimeoutError:
        pass
    done = {future for future in wanted if future.done()}
    return DoneAndNotDoneFutures(done, wanted - done)


def as_completed(
    futures: Iterable[PenstockFuture[R]], timeout: float | None = None
) -> Generator[PenstockFuture[R], None, None]:
    """Yield futures as they end, each once, whatever their order and however often they are given.

    Args:
        futures: whatever their runners.
        timeout: seconds for all of them; without limit by default.

    Raises:
        TimeoutError: not all ended within `timeout` seconds.
    """
    wanted = set(futures)
    ended: list[PenstockFuture[R]] = []
    arrival = threading.Semaphore(0)

    def note(future: PenstockFuture[R]) -> None:
        ended.append(future)
        arrival.release()

    deadline = None if timeout is None else time.monotonic() + timeout
    try:
        for future in wanted:
            future.add_done_callback(note)
        for number in range(len(wanted)):
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not token().wait(_Acquiring(arrival), left):
                raise TimeoutError(f"{len(wanted) - number} (of {len(wanted)}) futures unfinished")
            yield ended[number]
    finally:
        for future in wanted:
            future.remove_done_callback(note)


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

    return visit(expr, leaf)


def resolve_futures_to_results(expr: Any) -> Any:
    """Return `expr` with every future in it replaced by its value; waits, and raises what they raise."""
    return visit(expr, lambda obj: obj.result() if isinstance(obj, PenstockFuture) else obj)


def futures_in(exprs: Iterable[Any]) -> Iterator[PenstockFuture[Any]]:
    """Yield every future found in some expressions."""
    from penstock._values.collections import find

    for expr in exprs:
        if isinstance(expr, PenstockFuture):
            yield expr
        else:
            yield from find(expr, PenstockFuture)
