"""Keeping what a run prints and displays: in pieces, as artifacts of the run, while it goes on.

So it is in the store although the process is killed, and who reads a worker's journal sees it at once. One thread a
process hands the pieces over; it is there while something is recorded that has printed.
"""

from __future__ import annotations

import threading
import time
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from penstock._engine.observers import tell
from penstock._ids import new_id

Event = dict[str, Any]

#: The type of the artifacts that hold what a run has put out.
OUTPUT = "cell-output"
#: A run's output is handed over this often at first, and less often as it goes on: a share of its age, up to a limit.
_SECONDS = 0.1
_SHARE = 0.01
_MOST_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose output it is."""

    #: Where it is journalled.
    session: Any
    #: Of the task, or of the flow cell.
    name: str
    flow_run_id: UUID | None
    #: None for what the body of a flow puts out.
    task_run_id: UUID | None


class Keeper:
    """Keeps the output of one attempt of a run.

    Args:
        owner: the run.
        quiet: do not tell observers, because the output is shown already.
    """

    def __init__(self, owner: Owner, *, quiet: bool) -> None:
        self.owner = owner
        self._quiet = quiet
        self._began = time.monotonic()
        self._next = 0.0
        self._events: list[Event] = []
        self._lock = threading.RLock()
        self._context = copy_context()

    def put(self, event: Event) -> None:
        """Take one event; text that follows text of the same stream becomes one with it."""
        with self._lock:
            last = self._events[-1] if self._events else {}
            if event["kind"] == last.get("kind") == "stream" and event["name"] == last["name"]:
                last["text"] += event["text"]
            else:
                self._events.append(dict(event))
        pulse.add(self)

    def beat(self, now: float) -> None:
        """Hand over what there is, if it is time."""
        if now >= self._next:
            self._context.run(self.flush)
            self._next = now + min(max(_SECONDS, (now - self._began) * _SHARE), _MOST_SECONDS)

    def flush(self) -> None:
        """Hand over what there is."""
        with self._lock:
            events, self._events = self._events, []
            if not events:
                return
            owner = self.owner
            body = {
                "id": new_id(),
                "key": None,
                "type": OUTPUT,
                "description": owner.name,
                "data": events,
                "flow_run_id": owner.flow_run_id,
                "task_run_id": owner.task_run_id,
            }
            owner.session.emit("artifact", body)
            if not self._quiet:
                tell("artifact", body)

    def close(self) -> None:
        """Hand over the rest."""
        pulse.discard(self)
        self.flush()


class _Pulse:
    """The thread that hands over, while there is something to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keepers: set[Keeper] = set()
        self._thread: threading.Thread | None = None
        self._empty = threading.Event()

    def add(self, keeper: Keeper) -> None:
        if keeper in self._keepers:
            return
        with self._lock:
            self._keepers.add(keeper)
            self._empty.clear()
            if self._thread is None:
                self._thread = threading.Thread(target=self._beat, name="penstock-output", daemon=True)
                self._thread.start()

    def discard(self, keeper: Keeper) -> None:
        with self._lock:
            self._keepers.discard(keeper)
            if not self._keepers:
                self._empty.set()

    def _beat(self) -> None:
        while True:
            self._empty.wait(_SECONDS)
            with self._lock:
                if not self._keepers:
                    self._thread = None
                    return
                due = list(self._keepers)
            now = time.monotonic()
            for keeper in due:
                keeper.beat(now)


pulse = _Pulse()
