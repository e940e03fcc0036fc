"""Task runs on their way to Dask and back.

A thread of its own takes what was handed over meanwhile and submits it together: one graph for fifty runs costs the
scheduler about a third of fifty graphs. Answers come as events of a topic. Runs that never answer (their worker died,
their bytes could not be read) are found by looking at what Dask thinks of them now and then.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import dask
import distributed

from penstock._engine.futures import PenstockFuture
from penstock._engine.remote import Outcome, Summary
from penstock._engine.task_run import TaskExecution
from penstock_runners.remote_values import RemoteValues, crash

_LOOK_SECONDS = 0.25
#: How long the answer of a run that Dask has finished may be on its way before its value is fetched instead.
_LATE_SECONDS = 2.0
_BATCH_RUNS = 100
_BATCH_BYTES = 4 << 20


@dataclass(eq=False, slots=True)
class Handle:
    """A task run that Dask has, or will have as soon as it is submitted."""

    key: str
    payload: bytes
    references: list[Any]
    annotations: dict[str, Any]
    execution: TaskExecution
    future: PenstockFuture[Any]
    #: Dask's future; None until submitted.
    dask: Any = None
    finished_at: float | None = None

    def fetch(self) -> Outcome:
        """Bring the outcome here."""
        outcome: Outcome = self.dask.result()
        return outcome


@dataclass(slots=True)
class _Work:
    queued: deque[Handle] = field(default_factory=deque)
    pending: dict[str, Handle] = field(default_factory=dict)


class DaskQueue:
    """Submits runs and settles their futures.

    Args:
        client: connected.
        function: what a worker calls with topic, payload and what the references lead to.
        topic: where workers report.
        values: the results that stay on the workers.
    """

    def __init__(
        self, client: Any, function: Callable[..., Outcome], topic: str, values: RemoteValues
    ) -> None:
        self._client = client
        self._function = function
        self._topic = topic
        self._values = values
        self._work = _Work()
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="penstock-dask", daemon=True)
        self._thread.start()

    def put(self, handle: Handle) -> None:
        """Queue a run."""
        with self._changed:
            self._work.queued.append(handle)
            self._changed.notify()

    def answered(self, summary: Summary) -> None:
        """Settle the run a summary is about."""
        with self._changed:
            handle = self._work.pending.pop(summary.task_run_id, None)
        if handle is not None:
            self._values.settle(handle.future, summary, handle.fetch)

    def give_up(self) -> list[Handle]:
        """Submit nothing more; return what Dask has and has not answered."""
        with self._changed:
            self._work.queued.clear()
            return list(self._work.pending.values())

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(10)

    def _run(self) -> None:
        looked = time.monotonic()
        while True:
            with self._changed:
                if not self._work.queued and not self._closing:
                    self._changed.wait(_LOOK_SECONDS if self._work.pending else None)
                if self._closing:
                    return
                batch = [self._work.queued.popleft() for _ in range(min(_BATCH_RUNS, len(self._work.queued)))]
                self._work.pending.update((str(h.future.task_run_id), h) for h in batch)
            for group in _groups(batch):
                self._submit(group)
            if time.monotonic() - looked >= _LOOK_SECONDS:
                self._look()
                looked = time.monotonic()

    def _submit(self, group: list[Handle]) -> None:
        columns = zip(*(h.references for h in group), strict=True)
        try:
            references = [[_dask_future(reference) for reference in column] for column in columns]
            with dask.annotate(**group[0].annotations):
                made = self._client.map(
                    self._function,
                    [h.payload for h in group],
                    *references,
                    key=[h.key for h in group],
                    pure=False,
                    topic=self._topic,
                )
        except Exception as error:
            for handle in group:
                self._lost(handle, error)
            return
        for handle, future in zip(group, made, strict=True):
            handle.dask = future
            handle.payload = b""
            handle.references = []

    def _look(self) -> None:
        with self._changed:
            handles = [h for h in self._work.pending.values() if h.dask is not None]
        now = time.monotonic()
        for handle in handles:
            status = handle.dask.status
            if status == "finished":
                handle.finished_at = handle.finished_at or now
                if now - handle.finished_at > _LATE_SECONDS:
                    self._fetch(handle)
            elif status in ("error", "cancelled", "lost"):
                self._fetch(handle)

    def _fetch(self, handle: Handle) -> None:
        try:
            outcome = handle.dask.result(timeout=30)
        except BaseException as error:
            self._lost(handle, error)
        else:
            self.answered(outcome.summary)

    def _lost(self, handle: Handle, error: BaseException) -> None:
        with self._changed:
            found = self._work.pending.pop(str(handle.future.task_run_id), None)
        if found is not None:
            crash(handle.execution, handle.future, error)


def _groups(batch: list[Handle]) -> Iterator[list[Handle]]:
    """Split a batch, in order, into runs that can travel as one map.

    Together go runs with as many references and the same annotations, of which none needs another, up to a size
    from which Dask warns about a large graph.
    """
    for _, alike in groupby(batch, lambda h: (len(h.references), h.annotations)):
        group: list[Handle] = []
        size = 0
        for handle in alike:
            needs_group = any(reference.dask is None for reference in _upstream(handle))
            if group and (needs_group or size + len(handle.payload) > _BATCH_BYTES):
                yield group
                group, size = [], 0
            group.append(handle)
            size += len(handle.payload)
        yield group


def _upstream(handle: Handle) -> Iterator[Handle]:
    return (reference for reference in handle.references if isinstance(reference, Handle))


def _dask_future(reference: Any) -> Any:
    if not isinstance(reference, Handle):
        return reference
    if reference.dask is None:
        raise distributed.client.FutureCancelledError(reference.key, "it was never submitted")  # pyright: ignore[reportAttributeAccessIssue]
    return reference.dask
