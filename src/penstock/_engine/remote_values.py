"""Results that stay on the cluster until somebody asks, and what the driver makes of a summary."""

from __future__ import annotations

import logging
import pickle
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from penstock._engine.futures import PenstockFuture
from penstock._engine.observers import tell
from penstock._engine.remote import Outcome, Summary
from penstock._engine.run_logging import ConsoleHandler
from penstock._engine.task_run import TaskExecution
from penstock._engine.worker_tail import worker_tail
from penstock._journal.line import TornLine, decode
from penstock._link.session import current_session
from penstock._values.outcome import Absent
from penstock._values.runs import TaskRun
from penstock._values.states import Resolvable, State, StateType
from penstock.exceptions import SerializationError

#: How much of the end of each journal is searched for runs that have begun.
_TAIL_BYTES = 4 << 20


class RemoteValue(Resolvable):
    """The data of a state whose value lies on a worker; fetched once, when asked for.

    Args:
        fetch: brings the outcome here.
    """

    def __init__(self, fetch: Callable[[], Outcome]) -> None:
        self._fetch: Callable[[], Outcome] | None = fetch
        self._data: Any = None
        self._lock = threading.Lock()

    def get(self) -> Any:
        """Return the value."""
        with self._lock:
            if self._fetch is not None:
                self._data = self._fetch().data
                self._fetch = None
        return self._data.get() if isinstance(self._data, Resolvable) else self._data


class RemoteValues:
    """The values of one runner that are still on the workers and that somebody may ask for."""

    def __init__(self) -> None:
        self._values: WeakSet[RemoteValue] = WeakSet()

    def settle(self, future: PenstockFuture[Any], summary: Summary, fetch: Callable[[], Outcome]) -> None:
        """Give a future the state its worker reported, and tell who watches."""
        if summary.inline is not None:
            data: Any = _unpickled(summary, summary.inline)
        else:
            data = RemoteValue(fetch)
            self._values.add(data)
        state = summary.state(data)
        run = future.task_run
        if summary.frames and isinstance(data, BaseException):
            _say_where(data, summary)
        run.run_count = summary.run_count
        run.name = summary.run_name
        run.state = state
        run.end_time = state.timestamp if state.is_final() else None
        _report(run, summary)
        tell("task_run_state", run, state)
        future.set_state(state)

    def fetch_all(self) -> None:
        """Bring here what is still referred to, before the workers go or forget it."""
        for value in list(self._values):
            with suppress(Exception):  # whoever asks for it later gets the error
                value.get()
        self._values.clear()


def _unpickled(summary: Summary, inline: bytes) -> Any:
    try:
        return pickle.loads(inline)
    except Exception as error:
        why = f"What task run {summary.run_name!r} ended with came from its worker, but cannot be read here: {error!r}"
        return (
            Absent(why)
            if summary.type is StateType.COMPLETED
            else SerializationError(f"{why}. {summary.message}")
        )


def crash(execution: TaskExecution, future: PenstockFuture[Any], error: BaseException) -> None:
    """End a run whose worker did not answer; what the worker may still say counts for nothing."""
    advice = ""
    if isinstance(error, ModuleNotFoundError):
        advice = " Install it on the workers too."
    message = f"The worker did not finish this run: {error!r}.{advice}"
    future.set_state(execution.abandon(State(StateType.CRASHED, message=message, data=error)))


def begun(ids: list[str]) -> dict[str, int]:
    """Return which task runs have begun, and in which process of their machine.

    A worker writes so into its journal, which bears its process id, before it calls the code.
    """
    wanted, found = set(ids), dict[str, int]()
    for path in current_session().workspace.journals.glob("*.jsonl"):
        with suppress(OSError), path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            for raw in file:
                if b'"RUNNING"' not in raw:
                    continue
                with suppress(TornLine):
                    run_id = str(decode(raw.rstrip(b"\n")).body.get("id"))
                    if run_id in wanted:
                        found[run_id] = int(path.stem.split("-")[1])
    return found


def _report(run: TaskRun, summary: Summary) -> None:
    if summary.lines:
        session = current_session()
        for kind, body, at in summary.lines:
            session.emit(kind, body, at)
    worker_tail.settle(run, summary)
    for body, at in summary.logs:
        _print(run, body, at)


def _say_where(error: BaseException, summary: Summary) -> None:
    """Note on an exception which lines of the user's code it went through: tracebacks do not travel."""
    lines = traceback.StackSummary.from_list([(*frame, None) for frame in summary.frames]).format()
    error.add_note(f"On its worker, in task run {summary.run_name!r}:\n" + "".join(lines).rstrip())


def _print(run: TaskRun, body: dict[str, Any], at: int) -> None:
    """Show a worker's log line on the console of this process, where threads would have shown it."""
    for handler in logging.getLogger("penstock").handlers:
        if isinstance(handler, ConsoleHandler):
            record = logging.makeLogRecord(
                {
                    "name": body["logger"],
                    "levelno": body["level"],
                    "levelname": logging.getLevelName(body["level"]),
                    "msg": body["message"],
                    "created": at / 1_000_000,
                    "msecs": at % 1_000_000 // 1000,
                    "task_run_name": run.name,
                }
            )
            handler.handle(record)


__all__ = ["RemoteValue", "RemoteValues", "begun", "crash"]
