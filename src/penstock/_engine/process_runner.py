"""Tasks in processes of this machine. Reference pages: concepts/task-runners, api-ref/python/prefect-task_runners.

The pool is loky's: its workers do not import the script they serve, take functions of a notebook by value, and say
so when one of them dies.
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Self

from penstock._engine.futures import PenstockFuture
from penstock._engine.packing import Packer
from penstock._engine.remote import Outcome
from penstock._engine.remote_run import interrupt_runs, run_remote, running_here
from penstock._engine.remote_values import RemoteValues, begun, crash
from penstock._engine.runner_port import TaskRunner, after_upstream
from penstock._engine.task_run import TaskExecution
from penstock._values.states import State, StateType
from penstock.exceptions import RunCancelled, SerializationError
from penstock.settings import get_current_settings

#: Inputs that were sent ahead and that a worker keeps in memory.
_INPUTS_KEPT = 4
#: Begins the names of files that say which runs are cancelled.
_CANCELLED = "cancelled-"
#: A worker looks this often whether its driver lives.
_WATCH_SECONDS = 0.5


class ProcessPoolTaskRunner(TaskRunner):
    """Runs tasks in worker processes, for Python code that keeps a processor busy.

    Functions, arguments and results travel by pickle (by value where they come from a notebook or a script); big
    arguments are written to a file once. A run whose upstream is not done yet takes no worker.

    Args:
        max_workers: how many processes; as many as there are processors by default (setting
            `tasks_runner_process_pool_max_workers`).

    Example:
        >>> @flow(task_runner=ProcessPoolTaskRunner(max_workers=2))
        ... def heavy(): ...
    """

    type = "processes"
    elsewhere = True

    def __init__(self, max_workers: int | None = None) -> None:
        super().__init__()
        chosen = max_workers or get_current_settings().tasks_runner_process_pool_max_workers
        self._max_workers: int = chosen or os.cpu_count() or 1
        self._clear()

    def _clear(self) -> None:
        self._pool: Any = None
        self._folder: Path | None = None
        self._packer: Packer | None = None
        self._values = RemoteValues()

    @classmethod
    def open_shared(cls, workers: int | None = None) -> tuple[TaskRunner, Callable[[], None]]:
        """Return a runner with this many workers; each flow run has a pool of its own, so nothing is to be closed."""
        return cls(max_workers=workers), lambda: None

    def duplicate(self) -> Self:
        """Return a new runner with as many workers."""
        return type(self)(max_workers=self._max_workers)

    def start(self) -> None:
        """Open the pool; its processes start with the first tasks."""
        from loky import ProcessPoolExecutor

        self._folder = Path(tempfile.mkdtemp(prefix="penstock-inputs-"))
        self._packer = Packer(lambda _: None, self._send_ahead, lambda sent: sent.path.exists())
        self._pool = ProcessPoolExecutor(
            max_workers=self._max_workers, initializer=_prepare_worker, initargs=(os.getpid(), self._folder)
        )

    def hand_over(self, execution: TaskExecution, future: PenstockFuture[Any]) -> None:
        """Queue the run, after its upstream runs."""
        context = copy_context()
        after_upstream(execution, lambda: context.run(self._enqueue, execution, future))

    def _enqueue(self, execution: TaskExecution, future: PenstockFuture[Any]) -> None:
        pool, packer = self._pool, self._packer
        if pool is None or packer is None:
            return  # closed meanwhile: the run was given up
        try:
            payload, sent = packer.pack(execution)
        except SerializationError as error:
            future.set_state(execution.enter(State(StateType.FAILED, message=str(error), data=error)))
            return
        values = self._values

        def settle(done: Any) -> None:
            try:
                outcome: Outcome = done.result()
            except BaseException as error:
                crash(execution, future, error)
            else:
                values.settle(future, outcome.summary, lambda: outcome)

        try:
            pool.submit(_on_worker, str(execution.task_run.id), payload, sent).add_done_callback(settle)
        except Exception as error:  # the pool is broken: a worker died
            crash(execution, future, error)

    def interrupt(self, only: Collection[PenstockFuture[Any]] | None = None) -> None:
        """Raise in the workers; what waits in the pool does not begin.

        What only some of the runs are to hear is written into a file for each, and the workers are told to look.
        """
        pool, folder = self._pool, self._folder
        if pool is None or folder is None:
            return
        with self._lock:
            left = list(self._executions) if only is None else list(only)
        for future in left if only is not None else ():
            (folder / f"{_CANCELLED}{future.task_run_id}").touch()
        for process in list((pool._processes or {}).values()):
            with suppress(OSError):
                os.kill(process.pid, signal.SIGINT if only is None else signal.SIGUSR1)
        known = begun([str(future.task_run_id) for future in left])
        for future in left:
            if str(future.task_run_id) in known:
                future.task_run.run_count = max(future.task_run.run_count, 1)

    def terminate(self, futures: Collection[PenstockFuture[Any]]) -> None:
        """Kill the pool if nothing but these runs is in it; the next run opens another."""
        with self._lock:
            others = [future for future in self._executions if future not in futures]
            if others or self._pool is None:
                return
            pool, folder, self._started = self._pool, self._folder, False
        self._clear()
        pool.shutdown(wait=False, kill_workers=True)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def stop(self) -> None:
        """End the processes; what was given up is killed with them."""
        pool, folder = self._pool, self._folder
        killed = self._given_up or bool(self._open)
        self._clear()
        if pool is not None:
            pool.shutdown(wait=True, kill_workers=killed)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _send_ahead(self, obj: Any) -> _Sent:
        import cloudpickle

        assert self._folder is not None
        descriptor, name = tempfile.mkstemp(dir=self._folder)
        with os.fdopen(descriptor, "wb") as file:
            cloudpickle.dump(obj, file, protocol=5)
        return _Sent(Path(name))

    def __getstate__(self) -> dict[str, Any]:
        kept = super().__getstate__()
        for name in ("_pool", "_folder", "_packer", "_values"):
            kept.pop(name, None)
        return kept

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._clear()


@dataclass(frozen=True, slots=True)
class _Sent:
    """An input that was written to a file."""

    path: Path


# --- in the worker ------------------------------------------------------------------------------------------

_stopping = False
_folder: Path | None = None
_inputs: OrderedDict[Path, Any] = OrderedDict()


def _prepare_worker(driver: int, folder: Path) -> None:
    """Leave the driver's process group, so that the Stop button ends what the driver decides, not this process.

    Args:
        driver: its process id; this process ends with it, however it ends.
        folder: where the driver says which runs are cancelled.
    """
    global _folder
    _folder = folder
    threading.Thread(target=_end_with, args=(driver,), name="penstock-driver-watch", daemon=True).start()
    if threading.current_thread() is threading.main_thread():
        with suppress(OSError):
            os.setsid()
        signal.signal(signal.SIGINT, _interrupted)
        signal.signal(signal.SIGUSR1, _some_cancelled)


def _end_with(driver: int) -> None:
    while os.getppid() == driver:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)


def _interrupted(_signum: int, _frame: FrameType | None) -> None:
    global _stopping
    _stopping = True
    runs = running_here()
    if runs:
        interrupt_runs(runs)
        raise RunCancelled("run interrupted")


def _some_cancelled(_signum: int, _frame: FrameType | None) -> None:
    runs = [run for run in running_here() if _is_cancelled(run)]
    if runs:
        interrupt_runs(runs, "cancelled")
        raise RunCancelled("run cancelled")


def _is_cancelled(run_id: str) -> bool:
    return _folder is not None and (_folder / f"{_CANCELLED}{run_id}").exists()


def _on_worker(run_id: str, payload: bytes, sent: list[_Sent]) -> Outcome:
    if _stopping or _is_cancelled(run_id):
        raise RuntimeError("It was stopped before this task run began.")
    outcome = run_remote(payload, *(_loaded(one) for one in sent))
    # What is in the summary already need not travel twice.
    return outcome if outcome.summary.inline is None else Outcome(outcome.summary, None)


def _loaded(sent: _Sent) -> Any:
    if sent.path not in _inputs:
        with sent.path.open("rb") as file:
            _inputs[sent.path] = pickle.load(file)
        while len(_inputs) > _INPUTS_KEPT:
            _inputs.popitem(last=False)
    return _inputs[sent.path]
