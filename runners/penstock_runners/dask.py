"""Tasks on Dask. Reference page: integrations/prefect-dask."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from itertools import chain
from typing import Any, Self
from uuid import uuid4

import dask.config
import distributed

from penstock._engine.futures import PenstockFuture
from penstock._engine.remote import Outcome, Packer, Summary, interrupt_runs, run_remote
from penstock._engine.runner_port import TaskRunner
from penstock._engine.task_run import TaskExecution
from penstock._values.states import Resolvable, State, StateType
from penstock.exceptions import ConfigurationError, SerializationError
from penstock_runners.remote_values import settle

#: Workers must not die of the interrupt that a notebook sends to the kernel's whole process group.
_IGNORE_INTERRUPTS = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"


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
        self._topic = ""
        self._pending: dict[str, tuple[PenstockFuture[Any], Any]] = {}
        #: Runs that were told to stop. That Dask forgets them says nothing about how they ended.
        self._stopped: set[str] = set()

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
        if self._report_path:
            self._report = distributed.performance_report(filename=self._report_path)
            with self._client.as_current():
                self._report.__enter__()
        self._packer = Packer(self._reference_of, self._send_ahead)
        self._topic = f"penstock-{uuid4().hex}"
        self._client.subscribe_topic(self._topic, self._on_summary)

    def hand_over(self, execution: TaskExecution, future: PenstockFuture[Any]) -> None:
        """Submit the run; Dask starts it when its upstream runs are done."""
        assert self._packer is not None
        run_id = str(execution.task_run.id)
        try:
            payload, references = self._packer.pack(execution)
        except SerializationError as error:
            message = str(error)
            future.set_state(execution.enter(State(StateType.FAILED, message=message, data=error)))
            return
        handle = self._client.submit(
            _on_worker, self._topic, payload, *references, key=f"{execution.task.name}-{run_id}", pure=False
        )
        future.remote = (self, handle)
        with self._lock:
            self._pending[run_id] = (future, handle)
        handle.add_done_callback(lambda done: self._on_done(run_id, done, execution))

    def interrupt(self) -> None:
        """Forget what has not begun; raise in the threads of what has."""
        with self._lock:
            pending = dict(self._pending)
            self._stopped.update(pending)
        try:
            # A worker's event loop answers this while its threads are busy.
            found = self._client.sync(
                self._client._run, interrupt_runs, list(pending), on_error="ignore", callback_timeout=1
            )
        except Exception:
            # Nobody can say what has begun: all of it may have.
            found = {"": list(pending)}
        for run_id in chain.from_iterable(found.values()):
            run = pending[run_id][0].task_run
            run.run_count = max(1, run.run_count)
        with suppress(Exception):
            handles = [handle for _, handle in pending.values()]
            self._client.cancel(handles, asynchronous=False, force=True)

    def stop(self) -> None:
        """Disconnect; close the cluster if it is ours."""
        client, cluster, report, packer = self._client, self._cluster, self._report, self._packer
        if report is not None:
            with suppress(Exception), client.as_current():
                report.__exit__(None, None, None)
        if packer is not None:
            packer.forget()
        if client is not None:
            # Results stay readable: whatever a state still refers to is fetched before the workers go.
            if cluster is not None:
                self._fetch_remaining()
            with suppress(Exception):
                client.unsubscribe_topic(self._topic)
            client.close()
        if cluster is not None:
            cluster.close()
        self._clear()

    def _fetch_remaining(self) -> None:
        for future in list(self._kept):
            data = future.state.data
            if isinstance(data, Resolvable) and future.done():
                with suppress(Exception):
                    data.get()
        self._kept.clear()

    @property
    def _kept(self) -> set[PenstockFuture[Any]]:
        kept: set[PenstockFuture[Any]] = self.__dict__.setdefault("_kept_futures", set())
        return kept

    def _on_summary(self, event: tuple[float, bytes]) -> None:
        summary: Summary = pickle.loads(event[1])
        with self._lock:
            found = self._pending.pop(summary.task_run_id, None)
        if found is not None and not found[0].done():
            self._settle(found[0], found[1], summary)

    def _settle(self, future: PenstockFuture[Any], handle: Any, summary: Summary) -> None:
        if summary.inline is None and self._cluster is not None:
            self._kept.add(future)
        settle(future, summary, handle.result)

    def _on_done(self, run_id: str, handle: Any, execution: TaskExecution) -> None:
        """Settle a run whose summary did not come: its worker died, or its bytes could not be read there."""
        with self._lock:
            found = self._pending.get(run_id) if run_id not in self._stopped else None
        if found is None or found[0]._done.wait(2 if handle.status == "finished" else 0):
            return
        with self._lock:
            found = self._pending.pop(run_id, None)
        if found is None:
            return
        future = found[0]
        try:
            outcome: Outcome = handle.result(timeout=30)
        except BaseException as error:
            crash = State(
                StateType.CRASHED, message=f"The worker did not finish this run: {error!r}", data=error
            )
            future.set_state(execution.abandon(crash))
        else:
            self._settle(future, handle, outcome.summary)

    def _reference_of(self, future: PenstockFuture[Any]) -> Any:
        remote = future.remote
        return remote[1] if isinstance(remote, tuple) and remote[0] is self else None

    def _send_ahead(self, obj: Any) -> Any:
        return self._client.scatter([obj], hash=False)[0]

    def __getstate__(self) -> dict[str, Any]:
        kept = super().__getstate__()
        for name in ("_cluster", "_client", "_report", "_packer", "_given"):
            kept[name] = None
        kept.pop("_kept_futures", None)
        return {**kept, "_pending": {}, "_stopped": set()}


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
        kwargs = {"dashboard_address": None, "silence_logs": "CRITICAL", **kwargs}
    preloads = [*dask.config.get("distributed.worker.preload", []), _IGNORE_INTERRUPTS]
    with dask.config.set({"distributed.worker.preload": preloads}):
        return made(**kwargs)


def _on_worker(topic: str, payload: bytes, *filled: Any) -> Outcome:
    outcome = run_remote(payload, *filled)
    worker = distributed.get_worker()
    worker.log_event(topic, pickle.dumps(outcome.summary, protocol=5))
    return outcome


__all__ = ["DaskTaskRunner", "make_cluster"]
