"""Tasks on Ray. Reference page: integrations/prefect-ray."""

from __future__ import annotations

import queue
import subprocess
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import ray
from ray.exceptions import TaskCancelledError

from penstock._engine.futures import PenstockFuture
from penstock._engine.packing import Packer
from penstock._engine.part_futures import PartFuture
from penstock._engine.remote import Outcome, Summary
from penstock._engine.remote_run import run_remote
from penstock._engine.remote_values import RemoteValues, begun, crash
from penstock._engine.runner_port import TaskRunner, after_upstream
from penstock._engine.task_run import TaskExecution
from penstock._values.states import State, StateType
from penstock.exceptions import SerializationError
from penstock_runners.ray_guard import start_guard

_guard: subprocess.Popen[bytes] | None = None
_options: ContextVar[dict[str, Any] | None] = ContextVar("penstock_ray_options", default=None)

#: A quiet local Ray: no dashboard, no lines of workers in whatever cell is last, memory within reason.
_LOCAL = {
    "include_dashboard": False,
    "log_to_driver": False,
    "logging_level": "ERROR",
    "object_store_memory": 512 * 1024 * 1024,
}


@contextmanager
def remote_options(**options: Any) -> Iterator[None]:
    """Give tasks submitted inside the block `ray.remote` options, such as ``num_gpus=1``.

    Args:
        options: merged over those of blocks around this one.
    """
    mark = _options.set({**(_options.get() or {}), **options})
    try:
        yield
    finally:
        _options.reset(mark)


class RayTaskRunner(TaskRunner):
    """Runs tasks on Ray workers.

    Without an address a local Ray is started for the flow run and shut down after it, unless one is running in
    this process already: that one is used and left running.

    Args:
        address: of a running cluster, such as ``ray://host:10001``.
        init_kwargs: arguments of `ray.init`.

    Example:
        >>> @flow(task_runner=RayTaskRunner(init_kwargs={"num_cpus": 2}))
        ... def wide(): ...
    """

    type = "ray"
    elsewhere = True

    def __init__(self, address: str | None = None, init_kwargs: dict[str, Any] | None = None) -> None:
        super().__init__()
        self._address = address
        self._init_kwargs = dict(init_kwargs or {})
        self._clear()

    def _clear(self) -> None:
        self._ours = False
        self._packer: Packer | None = None
        self._remote: Any = None
        self._values = RemoteValues()
        self._pending: dict[str, _Item] = {}
        self._arrived: queue.SimpleQueue[tuple[str, Any] | None] = queue.SimpleQueue()
        self._collector: threading.Thread | None = None

    @classmethod
    def open_shared(cls, workers: int | None = None) -> tuple[TaskRunner, Callable[[], None]]:
        """Start a local Ray that lives until it is closed, or use the one that runs in this process."""
        if ray.is_initialized():
            return cls(), lambda: None
        start_ray(None, {"num_cpus": workers} if workers else {})
        return cls(), stop_ray

    def duplicate(self) -> Self:
        """Return a new runner with the same options."""
        return type(self)(self._address, self._init_kwargs)

    def start(self) -> None:
        """Connect to Ray, or start it."""
        if not ray.is_initialized():
            start_ray(self._address, self._init_kwargs)
            self._ours = True
        self._packer = Packer(self._reference_of, ray.put)
        self._remote = ray.remote(num_returns=2, max_retries=0)(_on_worker)
        self._collector = threading.Thread(target=self._collect, name="penstock-ray", daemon=True)
        self._collector.start()

    def hand_over(self, execution: TaskExecution, future: PenstockFuture[Any]) -> None:
        """Submit the run; Ray starts it when its upstream runs are done."""
        context = copy_context()
        after_upstream(execution, lambda: context.run(self._send, execution, future), self._is_ours)

    def _is_ours(self, future: PenstockFuture[Any]) -> bool:
        whole = future.whole if isinstance(future, PartFuture) else future
        return self._reference_of(whole) is not None

    def _send(self, execution: TaskExecution, future: PenstockFuture[Any]) -> None:
        if self._packer is None:
            return  # closed meanwhile: the run was given up
        try:
            payload, references = self._packer.pack(execution)
        except SerializationError as error:
            future.set_state(execution.enter(State(StateType.FAILED, message=str(error), data=error)))
            return
        options = _options.get()
        function = self._remote.options(**options) if options else self._remote
        summary, outcome = function.remote(payload, *references)
        future.remote = (self, outcome)
        run_id = str(execution.task_run.id)
        self._pending[run_id] = _Item(execution, future, summary, partial(ray.get, outcome))
        arrived = self._arrived
        summary.future().add_done_callback(lambda done: arrived.put((run_id, done)))

    def interrupt(self, only: Collection[PenstockFuture[Any]] | None = None) -> None:
        """Cancel what is queued, then interrupt what runs, so that nothing queued takes the place of what ends."""
        items = [item for item in self._pending.values() if only is None or item.future in only]
        known = begun([str(item.future.task_run_id) for item in items])
        for item in items:
            if str(item.future.task_run_id) in known:
                item.future.task_run.run_count = max(item.future.task_run.run_count, 1)
        for item in sorted(items, key=lambda item: item.future.task_run.run_count):
            with suppress(Exception):
                ray.cancel(item.summary, force=False)

    def terminate(self, futures: Collection[PenstockFuture[Any]]) -> None:
        """Kill the worker processes of these runs."""
        for item in [item for item in list(self._pending.values()) if item.future in futures]:
            with suppress(Exception):
                ray.cancel(item.summary, force=True)

    def stop(self) -> None:
        """End the collector; shut Ray down if it is ours, after fetching what states still refer to."""
        self._arrived.put(None)
        if self._collector is not None:
            self._collector.join(10)
        if self._packer is not None:
            self._packer.forget()
        if self._ours:
            self._values.fetch_all()
            stop_ray()
        self._clear()

    def _collect(self) -> None:
        """Settle runs as their summaries arrive."""
        while (arrival := self._arrived.get()) is not None:
            run_id, done = arrival
            item = self._pending.pop(run_id)
            try:
                summary: Summary = done.result()
            except Exception as error:
                _lost(item, error)
            else:
                self._values.settle(item.future, summary, item.fetch)
            # A result lives as long as somebody holds its future: this thread must not while it waits.
            del item, done, arrival

    def _reference_of(self, future: PenstockFuture[Any]) -> Any:
        remote = future.remote
        return remote[1] if isinstance(remote, tuple) and remote[0] is self else None

    def __getstate__(self) -> dict[str, Any]:
        kept = super().__getstate__()
        for name in ("_packer", "_arrived", "_collector", "_remote", "_values", "_pending"):
            kept.pop(name, None)
        return kept

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._clear()


