"""Who gets a background task. Every function here runs on the writer thread, so each run goes to one worker."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from penstock._ids import now_us
from penstock._store import task_decisions
from penstock._store.background import BackgroundRun
from penstock._store.core import Core
from penstock._store.live import from_us
from penstock._values.states import State, StateDetails, StateType

_LOST = "The task worker that had taken this run ended before it began; it waits for another one."


def claim(core: Core, worker: str, keys: Collection[str], holding: Collection[str]) -> dict[str, Any] | None:
    """Give a worker the oldest run it may have, as Pending; None when there is none.

    A run that was given to it before and that it does not hold is given again: the answer was lost on its way.

    Args:
        core: the writer.
        worker: its name, which begins with that of its process.
        keys: the tasks it serves.
        holding: the runs it has.
    """
    for run in core.background.of(worker):
        if run.id not in holding and run.state is not None and run.state.type is StateType.PENDING:
            return _shown(run)
    found = core.background.next(keys, from_us(now_us()))
    if found is None:
        return None
    core.emit("claim", {"task_run_id": found.id, "task_key": found.task_key, "worker": worker})
    _enter(core, found, State(StateType.PENDING, state_details=_details(found)), 0)
    return _shown(found)


def release(core: Core, client: str, holding: Collection[str] = ()) -> int:
    """Let others have what a worker took and did not begin; returns how many runs those are.

    Args:
        core: the writer.
        client: the worker, or the process with all its workers.
        holding: runs it keeps.
    """
    given_back = 0
    for run in core.background.of(client):
        if run.id in holding or run.state is None or run.state.type is not StateType.PENDING:
            continue
        core.emit("fence", {"task_run_id": run.id})
        core.emit("claim", {"task_run_id": run.id, "task_key": run.task_key, "worker": None})
        _enter(core, run, State(StateType.SCHEDULED, message=_LOST, state_details=_details(run)), 0)
        given_back += 1
    return given_back


def bury(core: Core, client: str, message: str) -> None:
    """A process is gone: what its workers had not begun goes to others, what they had begun is Crashed."""
    release(core, client)
    for run in core.background.of(client):
        core.emit("fence", {"task_run_id": run.id})
        _enter(core, run, State(StateType.CRASHED, message=message), 1)


def _enter(core: Core, run: BackgroundRun, state: State, count: int) -> None:
    task_decisions.enter(core, run.id, None, state, run.state, count)


def _details(run: BackgroundRun) -> StateDetails:
    before = run.state.state_details if run.state is not None else StateDetails()
    return StateDetails(
        deferred=True,
        task_parameters_id=before.task_parameters_id,
        scheduled_time=before.scheduled_time,
    )


def _shown(run: BackgroundRun) -> dict[str, Any]:
    return {"id": run.id, "task_key": run.task_key, "fenced": run.fenced}
