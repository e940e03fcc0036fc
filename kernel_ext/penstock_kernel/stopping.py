"""Stopping runs of task cells: the first Stop cancels what a cell waits for, the second kills it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection

from penstock._engine.futures import PenstockFuture
from penstock._engine.runner_port import TaskRunner
from penstock_kernel.cell_run import CellRun
from penstock_kernel.pending import run_behind

#: Who waits looks at the Stop button this often: the kernel's signal handler does not wake its loop.
_TICK = 0.05
#: How long it takes at most until a cancelled run has ended; the runner gives up earlier.
_SECONDS = 0.9


def cancel(runs: Collection[CellRun]) -> None:
    """Cancel runs, and wait until they have ended."""
    for run in runs:
        run.token.set("cancelled")  # all of them first, so that none waits for another to notice
    for runner, group in _by_runner(runs):
        runner.cancel(group)
    for run in runs:
        run.ended.wait(_SECONDS)


def stop(runs: Collection[CellRun]) -> None:
    """Cancel runs that a cell has waited for; Stop in the meantime kills them."""
    done = _cancelling(runs)
    try:
        while not done.wait(_TICK):
            pass
    except KeyboardInterrupt:
        _kill(runs)


async def stop_awaiting(runs: Collection[CellRun]) -> None:
    """Do what `stop` does, where a loop runs."""
    done = _cancelling(runs)
    try:
        while not done.is_set():  # noqa: ASYNC110  # see _TICK
            await asyncio.sleep(_TICK)
    except asyncio.CancelledError:
        _kill(runs)


def with_upstream(late: Collection[CellRun]) -> tuple[CellRun, ...]:
    """Return runs with those that they wait for in turn."""
    runs = dict.fromkeys(late)
    for run in runs.copy():
        for value in run.values.values():
            upstream = run_behind(value)
            if upstream is not None and not upstream.ended.is_set():
                runs[upstream] = None
    return tuple(runs)


def _cancelling(runs: Collection[CellRun]) -> threading.Event:
    """Cancel runs from another thread, so that Stop is heard here; return what is set when they have ended."""
    done = threading.Event()

    def work() -> None:
        try:
            cancel(runs)
        finally:
            done.set()

    threading.Thread(target=work, name="penstock-stop", daemon=True).start()
    return done


def _kill(runs: Collection[CellRun]) -> None:
    """Give runs up at once, and with them the processes that work on nothing else."""
    for runner, group in _by_runner(runs):
        runner.cancel(group, grace=0)


def _by_runner(runs: Collection[CellRun]) -> list[tuple[TaskRunner, list[PenstockFuture[object]]]]:
    """Return the futures of task cells by the runner that has them; the tasks of a flow are its own to cancel."""
    groups: dict[int, tuple[TaskRunner, list[PenstockFuture[object]]]] = {}
    for run in runs:
        if run.kind == "task":
            groups.setdefault(id(run.runner), (run.runner, []))[1].append(run.future)
    return list(groups.values())
