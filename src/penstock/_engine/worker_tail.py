"""What workers on this machine tell of their runs while these go on.

A worker that shares the workspace journals what its runs do before anything else happens to it. So a driver that
somebody watches reads along there: one way for all runners, which needs no connection, and which still has what a
worker said before it was killed. Whatever was not read when a run ends is in its summary.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from penstock._engine.observers import tell, watched
from penstock._engine.remote import Summary
from penstock._journal.line import Line, TornLine, decode
from penstock._journal.reader import read_chunk
from penstock._link.session import current_session
from penstock._values.runs import TaskRun
from penstock._values.states import State, StateType

#: How often the journals are looked at.
_SECONDS = 0.1
#: The start of a line that could be of interest; the checksum and the sequence number come before it.
_KINDS = (b',"artifact",', b',"log",', b',"state",')
_HEAD = 48
_IDS = ("id", "flow_run_id", "task_run_id")


class WorkerTail:
    """Tells the observers of this process what runs on workers do; has a thread while there are such runs."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._runs: dict[str, TaskRun] = {}
        #: How many artifacts and logs of a run were told, by run and journal.
        self._told: defaultdict[str, dict[str, list[int]]] = defaultdict(dict)
        self._offsets: dict[Path, int] = {}
        self._folder: Path | None = None
        self._thread: threading.Thread | None = None
        self._idle = threading.Event()

    def follow(self, run: TaskRun) -> None:
        """Tell what a run does that is about to be handed to a worker; does nothing when nobody watches."""
        if not watched():
            return
        folder = current_session().workspace.journals
        with self._lock:
            if folder != self._folder or self._thread is None:
                self._folder = folder
                self._offsets = _sizes(folder)
            self._runs[str(run.id)] = run
            if self._thread is None:
                self._idle.clear()
                self._thread = threading.Thread(target=self._read_along, name="penstock-tail", daemon=True)
                self._thread.start()

    def settle(self, run: TaskRun, summary: Summary) -> None:
        """Tell what a worker has reported at a run's end, as far as it was not told already."""
        with self._lock:
            artifacts, logs = self._told.get(str(run.id), {}).get(summary.client, (0, 0))
            self.forget(run)
            for body in summary.artifacts[artifacts:]:
                tell("artifact", body)
            for body, at in summary.logs[logs:]:
                tell("log", {**body, "task_name": run.task_name}, at)

    def give_up(self, run: TaskRun) -> None:
        """Tell what is on record of a run whose worker will not report any more."""
        with self._lock:
            if str(run.id) in self._runs:
                self._read()
                self.forget(run)

    def forget(self, run: TaskRun) -> None:
        """Tell nothing more of a run."""
        with self._lock:
            self._runs.pop(str(run.id), None)
            self._told.pop(str(run.id), None)
            if not self._runs:
                self._idle.set()

    def _read_along(self) -> None:
        while True:
            self._idle.wait(_SECONDS)
            with self._lock:
                if not self._runs:
                    self._thread = None
                    return
                self._read()

    def _read(self) -> None:
        if self._folder is None:
            return
        own = current_session().client
        for path in _journals(self._folder):
            if path.stem != own:
                self._read_file(path)

    def _read_file(self, path: Path) -> None:
        begun = self._offsets.get(path, 0)
        try:
            if path.stat().st_size <= begun:
                return
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return  # the store has taken it in
        try:
            chunk = read_chunk(descriptor, begun)
        finally:
            os.close(descriptor)
        self._offsets[path] = chunk.end
        for raw in chunk.data.split(b"\n"):
            head = raw[:_HEAD]
            if any(kind in head for kind in _KINDS):
                self._take(raw, path.stem)

    def _take(self, raw: bytes, client: str) -> None:
        try:
            line = decode(raw)
        except TornLine:
            return
        run = self._runs.get(str(line.body.get("id" if line.kind == "state" else "task_run_id")))
        if run is None:
            return
        if line.kind == "state":
            _enter(run, line)
            return
        counts = self._told[str(run.id)].setdefault(client, [0, 0])
        if line.kind == "artifact":
            counts[0] += 1
            tell("artifact", {**line.body, **{name: _uuid(line.body.get(name)) for name in _IDS}})
        else:
            counts[1] += 1
            tell("log", {**line.body, "task_name": run.task_name}, line.at)


def _journals(folder: Path) -> list[Path]:
    return list(folder.glob("*.jsonl"))


def _sizes(folder: Path) -> dict[Path, int]:
    sizes: dict[Path, int] = {}
    for path in _journals(folder):
        with suppress(FileNotFoundError):  # the store has taken it in
            sizes[path] = path.stat().st_size
    return sizes


def _enter(run: TaskRun, line: Line) -> None:
    """Take in that a worker has begun with a run, or waits to try it again; its end comes with the summary."""
    body = line.body
    state = State(StateType(body["type"]), name=body["name"], message=body.get("message"))
    if state.is_final() or (run.state is not None and run.state.is_final()):
        return
    run.state = state
    run.run_count = max(run.run_count, body.get("run_count") or 0)
    tell("task_run_state", run, state)


def _uuid(value: Any) -> UUID | None:
    return value if isinstance(value, UUID) or value is None else UUID(str(value))


#: That of this process.
worker_tail = WorkerTail()

__all__ = ["WorkerTail", "worker_tail"]
