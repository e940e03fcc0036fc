"""Background tasks that have not ended: which wait for a task worker, and who took the others.

Memory of the writer thread, kept in step with the lines and loaded from `raw.claim`, so a store that is started again
knows what waits. What is decided about them is in `background_decisions`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from penstock._journal.line import Line
from penstock._store.database import Database
from penstock._store.live import state_from_line
from penstock._values.states import TERMINAL, State, StateType

#: A task worker that has not asked for work for so long is no longer listed.
_FORGOTTEN = timedelta(seconds=90)


@dataclass(slots=True)
class BackgroundRun:
    """A background task. `worker` is who took it; `fenced` says that an earlier worker died with it."""

    id: str
    task_key: str
    worker: str | None
    state: State | None
    fenced: bool = False

    @property
    def waits(self) -> bool:
        """True when a worker may take it."""
        return self.worker is None and self.state is not None and self.state.type is StateType.SCHEDULED


@dataclass(slots=True)
class Worker:
    """A task worker that asked for work lately."""

    keys: tuple[str, ...]
    seen: datetime
    leaving: bool = False


def channel(task_key: str) -> str:
    """Return the name that is watched for new runs of a task."""
    return f"task {task_key}"


class Background:
    """All background tasks that have not ended, oldest first, and the workers that ask for them."""

    def __init__(self) -> None:
        self.runs: dict[str, BackgroundRun] = {}
        self.workers: dict[str, Worker] = {}

    def load(self, database: Database) -> None:
        """Read what has not ended."""
        for run_id, key, worker, fenced, *state in database.read(_UNFINISHED):
            names = ("state_id", "type", "name", "message", "details")
            body: dict[str, Any] = dict(zip(names, state[:-1], strict=True))
            body["details"] = orjson.loads(body["details"] or "{}")
            self.runs[str(run_id)] = BackgroundRun(
                str(run_id), key, worker, state_from_line(body, state[-1]), fenced
            )

    def take(self, line: Line) -> Iterable[str]:
        """Keep in step with a line; return the names of whom to wake."""
        body = line.body
        if line.kind == "claim":
            return self._claimed(str(body["task_run_id"]), str(body["task_key"]), body.get("worker"))
        if line.kind == "fence":
            run = self.runs.get(str(body["task_run_id"]))
            if run is not None:
                run.fenced = True
            return ()
        run_id = str(body["id"])
        run = self.runs.get(run_id)
        if line.kind == "deleted":
            self.runs.pop(run_id, None)
        elif run is not None and StateType(body["type"]) in TERMINAL:
            del self.runs[run_id]
        elif run is not None:
            run.state = state_from_line(body, line.at)
            return (channel(run.task_key),) if run.waits else ()
        return ()

    def next(self, keys: Collection[str], now: datetime) -> BackgroundRun | None:
        """Return the oldest run of these tasks that waits and is due."""
        due = (run for run in self.runs.values() if run.task_key in keys and run.waits and _is_due(run, now))
        return next(due, None)

    def of(self, client: str) -> list[BackgroundRun]:
        """Return what a process took; `client` is its name, or that of one of its workers."""
        return [run for run in self.runs.values() if run.worker and client in _names(run.worker)]

    def heard(self, worker: str, keys: Collection[str]) -> Worker:
        """Note that a worker asks for work, and forget those that no longer do."""
        now = datetime.now(UTC)
        known = self.workers.get(worker)
        self.workers = {name: one for name, one in self.workers.items() if now - one.seen < _FORGOTTEN}
        entry = Worker(tuple(keys), now, known.leaving if known is not None else False)
        self.workers[worker] = entry
        return entry

    def _claimed(self, run_id: str, key: str, worker: str | None) -> Iterable[str]:
        run = self.runs.setdefault(run_id, BackgroundRun(run_id, key, worker, None))
        run.worker = worker
        return (channel(key),) if run.waits else ()


def worker_name(client: str, number: object) -> str:
    """Return the name of one worker of a process; `_names` takes it apart."""
    return f"{client}#{number}"


def _names(worker: str) -> tuple[str, str]:
    return worker, worker.partition("#")[0]


def _is_due(run: BackgroundRun, now: datetime) -> bool:
    due = run.state.state_details.scheduled_time if run.state is not None else None
    return due is None or due <= now


_UNFINISHED = """
SELECT c.task_run_id, c.task_key, c.worker, c.task_run_id IN (SELECT task_run_id FROM raw.fence),
       s.id, s.type, s.name, s.message, s.details, s.at_us
FROM (FROM raw.claim QUALIFY row_number() OVER (PARTITION BY task_run_id ORDER BY at_us DESC, seq DESC) = 1) c
JOIN (FROM raw.valid_task_state WHERE task_run_id IN (SELECT task_run_id FROM raw.claim)
      QUALIFY row_number() OVER (PARTITION BY task_run_id ORDER BY at_us DESC, seq DESC) = 1) s
  ON s.task_run_id = c.task_run_id
WHERE s.type NOT IN ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED') AND c.task_run_id NOT IN (SELECT id FROM raw.deleted)
ORDER BY c.task_run_id
"""


def describe(background: Background, keys: Collection[str] | None) -> list[dict[str, Any]]:
    """Return the workers that ask for runs of these tasks (all when None), as `/task_workers/filter` answers."""
    return [
        {"identifier": name, "task_keys": list(one.keys), "timestamp": one.seen.isoformat()}
        for name, one in background.workers.items()
        if not one.leaving and (keys is None or set(keys) & set(one.keys))
    ]