@dataclass(eq=False, slots=True)
class _Item:
    """A task run that Ray has and that has not ended: the reference of its summary, and what gets its outcome."""

    execution: TaskExecution
    future: PenstockFuture[Any]
    summary: Any
    fetch: Callable[[], Outcome]


def _lost(item: _Item, error: BaseException) -> None:
    if isinstance(error, TaskCancelledError) and item.future.task_run.run_count == 0:
        message = "The flow run was stopped before this task run began."
        item.future.set_state(item.execution.abandon(State(StateType.CANCELLED, message=message, data=error)))
    else:
        crash(item.execution, item.future, error)


def start_ray(address: str | None, init_kwargs: dict[str, Any]) -> None:
    """Start a local Ray, or connect to the cluster at `address`."""
    global _guard
    if address:
        ray.init(address=address, **init_kwargs)
        return
    try:
        ray.init(**{**_LOCAL, **init_kwargs})
    except Exception as error:
        # Ray gives its own processes 30 s to come up, which is not enough on a machine that is busy just then.
        if "timed out during startup" not in str(error):
            raise
        ray.shutdown()
        ray.init(**{**_LOCAL, **init_kwargs})
    _guard = start_guard()


def stop_ray() -> None:
    """Shut down a Ray that `start_ray` has started, or disconnect from the cluster."""
    global _guard
    guard, _guard = _guard, None
    ray.shutdown()
    if guard is not None:
        guard.kill()
        guard.wait()


def _on_worker(payload: bytes, *filled: Any) -> tuple[Summary, Outcome]:
    outcome = run_remote(payload, *filled)
    return outcome.summary, outcome


__all__ = ["RayTaskRunner", "remote_options", "start_ray", "stop_ray"]
