"""The task worker: takes background tasks from the store and runs them in threads.

Reference page: api-ref/python/prefect-task_worker; the public door is `penstock.task_worker`.

The main thread waits and hears signals; one thread asks the store for work whenever there is a free place. The store
gives each run to one worker and takes it back when that one's process dies before the run began.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from penstock._engine.background import read_parameters
from penstock._engine.execute import execute_guarded
from penstock._engine.given_task_runs import execution_of_run
from penstock._engine.log_setup import setup_logging
from penstock._engine.parameters import bind, unbind
from penstock._engine.signals import stop_signals
from penstock._ids import short_hex
from penstock._link.client import path_of
from penstock._link.session import Session, current_session
from penstock._results.store import ResultStore
from penstock._values.awaited import awaitable_too, call_is_awaited
from penstock._values.runs import TaskRun
from penstock._values.states import State, StateType, utc_now
from penstock.exceptions import PenstockException

#: How long the store is asked to keep a question for work open, in seconds.
_POLL = 20.0
#: The pause after the store could not be asked, in seconds.
_AWAY = 1.0


class StopTaskWorker(Exception):
    """A task worker was stopped."""


class TaskWorker:
    """Runs background tasks of this process's code.

    Args:
        tasks: what it serves; the same tasks as those that are delayed, by name and place in the code.
        limit: how many runs at a time; None for any number.

    Raises:
        ValueError: no task, or a limit below 1. TypeError: something is not a task.
    """

    def __init__(self, *tasks: Any, limit: int | None = 10) -> None:
        if not tasks:
            raise ValueError("A task worker needs at least one task: TaskWorker(my_task).")
        for one in tasks:
            if not hasattr(one, "task_key"):
                raise TypeError(f"Only tasks can be served, not {one!r}. Decorate the function with @task.")
        if limit is not None and limit < 1:
            raise ValueError(f"limit must be at least 1, or None for no limit; got {limit}.")
        self.tasks: list[Any] = [_persisting(one) for one in tasks]
        self._by_key = {one.task_key: one for one in self.tasks}
        self._limit = limit
        self._name: str | None = None
        self._started_at: datetime | None = None
        self._stopping = threading.Event()
        self._holding: dict[str, threading.Thread] = {}
        self._free = threading.Condition()
        self._logger = logging.getLogger("penstock.task_worker")

    @property
    def client_id(self) -> str:
        """The worker's name in the store; its process's name is the first part."""
        if self._name is None:
            self._name = f"{current_session().client}#{short_hex(4)}"
        return self._name

    @property
    def started(self) -> bool:
        """Whether it has been started."""
        return self._started_at is not None

    @property
    def started_at(self) -> datetime | None:
        """When it was started."""
        return self._started_at

    @property
    def limit(self) -> int | None:
        """How many runs at a time; None for any number."""
        return self._limit

    @property
    def current_tasks(self) -> int | None:
        """How many runs it executes now."""
        return len(self._holding)

    @property
    def available_tasks(self) -> int | None:
        """How many more it would take now; None without a limit."""
        return None if self._limit is None else self._limit - len(self._holding)

    def handle_sigterm(self, signum: int, frame: object) -> None:
        """Stop taking runs; `start` returns when those that run have ended. A second signal ends the process."""
        if self._stopping.is_set():
            signal.signal(signum, signal.SIG_DFL)
            signal.raise_signal(signum)
        self._stopping.set()

    def start(self, timeout: float | None = None) -> Any:
        """Take runs and execute them until the worker is stopped; what runs then is finished first.

        May be awaited; then it works in a thread, and the loop goes on.

        Args:
            timeout: seconds after which it stops by itself; never by default.

        Raises:
            StopTaskWorker: it was started before.
        """
        return asyncio.to_thread(self._work, timeout) if call_is_awaited() else self._work(timeout)

    def _work(self, timeout: float | None) -> None:
        if self.started:
            raise StopTaskWorker("This task worker was started before; make a new one.")
        setup_logging()
        self._started_at = utc_now()
        names = ", ".join(one.name for one in self.tasks)
        self._logger.info("Starting task worker %s for: %s", self.client_id, names)
        asking = threading.Thread(target=self._ask_for_work, name="penstock-task-worker", daemon=True)
        with stop_signals(self.handle_sigterm):
            asking.start()
            self._stopping.wait(timeout)
            self._stopping.set()
            self._leave()
            asking.join()
            self._drain()
        self._logger.info("Task worker %s has stopped.", self.client_id)

    def stop(self) -> None:
        """Stop taking runs; `start` returns when those that run have ended."""
        self._stopping.set()

    @awaitable_too
    def execute_task_run(self, task_run: TaskRun) -> None:
        """Execute a run of one of the tasks, here and now.

        Args:
            task_run: the run, in state Pending.
        """
        self._execute(task_run)

    def _ask_for_work(self) -> None:
        session = current_session()
        while self._wait_for_place():
            try:
                found = self._claim(session)
            except PenstockException as error:
                self._logger.warning("The store could not be asked for work, trying again: %s", error)
                self._stopping.wait(_AWAY)
                continue
            if found is not None:
                self._begin(session, found)

    def _wait_for_place(self) -> bool:
        """Wait until another run may begin; False when the worker is to stop."""
        with self._free:
            while not self._stopping.is_set() and self._limit is not None:
                if len(self._holding) < self._limit:
                    break
                self._free.wait(1.0)
        return not self._stopping.is_set()

    def _claim(self, session: Session) -> dict[str, Any] | None:
        with self._free:
            holding = list(self._holding)
        body = {"worker": self.client_id, "keys": list(self._by_key), "holding": holding, "timeout": _POLL}
        found = session.store.request("POST", "/link/claim", body, timeout=_POLL + 30)["run"]
        return dict(found) if found is not None else None

    def _begin(self, session: Session, found: Mapping[str, Any]) -> None:
        run_id = str(found["id"])
        work = threading.Thread(
            target=self._run, args=(session, found), name=f"penstock-background-{run_id}", daemon=True
        )
        with self._free:
            self._holding[run_id] = work
        work.start()

    def _run(self, session: Session, found: Mapping[str, Any]) -> None:
        run_id = str(found["id"])
        try:
            if found["fenced"]:
                # An earlier worker died with it; from here on this process speaks for the run.
                session.emit("fence", {"task_run_id": run_id})
            shown = session.store.request("GET", path_of("api", "task_runs", run_id))
            self._execute(TaskRun.model_validate(shown))
        except Exception:
            self._logger.exception("Task run %s could not be executed", run_id)
        finally:
            # Until the store knows how it ended, it would give a run that we no longer hold to us once more.
            session.drain()
            with self._free:
                self._holding.pop(run_id, None)
                self._free.notify_all()

    def _execute(self, task_run: TaskRun) -> None:
        task = self._by_key.get(task_run.task_key)
        if task is None:
            served = ", ".join(self._by_key)
            raise ValueError(
                f"Task run {task_run.id} is of {task_run.task_key!r}; this worker serves {served}."
            )
        task_run.task_name = task.name
        try:
            given = _arguments(task, task_run)
            args, kwargs = unbind(task.fn, given["parameters"])
            bound = bind(task.fn, args, kwargs)
        except Exception as error:
            message = f"The arguments of task run {task_run.id} cannot be used: {error}"
            self._logger.exception(message)
            state = State(StateType.FAILED, message=message, data=error)
            execution_of_run(task, task_run, {}, ()).enter(state)
            return
        execute_guarded(execution_of_run(task, task_run, bound, tuple(given.get("wait_for") or ())))

    def _leave(self) -> None:
        """Tell the store: no more runs. One whose answer is on its way is given to another worker."""
        with self._free:
            holding = list(self._holding)
            self._free.notify_all()
        try:
            body = {"worker": self.client_id, "holding": holding}
            current_session().store.request("POST", "/link/release", body)
        except PenstockException as error:
            self._logger.warning("The store could not be told that the worker stops: %s", error)

    def _drain(self) -> None:
        """Wait for what runs."""
        with self._free:
            if self._holding:
                self._logger.info("Waiting for %d task runs to end.", len(self._holding))
            while self._holding:
                self._free.wait(1.0)


def should_try_to_read_parameters(task: Any, task_run: TaskRun) -> bool:
    """Return whether the arguments of a run are in the result storage."""
    return task_run.state is not None and task_run.state.state_details.task_parameters_id is not None


def _arguments(task: Any, task_run: TaskRun) -> dict[str, Any]:
    if not should_try_to_read_parameters(task, task_run):
        return {"parameters": {}}
    assert task_run.state is not None
    identifier: UUID | None = task_run.state.state_details.task_parameters_id
    assert identifier is not None
    return read_parameters(ResultStore(), identifier)


def _persisting(task: Any) -> Any:
    """Return the task, its results stored unless it says otherwise: whoever delayed it reads them from there."""
    return task.with_options(persist_result=True) if task.persist_result is None else task


def serve(
    *tasks: Any, limit: int | None = 10, status_server_port: int | None = None, timeout: float | None = None
) -> None:
    """Run a task worker in this process; returns when it is stopped by SIGTERM, Ctrl-C or its timeout.

    Args:
        tasks: what to serve.
        limit: how many runs at a time; None for any number.
        status_server_port: answer GET /status on this port of the local host.
        timeout: seconds after which it stops by itself; never by default.

    Example:
        >>> serve(my_task, limit=2)  # doctest: +SKIP
    """
    worker = TaskWorker(*tasks, limit=limit)
    if status_server_port is None:
        worker.start(timeout)
        return
    from penstock._engine.status_server import serving_status

    with serving_status(worker, status_server_port):
        worker.start(timeout)


__all__ = ["StopTaskWorker", "TaskWorker", "serve", "should_try_to_read_parameters"]
