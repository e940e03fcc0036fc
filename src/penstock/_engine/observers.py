"""Who wants to see runs as they happen: the notebook's panel, tests.

Observers are called in the thread where the thing happened, right after it was journalled, and must be quick.
An observer that raises is dropped with a warning: watching must never break what is watched.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from penstock._values.runs import FlowRun, TaskRun
from penstock._values.states import State

if TYPE_CHECKING:
    from penstock._engine.open_pause import OpenPause
    from penstock._engine.task_run import TaskExecution


class Observer:
    """Base of all observers; override what you want to see."""

    def flow_run_state(self, flow_run: FlowRun, state: State) -> None:
        """A flow run entered a state."""

    def task_run_state(self, task_run: TaskRun, state: State) -> None:
        """A task run was made or entered a state."""

    def artifact(self, body: dict[str, Any]) -> None:
        """An artifact was made or changed; keys as in the journal's `artifact` line."""

    def log(self, body: dict[str, Any], at: int) -> None:
        """A run logged a line; keys as in the journal's `log` line, `at` in microseconds."""

    def pause_opened(self, pause: OpenPause) -> None:
        """A flow run waits for input."""

    def pause_closed(self, pause: OpenPause) -> None:
        """It does not wait any more."""


_observers: tuple[Observer, ...] = ()


def add_observer(observer: Observer) -> None:
    """Let `observer` see every run of this process from now on."""
    global _observers
    _observers = (*_observers, observer)


def remove_observer(observer: Observer) -> None:
    """Stop telling `observer`."""
    global _observers
    _observers = tuple(o for o in _observers if o is not observer)


def tell(what: str, *args: Any) -> None:
    """Call the method `what` of every observer."""
    for observer in _observers:
        try:
            getattr(observer, what)(*args)
        except Exception:
            remove_observer(observer)
            logging.getLogger("penstock").warning(
                "Observer %r failed at %s and is not told any more.", observer, what, exc_info=True
            )


def watched() -> bool:
    """True when anybody watches."""
    return bool(_observers)


#: Makes what is entered around the code of one task run, to record what it prints and displays.
Recording = Callable[["TaskExecution"], AbstractContextManager[Any]]

_recording: Recording | None = None
_remote_recording: Callable[[Any], Recording] | None = None
#: How runs that this context works on for another process are recorded.
recording_here: ContextVar[Recording | None] = ContextVar("penstock_recording", default=None)
_NOTHING = nullcontext()


def record_tasks(here: Recording | None, elsewhere: Callable[[Any], Recording] | None = None) -> None:
    """Record what the tasks of this process print and display from now on; None ends it.

    Args:
        here: for runs in this process.
        elsewhere: returns what records the runs of a task of this process's flows on workers, where it is imported
            by name.
    """
    global _recording, _remote_recording
    _recording, _remote_recording = here, elsewhere


def remote_recording(task: Any) -> Recording | None:
    """Return how workers shall record the runs of a task."""
    return _remote_recording(task) if _remote_recording is not None else None


def recording(run: TaskExecution) -> AbstractContextManager[Any]:
    """Return what is to be entered around the code of a run."""
    made = recording_here.get() or _recording
    return made(run) if made is not None else _NOTHING
