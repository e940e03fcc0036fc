"""Futures of runs that are known by their id only: the store says when they end. Reference: api-ref prefect-futures."""

from __future__ import annotations

import threading
import time
import uuid
import weakref
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, Self, TypeVar

import penstock._results.references  # noqa: F401  # reads what states of the store refer to
from penstock._engine.futures import PenstockFuture
from penstock._link.client import StoreClient, path_of, store
from penstock._results.store import ResultStore
from penstock._values.outcome import Absent
from penstock._values.states import State, StateType
from penstock.exceptions import ObjectNotFound, PenstockException

R = TypeVar("R")
#: How long the store is asked to keep a question open, in seconds: a future nobody holds is noticed after it.
_POLL = 2.0
#: How often the state of a task run is asked for, in seconds; it reaches the store some time after it was entered.
_PACE = 0.1


class StoredFuture(PenstockFuture[R]):
    """A run somewhere, watched through the store while somebody waits for it."""

    _kind = ""

    def __init__(self, run_id: uuid.UUID | str) -> None:
        super().__init__()
        self._id = run_id if isinstance(run_id, uuid.UUID) else uuid.UUID(run_id)
        self._store = store()
        self._watching = False

    @property
    def edge(self) -> tuple[str, uuid.UUID]:
        """The kind of run and its id."""
        return self._kind, self._id

    @property
    def state(self) -> State:
        """The run's present state, as the store has it.

        Raises:
            ObjectNotFound: there is no such run.
        """
        if self._final is None:
            state = self._ask(self._store, self._id, "", 0.0)
            if state is None or not state.is_final():
                return state or State(StateType.PENDING)
            self.set_state(state)
        return self._final or State(StateType.PENDING)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the run has ended, or `timeout` seconds have passed; never raises on timeout.

        A run the store does not know, or cannot be asked for, ends as Crashed; `result` raises why.
        """
        self._watch()
        super().wait(timeout)

    async def wait_async(self, timeout: float | None = None) -> None:
        """Async twin of `wait`."""
        import asyncio

        await asyncio.to_thread(self.wait, timeout)

    async def aresult(self, timeout: float | None = None, raise_on_failure: bool = True) -> R:
        """Async twin of `result`."""
        import asyncio

        return await asyncio.to_thread(self.result, timeout, raise_on_failure)

    result_async = aresult

    def add_done_callback(self, fn: Callable[[Self], None]) -> None:
        """Call `fn(self)` when the run has ended; at once if it has."""
        super().add_done_callback(fn)
        self._watch()

    @staticmethod
    def _ask(client: StoreClient, run_id: uuid.UUID, after: str, seconds: float) -> State | None:
        """Return the run's state when it is another one than `after`, or when the time is up."""
        raise NotImplementedError

    def _watch(self) -> None:
        with self._lock:
            if self._watching or self._final is not None:
                return
            self._watching = True
        ours = weakref.ref(self)
        work = (copy_context().run, _watch, ours, type(self)._ask, self._store, self._id)
        threading.Thread(
            target=work[0], args=work[1:], name=f"penstock-watch-{self._id}", daemon=True
        ).start()

    def set_state(self, state: State) -> None:
        """Record the final state; the first one counts."""
        super().set_state(_with_result(state, self._kind, self._id))

    def __repr__(self) -> str:
        known = self._final.name if self._final is not None else "not known to have ended"
        return f"{type(self).__name__}({str(self._id)!r}, {known})"


def _watch(
    ours: weakref.ref[StoredFuture[Any]],
    ask: Callable[..., State | None],
    client: StoreClient,
    run_id: uuid.UUID,
) -> None:
    """Follow a run until it ends or nobody holds its future any more."""
    after = ""
    while ours() is not None:
        try:
            state = ask(client, run_id, after, _POLL)
        except PenstockException as error:
            message = f"What became of this run cannot be told: {error}"
            state = State(StateType.CRASHED, message=message, data=error)
        future = ours()
        if future is not None and state is not None and state.is_final():
            future.set_state(state)
            return
        after = str(state.id) if state is not None else ""
        del future


def _with_result(state: State, kind: str, run_id: uuid.UUID) -> State:
    """Put a reference to the stored result into a state of the store, which has no values."""
    if not state.is_completed() or state.data is not None:
        return state
    key = state.state_details.cache_key or str(run_id)
    results = ResultStore()
    state.data = (
        results.stored(key, f"{kind.replace('_', ' ')} {run_id}")
        if results.exists(key)
        else Absent(
            f"{kind.replace('_', ' ').capitalize()} {run_id} completed, but its result is not in "
            f"{results.result_storage!r}: it is kept there when the run has persist_result=True."
        )
    )
    return state


class PenstockFlowRunFuture(StoredFuture[R]):
    """A flow run anywhere.

    Args:
        flow_run_id: which run.

    Example:
        >>> future = PenstockFlowRunFuture("0199a1de-0000-7000-8000-000000000000")
        >>> future.flow_run_id.version
        7
    """

    _kind = "flow_run"

    def __init__(self, flow_run_id: uuid.UUID | str) -> None:
        super().__init__(flow_run_id)

    @property
    def flow_run_id(self) -> uuid.UUID:
        """Identity of the flow run."""
        return self._id

    @staticmethod
    def _ask(client: StoreClient, run_id: uuid.UUID, after: str, seconds: float) -> State | None:
        path = path_of("link", "flow_runs", run_id, "wait")
        found = client.request("GET", path, query={"after": after, "timeout": seconds}, timeout=seconds + 30)
        return State.from_json(found["state"]) if found["state"] else None


class PenstockDistributedFuture(StoredFuture[R]):
    """A task run anywhere.

    Args:
        task_run_id: which run; its first state may not have reached the store yet.
    """

    _kind = "task_run"

    def __init__(self, task_run_id: uuid.UUID | str) -> None:
        super().__init__(task_run_id)

    @staticmethod
    def _ask(client: StoreClient, run_id: uuid.UUID, after: str, seconds: float) -> State | None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                found = client.request("GET", path_of("api", "task_runs", run_id))["state"]
            except ObjectNotFound:
                found = None
            if (found and found["id"] != after) or time.monotonic() >= deadline:
                return State.from_json(found) if found else None
            time.sleep(_PACE)
