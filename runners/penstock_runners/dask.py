"""Tasks on Dask. Reference page: integrations/prefect-dask."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from contextvars import copy_context
from importlib import import_module
from typing import Any, Self
from uuid import uuid4

import dask
import distributed
from dask.sizeof import sizeof

from penstock._engine.futures import PenstockFuture
from penstock._engine.packing import Packer
from penstock._engine.part_futures import PartFuture
from penstock._engine.remote import Outcome, Summary
from penstock._engine.remote_run import interrupt_runs, run_remote
from penstock._engine.remote_values import RemoteValues
from penstock._engine.runner_port import TaskRunner, after_upstream
from penstock._engine.task_run import TaskExecution
from penstock._values.states import State, StateType
from penstock.exceptions import ConfigurationError, SerializationError
from penstock_runners.dask_queue import DaskQueue, Handle, Item

#: Workers must not die of the interrupt that a notebook sends to the kernel's whole process group.
#: A worker that is a thread of the driver's process has no signals of its own to ignore.
_IGNORE_INTERRUPTS = (
    "import multiprocessing, signal\n"
    "if multiprocessing.parent_process() is not None: signal.signal(signal.SIGINT, signal.SIG_IGN)"
)
#: How long the workers get to say which runs they were working on when the run was stopped.
_INTERRUPT_SECONDS = 0.3


class DaskTaskRunner(TaskRunner):
    """Runs tasks on Dask workers.

    Without an address a temporary cluster is made for the flow run and closed after it. Data stays on the
    workers: a future passed on to another task is never fetched by the driver.

    Args:
        cluster: an existing cluster object; left running.
        address: of a running scheduler; left running.
        cluster_class: class, factory or dotted name of the temporary cluster; `distributed.LocalCluster`.
        cluster_kwargs: its arguments.
        adapt_kwargs: switches adaptive scaling on, with these arguments.
        client_kwargs: arguments of `distributed.Client`.
        performance_report_path: file for Dask's performance report.

    Raises:
        ValueError: both an existing and a temporary cluster are asked for.

    Example:
        >>> @flow(task_runner=DaskTaskRunner(cluster_kwargs={"n_workers": 2}))
        ... def wide(): ...
    """

    type = "dask"
    elsewhere = True

    def __init__(
        self,
        cluster: Any = None,
        address: str | None = None,
        cluster_class: str | Callable[..., Any] | None = None,
        cluster_kwargs: dict[str, Any] | None = None,
        adapt_kwargs: dict[str, Any] | None = None,
        client_kwargs: dict[str, Any] | None = None,
        performance_report_path: str | None = None,
    ) -> None:
        super().__init__()
        existing = sum(option is not None for option in (cluster, address))
        if existing > 1 or (existing and (cluster_class or cluster_kwargs or adapt_kwargs)):
            raise ValueError(
                "Give a cluster, an address, or what is needed to make a temporary cluster; not several."
            )
        self._given = cluster
        self._address = address
        self._cluster_class = cluster_class
        self._cluster_kwargs = dict(cluster_kwargs or {})
        self._adapt_kwargs = dict(adapt_kwargs or {})
        self._client_kwargs = dict(client_kwargs or {})
        self._report_path = performance_report_path
        self._clear()

    def _clear(self) -> None:
        self._cluster: Any = None
        self._client: Any = None
        self._report: Any = None
        self._packer: Packer | None = None
        self._queue: DaskQueue | None = None
        self._values = RemoteValues()
        self._topic = ""

    @property
    def address(self) -> str:
        """Where the scheduler of this run listens."""
        self._start_once()
        return str(self._client.scheduler.address)

    @classmethod
    def open_shared(cls, workers: int | None = None) -> tuple[TaskRunner, Callable[[], None]]:
        """Start a local cluster that lives until it is closed; one thread a worker process."""
        kwargs = {"n_workers": workers, "threads_per_worker": 1} if workers else {}
        cluster = make_cluster(None, kwargs)
        return cls(cluster=cluster), cluster.close

    def duplicate(self) -> Self:
        """Return a new runner with the same options."""
        return type(self)(
            self._given,
            self._address,
            self._cluster_class,
            self._cluster_kwargs,
            self._adapt_kwargs,
            self._client_kwargs,
            self._report_path,
        )

    def start(self) -> None:
        """Make or find the cluster and connect to it."""
        target = self._given or self._address
        if target is None:
            target = self._cluster = make_cluster(self._cluster_class, self._cluster_kwargs)
            if self._adapt_kwargs:
                self._cluster.adapt(**self._adapt_kwargs)
        self._client = distributed.Client(target, **{"set_as_default": False, **self._client_kwargs})
        if self._cluster is None:
            self._client.register_plugin(_SurvivesStop(), name="penstock-survives-stop")
        if self._report_path:
            self._report = distributed.performance_report(filename=self._report_path)
            with self._client.as_current():
                self._report.__enter__()
        self._topic = f"penstock-{uuid4().hex}"
        self._packer = Packer(self._reference_of, self._send_ahead, lambda sent: sent.status == "finished")
        self._queue = DaskQueue(self._client, _on_worker, self._topic, self._values)
        self._client.subscribe_topic(self._topic, self._on_event)

    def hand_over(self, execution: TaskExecution, future: PenstockFuture[Any]) -> None:
        """Submit the run; Dask starts it when its upstream runs are done."""
        context = copy_context()
        after_upstream(execution, lambda: context.run(self._enqueue, execution, future), self._is_ours)

    def _is_ours(self, future: PenstockFuture[Any]) -> bool:
        whole = future.whole if isinstance(future, PartFuture) else future
        return self._reference_of(whole) is not None

    def _enqueue(self, execution: TaskExecution, future: PenstockFuture[Any]) -> None:
        if self._packer is None or self._queue is None:
            return  # closed meanwhile: the run was given up
        try:
            payload, references = self._packer.pack(execution)
        except SerializationError as error:
            future.set_state(execution.enter(State(StateType.FAILED, message=str(error), data=error)))
            return
        handle = Handle(f"{execution.task.name}-{execution.task_run.id}")
        future.remote = (self, handle)
        self._queue.put(Item(handle, payload, references, dask.get_annotations(), execution, future))

    def interrupt(self, only: Collection[PenstockFuture[Any]] | None = None) -> None:
        """Forget what has not begun; raise in the threads of what has."""
        if self._queue is None:
            return
        items = self._queue.give_up(only)
        with suppress(Exception):
            found = self._client.sync(
                self._client._run,
                interrupt_runs,
                [item.run_id for item in items],
                "interrupted" if only is None else "cancelled",
                on_error="ignore",
                callback_timeout=_INTERRUPT_SECONDS,
            )
            begun = {run_id for part in found.values() for run_id in part}
            for item in items:
                if item.run_id in begun:
                    item.future.task_run.run_count = max(item.future.task_run.run_count, 1)
            items = [item for item in items if item.run_id not in begun]
        with suppress(Exception):
            waiting = [item.handle.dask for item in items if item.handle.dask is not None]
            self._client.cancel(waiting, asynchronous=False, force=True)

    def stop(self) -> None:
        """Disconnect; close the cluster if it is ours."""
        client, cluster, report = self._client, self._cluster, self._report
        if report is not None:
            with suppress(Exception), client.as_current():
                report.__exit__(None, None, None)
        if client is not None:
            # Results stay readable: whatever is still referred to is fetched before it is forgotten.
            self._values.fetch_all()
        if self._queue is not None:
            self._queue.close()
        if self._packer is not None:
            self._packer.forget()
        if client is not None:
            if cluster is None:
                with suppress(Exception):
                    client.run_on_scheduler(_forget_topic, self._topic)
            client.close()
        if cluster is not None:
            cluster.close()
        self._clear()

    def _on_event(self, event: tuple[float, bytes]) -> None:
        summary: Summary = pickle.loads(event[1])
        if self._queue is not None:
            self._queue.answered(summary)

    def _reference_of(self, future: PenstockFuture[Any]) -> Any:
        remote = future.remote
        return remote[1] if isinstance(remote, tuple) and remote[0] is self else None

    def _send_ahead(self, obj: Any) -> Any:
        return self._client.scatter([obj], hash=False)[0]

    def __getstate__(self) -> dict[str, Any]:
        kept = super().__getstate__()
        for name in ("_cluster", "_client", "_report", "_packer", "_queue", "_values", "_given"):
            kept[name] = None
        return kept

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._clear()


def make_cluster(cluster_class: str | Callable[..., Any] | None, kwargs: dict[str, Any]) -> Any:
    """Start a cluster whose workers survive the Stop button; a `LocalCluster` by default.

    Raises:
        ConfigurationError: the class named does not exist.
    """
    made: Any = cluster_class or distributed.LocalCluster
    if isinstance(made, str):
        module, _, name = made.rpartition(".")
        try:
            made = getattr(import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise ConfigurationError(
                f"cluster_class {cluster_class!r} cannot be imported: {error}"
            ) from error
    if made is distributed.LocalCluster:
        kwargs = {"dashboard_address": ":0", "silence_logs": "CRITICAL", **kwargs}
    preloads = [*dask.config.get("distributed.worker.preload", []), _IGNORE_INTERRUPTS]
    try:
        with dask.config.set({"distributed.worker.preload": preloads}):
            return made(**kwargs)
    except RuntimeError as error:
        raise ConfigurationError(
            f"The Dask cluster did not start: {error} If this is a script, call its flows under "
            "`if __name__ == '__main__':`, because each worker process imports the script."
        ) from error


class _SurvivesStop(distributed.WorkerPlugin):  # type: ignore[misc]  # distributed has no types
    """Keeps the Stop button of a notebook from ending workers that somebody else started on this machine."""

    def __init__(self) -> None:
        self._group = os.getpgrp()
        self._pid = os.getpid()

    def setup(self, worker: Any) -> None:
        """Ignore interrupts in worker processes of the driver's own process group."""
        del worker
        ours = os.getpgrp() == self._group and os.getpid() != self._pid
        if ours and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def _on_worker(payload: bytes, *filled: Any, topic: str) -> Outcome:
    outcome = run_remote(payload, *filled)
    distributed.get_worker().log_event(topic, pickle.dumps(outcome.summary, protocol=5))
    return outcome


def _forget_topic(topic: str, dask_scheduler: Any = None) -> None:
    """Drop the events of a flow run from the memory of a scheduler that lives on."""
    dask_scheduler._broker._topics.pop(topic, None)


@sizeof.register(Outcome)  # type: ignore[untyped-decorator]  # Dask is untyped to mypy here
def _size_of_outcome(outcome: Outcome) -> int:
    """Let Dask see how big a result is, for spilling and for where it places tasks."""
    return 1000 + int(sizeof(outcome.data))


__all__ = ["DaskTaskRunner", "make_cluster"]
