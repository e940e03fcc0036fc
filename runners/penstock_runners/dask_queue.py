"""Task runs on their way to Dask and back.

A thread of its own takes what was handed over meanwhile and submits it together: one graph for fifty runs costs the
scheduler about a third of fifty graphs. Answers come as events of a topic. Runs that never answer (their worker died,
their bytes could not be read) are found by looking at what Dask thinks of them now and then.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import dask
import distributed

from penstock._engine.futures import PenstockFuture
from penstock._engine.remote import Outcome, Summary
from penstock._engine.remote_values import RemoteValues, crash
from penstock._engine.task_run import TaskExecution

_LOOK_SECONDS = 0.25
#: How long the answer of a run that Dask has finished may be on its way before its value is fetched instead.
_LATE_SECONDS = 2.0
_BATCH_RUNS = 100
_BATCH_BYTES = 4 << 20


class Handle:
    """What Dask knows a task run by: its key at once, its future as soon as the run is submitted."""

    __slots__ = ("dask", "key")

    def __init__(self, key: str) -> None:
        self.key = key
        self.dask: Any = None

    def fetch(self) -> Outcome:
        """Bring the outcome here."""
        outcome: Outcome = self.dask.result()
        return outcome


@dataclass(eq=False, slots=True)
class Item:
    """A task run that was handed over and has not ended."""

    handle: Handle
    payload: bytes
    references: list[Any]
    annotations: dict[str, Any]
    execution: TaskExecution
    future: PenstockFuture[Any]
    finished_at: float | None = None

    @property
    def run_id(self) -> str:
        """Identity of the task run."""
        return str(self.future.task_run_id)


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
        self._queued: deque[Item] = deque()
        self._pending: dict[str, Item] = {}
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="penstock-dask", daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Queue a run."""
        with self._changed:
            self._queued.append(item)
            self._changed.notify()

    def answered(self, summary: Summary) -> None:
        """Settle the run a summary is about."""
        with self._changed:
            item = self._pending.pop(summary.task_run_id, None)
        if item is not None:
            self._values.settle(item.future, summary, item.handle.fetch)

    def give_up(self, only: Collection[PenstockFuture[Any]] | None = None) -> list[Item]:
        """Do not submit what is queued; return what Dask has and has not answered.

        Args:
            only: these runs; all of them by default.
        """
        with self._changed:
            kept = [item for item in self._queued if only is not None and item.future not in only]
            self._queued.clear()
            self._queued.extend(kept)
            return [item for item in self._pending.values() if only is None or item.future in only]

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
                if not self._queued and not self._closing:
                    self._changed.wait(_LOOK_SECONDS if self._pending else None)
                if self._closing:
                    return
                batch = [self._queued.popleft() for _ in range(min(_BATCH_RUNS, len(self._queued)))]
                self._pending.update((item.run_id, item) for item in batch)
            for group in _groups(batch):
                self._submit(group)
            # A result lives as long as somebody holds its future: this thread must not while it waits.
            batch, group = [], []
            if time.monotonic() - looked >= _LOOK_SECONDS:
                self._look()
                looked = time.monotonic()

    def _submit(self, group: list[Item]) -> None:
        columns = zip(*(item.references for item in group), strict=True)
        try:
            references = [[_dask_future(reference) for reference in column] for column in columns]
            with dask.annotate(**group[0].annotations):
                made = self._client.map(
                    self._function,
                    [item.payload for item in group],
                    *references,
                    key=[item.handle.key for item in group],
                    pure=False,
                    topic=self._topic,
                )
        except Exception as error:
            for item in group:
                self._lost(item, error)
            return
        for item, future in zip(group, made, strict=True):
            item.handle.dask = future
            item.payload = b""
            item.references = []

    def _look(self) -> None:
        with self._changed:
            items = [item for item in self._pending.values() if item.handle.dask is not None]
        now = time.monotonic()
        for item in items:
            status = item.handle.dask.status
            if status == "finished":
                item.finished_at = item.finished_at or now
                if now - item.finished_at > _LATE_SECONDS:
                    self._fetch(item)
            elif status in ("error", "cancelled", "lost"):
                self._fetch(item)

    def _fetch(self, item: Item) -> None:
        try:
            outcome = item.handle.dask.result(timeout=30)
        except BaseException as error:
            self._lost(item, error)
        else:
            self.answered(outcome.summary)

    def _lost(self, item: Item, error: BaseException) -> None:
        with self._changed:
            found = self._pending.pop(item.run_id, None)
        if found is not None:
            crash(item.execution, item.future, error)


def _groups(batch: list[Item]) -> Iterator[list[Item]]:
    """Split a batch, in order, into runs that can travel as one map.

    Together go runs with as many references and the same annotations, of which none needs another, up to a size
    from which Dask warns about a large graph.
    """
    for _, alike in groupby(batch, lambda item: (len(item.references), item.annotations)):
        group: list[Item] = []
        size = 0
        for item in alike:
            needs_group = any(handle.dask is None for handle in item.references if isinstance(handle, Handle))
            if group and (needs_group or size + len(item.payload) > _BATCH_BYTES):
                yield group
                group, size = [], 0
            group.append(item)
            size += len(item.payload)
        yield group


def _dask_future(reference: Any) -> Any:
    if not isinstance(reference, Handle):
        return reference
    if reference.dask is None:
        raise distributed.client.FutureCancelledError(reference.key, "it was never submitted")  # pyright: ignore[reportAttributeAccessIssue]
    return reference.dask


__all__ = ["DaskQueue", "Handle", "Item"]
