"""Looking after the dead: their journals are taken in to the end, their runs crash, their files are archived."""

from __future__ import annotations

import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from penstock._crashpoints import crashpoint
from penstock._journal.line import Line
from penstock._journal.liveness import is_alive, is_dead
from penstock._journal.reader import last_seq, read_all
from penstock._store import background_decisions, decisions, deployment_runs, slot_decisions, snapshots
from penstock._store.core import Core, Refused
from penstock._store.live import MORTAL
from penstock._store.report import say
from penstock._workspace import Workspace

_SLICE = 20_000
#: A snapshot is due after so many journal lines (or half of all), or so many seconds with any.
SNAPSHOT_LINES = 100_000
SNAPSHOT_SECONDS = 3600.0


class Sweeper:
    """Sweeps once a second in its own thread; `sweep` may also be called by others."""

    def __init__(self, core: Core, workspace: Workspace, every: float = 1.0) -> None:
        self._core = core
        self._workspace = workspace
        self._every = every
        self._snapshot_lines = self._snapshot_at = 0
        self._snapshot_time = 0.0
        self._plan(core.lines)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="penstock-sweeper", daemon=True)

    def start(self) -> None:
        """Begin; all journals are compared with the database first."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the sweep it is in."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def living(self) -> int:
        """How many processes beside this one hold a journal."""
        return sum(not is_dead(path) for path in self._others())

    def sweep(self, role: str | None = None) -> int:
        """Take in the journals of dead processes (of one role); returns how many there were."""
        swept = 0
        with self._lock:
            for path in sorted(self._others(), key=_birth):
                if is_dead(path) and (role is None or _hello(path).get("role") == role):
                    self._bury(path)
                    swept += 1
        return swept

    def sweep_client(self, client: str) -> None:
        """Take in one process's journal now, if it is dead."""
        path = self._workspace.journals / f"{client}.jsonl"
        with self._lock:
            if is_dead(path):
                self._bury(path)

    def heal(self) -> int:
        """Take in again what a journal has and the database lost (a cut write-ahead log); returns how many had more.

        Also journals of the living: they do not send again by themselves what was acknowledged.
        """
        healed = 0
        marks: dict[str, int] = self._core.call(lambda core: dict(core.hwm)).result()
        for path in [*sorted(self._workspace.archive.glob("*.jsonl")), *sorted(self._others(), key=_birth)]:
            with suppress(FileNotFoundError):  # archived or removed meanwhile, so nothing of it was lost
                if last_seq(path) > marks.get(path.stem, -1):
                    self._take(path)
                    healed += 1
        return healed

    def snapshot_if_due(self) -> bool:
        """Take a snapshot when enough has come since the last one; True when one was taken."""
        due, grown = self._snapshot_at, self._core.lines
        if grown < due and not (grown > self._snapshot_lines and time.monotonic() > self._snapshot_time):
            return False
        self.snapshot()
        return True

    def snapshot(self) -> snapshots.Snapshot:
        """Take a snapshot now.

        Raises:
            duckdb.Error, OSError: it cannot be written; the snapshots before it are untouched.
        """
        with self._lock:
            self._plan(self._core.lines)  # also when it fails: not again at once
            self._core.commits.checkpoint()
            return snapshots.take(self._core.database, self._workspace)

    def _plan(self, lines: int) -> None:
        """Say when the next snapshot is due: copies of a large database are to stay rare."""
        self._snapshot_lines = lines
        self._snapshot_at = lines + max(SNAPSHOT_LINES, lines // 2)
        self._snapshot_time = time.monotonic() + SNAPSHOT_SECONDS

    def _others(self) -> list[Path]:
        own = self._core.journal.path
        return [path for path in self._workspace.journals.glob("*.jsonl") if path != own]

    def _run(self) -> None:
        try:
            healed = self.heal()
            if healed:
                say(f"took {healed} journals in again, which the database had lost lines of")
            self._core.call(slot_decisions.drop_dead).result()
            newest = next(iter(snapshots.existing(self._workspace)), None)
            self._plan(newest.lines if newest is not None else 0)
        except Exception:
            traceback.print_exc()
        while not self._stop.is_set():
            try:
                self.sweep()
                self._expire()
                self.snapshot_if_due()
            except Exception:
                traceback.print_exc()
            self._stop.wait(self._every)

    def _bury(self, path: Path) -> None:
        hello = _hello(path)
        crashpoint("sweeper.found")
        self._take(path)
        crashpoint("sweeper.taken")
        self._crash(path.stem, hello)
        crashpoint("sweeper.crashed")
        self._workspace.archive.mkdir(mode=0o700, exist_ok=True)
        path.rename(self._workspace.archive / path.name)
        crashpoint("sweeper.archived")

    def _take(self, path: Path) -> None:
        """Ingest a journal to its last whole line, in slices so that others get their turn."""
        client = path.stem
        lines: list[Line] = []
        for line in read_all(path):
            lines.append(line)
            if len(lines) == _SLICE:
                self._ingest(client, lines)
                lines = []
        self._ingest(client, lines)

    def _ingest(self, client: str, lines: list[Line]) -> None:
        try:
            self._core.call(lambda core: core.take(client, lines)).result()
        except Refused as refused:
            if refused.status != 409:
                raise
            say(f"journal {client} has a hole: {refused.body}")

    def _expire(self) -> None:
        """End leases that nobody renewed; those of processes end with the process."""
        if self._core.slots.leases:
            self._core.call(lambda core: slot_decisions.expire(core, time.monotonic())).result()

    def _crash(self, client: str, hello: dict[str, Any]) -> None:
        self._core.call(lambda core: slot_decisions.drop_client(core, client)).result()
        role, parent = hello.get("role"), hello.get("parent")
        if role == "store" or (role == "worker" and is_alive(self._workspace.journals, parent)):
            return
        message = f"Process {hello.get('pid')} on {hello.get('host')} ended without finishing this run."

        def crash(core: Core) -> None:
            mortal = [
                r for r in core.runs.values() if r.owner == client and r.state and r.state.type in MORTAL
            ]
            background_decisions.bury(core, client, message)
            mortal = [run for run in mortal if not deployment_runs.give_back(core, run, message)]
            decisions.crash_tasks(core, [run.id for run in mortal], message, client)
            for run in mortal:
                decisions.crash_flow_run(core, run, message)

        self._core.call(crash).result()


def _birth(path: Path) -> tuple[int, str]:
    """Sort key: when the first line was written. A run is created before others speak of it."""
    first = None
    with suppress(FileNotFoundError):  # archived meanwhile
        first = next(iter(read_all(path)), None)
    return (first.at if first is not None else 0, path.name)


def _hello(path: Path) -> dict[str, Any]:
    first = next(iter(read_all(path)), None)
    return first.body if first is not None and first.kind == "hello" else {}
