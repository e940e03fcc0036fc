"""Running a packed task in a worker process.

The same lifecycle as everywhere. A worker that shares the driver's workspace journals the states itself, so that they
outlive driver and worker; any other one sends its journal lines back with the outcome.
"""

from __future__ import annotations

import pickle
import socket
import threading
import traceback
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from pathlib import Path
from typing import Any, cast

from penstock._engine.cancellation import Token
from penstock._engine.context_transfer import FlowRunFactsContext
from penstock._engine.contexts import TagsContext
from penstock._engine.execute import execute_guarded
from penstock._engine.observers import Observer, add_observer, recording_here
from penstock._engine.remote import (
    INLINE_BYTES,
    Outcome,
    Recipe,
    RemoteCall,
    Slot,
    Summary,
    approximate_size,
)
from penstock._engine.run_logging import patch_print, setup_logging
from penstock._engine.task_run import TaskExecution
from penstock._ids import now_us
from penstock._link import session as sessions
from penstock._link.limited_tags import LimitedTags
from penstock._results.store import StoredResult
from penstock._values.collections import visit
from penstock._values.outcome import Absent
from penstock._values.states import Resolvable, State
from penstock._workspace import Workspace
from penstock.exceptions import StoreUnavailable
from penstock.settings import temporary_settings

_LOGS_SHOWN = 200
_ENGINE = str(Path(__file__).parent)
_RECIPES_KEPT = 64
_PLAIN = (str, int, float, bool, bytes, type(None))

#: Tokens of the runs this process works on for others, so that they can be interrupted from outside.
_active: dict[str, Token] = {}
#: The newest runs this process was told to stop: those that have not begun must not begin.
_stopped: deque[str] = deque(maxlen=10_000)
_recipes: dict[bytes, Recipe] = {}
_lock = threading.Lock()


def run_remote(payload: bytes, *filled: Any) -> Outcome:
    """Run one task here, for the driver that packed `payload`.

    Args:
        payload: a pickled `RemoteCall`.
        filled: what its slots stand for: outcomes of upstream runs, or inputs that were sent ahead.
    """
    call: RemoteCall = pickle.loads(payload)
    recipe = _recipe(filled[call.recipe.number] if isinstance(call.recipe, Slot) else call.recipe)
    task_run = call.task_run(recipe)
    run_id = str(task_run.id)
    token = _active[run_id] = Token()
    if run_id in _stopped:  # stopped on its way here
        token.set("interrupted")
    try:
        with _at_home(recipe), _watching(recipe, run_id) as seen:
            execution = TaskExecution(
                task=recipe.task,
                task_run=task_run,
                parameters={name: _filled_in(value, filled) for name, value in call.parameters.items()},
                options=recipe.options,
                wait_for=tuple(_filled_in(item, filled) for item in call.wait_for),
                token=token,
                fingerprints=call.fingerprints,
            )
            return _outcome(execution, execute_guarded(execution), seen)
    finally:
        del _active[run_id]


def running_here() -> list[str]:
    """Return the runs this process works on for others."""
    return list(_active)


def interrupt_runs(ids: list[str], reason: str = "interrupted") -> list[str]:
    """Interrupt runs this worker process is working on, keep the others from beginning; return those it had.

    Args:
        ids: of the task runs.
        reason: "interrupted" crashes what runs, "cancelled" cancels it.
    """
    _stopped.extend(ids)
    found = [(run, token) for run, token in list(_active.items()) if run in ids]
    for _, token in found:
        token.set(reason)
    return [run for run, _ in found]


def _recipe(blob: bytes) -> Recipe:
    found = _recipes.get(blob)
    if found is None:
        found = pickle.loads(blob)
        with _lock:
            while len(_recipes) >= _RECIPES_KEPT:
                del _recipes[next(iter(_recipes))]
            _recipes[blob] = found
    return found


def _filled_in(value: Any, filled: tuple[Any, ...]) -> Any:
    if type(value) in _PLAIN:
        return value

    def leaf(obj: Any) -> Any:
        if not isinstance(obj, Slot):
            return obj
        found = filled[obj.number]
        if not isinstance(found, Outcome):
            return found
        state = found.state()
        return state if obj.part is None else _part(state, obj.part)

    return visit(value, leaf)


def _part(state: State, part: str) -> State:
    """Return the state of an upstream run with one part of its value."""
    if state.is_completed():
        state.data, state.digest = state.result()[part], None
    return state


def _outcome(execution: TaskExecution, state: State, seen: _Seen) -> Outcome:
    run = execution.task_run
    data = state.data
    if isinstance(data, Resolvable) and not isinstance(data, (StoredResult, Absent)):
        data = data.get()
    data, inline = _portable(data, run.name)
    summary = Summary(
        task_run_id=str(run.id),
        type=state.type,
        name=state.name,
        message=state.message,
        details=state.state_details.to_json(),
        run_count=run.run_count,
        run_name=run.name,
        inline=inline,
        digest=state.digest,
        artifacts=seen.artifacts,
        logs=seen.logs,
        lines=_lines.get() or [],
        client=execution.session.client,
        frames=_frames(state.data),
    )
    return Outcome(summary, data)


def _frames(error: Any) -> list[tuple[str, int, str]]:
    """Return where an exception went through, from the task's own function on."""
    if not isinstance(error, Exception) or error.__traceback__ is None:
        return []
    frames = traceback.extract_tb(error.__traceback__)
    first = next((n for n, frame in enumerate(frames) if not frame.filename.startswith(_ENGINE)), 0)
    return [(one.filename, one.lineno or 0, one.name) for one in frames[first:]]


def _portable(data: Any, name: str) -> tuple[Any, bytes | None]:
    """Return data that can leave this process, and its pickle when it is small."""
    if type(data) in _PLAIN and approximate_size(data) <= INLINE_BYTES:
        return data, pickle.dumps(data, protocol=5)
    if approximate_size(data) > INLINE_BYTES:
        return data, None
    import cloudpickle

    try:
        blob = cloudpickle.dumps(data, protocol=5)
        if isinstance(data, BaseException):
            pickle.loads(blob)  # an exception whose arguments do not fit its __init__ fails only here
    except Exception as error:
        if isinstance(data, BaseException):
            plain = RuntimeError(f"{type(data).__name__}: {data}")
            return plain, pickle.dumps(plain, protocol=5)
        absent = Absent(f"The result of task run {name!r} cannot leave its worker: {error}")
        return absent, pickle.dumps(absent, protocol=5)
    return data, blob if len(blob) <= INLINE_BYTES else None


class _Seen:
    """What the driver's observers want to see of one run, too."""

    def __init__(self) -> None:
        self.artifacts: list[dict[str, Any]] = []
        self.logs: list[tuple[dict[str, Any], int]] = []


class _Collector(Observer):
    """The one observer of a worker process; sorts what it sees by run."""

    def __init__(self) -> None:
        self.runs: dict[str, _Seen] = {}

    def artifact(self, body: dict[str, Any]) -> None:
        if (seen := self.runs.get(str(body.get("task_run_id")))) is not None:
            seen.artifacts.append(body)

    def log(self, body: dict[str, Any], at: int) -> None:
        seen = self.runs.get(str(body.get("task_run_id")))
        if seen is not None and len(seen.logs) < _LOGS_SHOWN:
            seen.logs.append((body, at))


_collector: _Collector | None = None


@contextmanager
def _watching(recipe: Recipe, run_id: str) -> Iterator[_Seen]:
    """Collect artifacts and logs of a run, unless this is the driver's own process, whose observers see them."""
    global _collector
    seen = _Seen()
    if sessions.current_session().client == recipe.driver:
        yield seen
        return
    with _lock:
        if _collector is None:
            _collector = _Collector()
            add_observer(_collector)
    _collector.runs[run_id] = seen
    try:
        yield seen
    finally:
        del _collector.runs[run_id]


@contextmanager
def _at_home(recipe: Recipe) -> Iterator[None]:
    """Work in the driver's workspace, or without one when it is on another machine."""
    facts = FlowRunFactsContext(facts=recipe.facts) if recipe.facts is not None else nullcontext()
    with temporary_settings({"home": recipe.home}), TagsContext(current_tags=recipe.tags), facts:
        session = _session(recipe)
        setup_logging(console=False)
        patch_print()
        mark = _lines.set([] if isinstance(session, _CarryingSession) else None)
        recording = recording_here.set(recipe.recording)
        try:
            yield
        finally:
            recording_here.reset(recording)
            _lines.reset(mark)


def _session(recipe: Recipe) -> Any:
    session = sessions._sessions.get(recipe.home)
    if session is not None:
        return session
    if recipe.host == socket.gethostname() and recipe.home.is_dir():
        return sessions.open_worker_session(Workspace(recipe.home), recipe.driver)
    with sessions._lock:
        carrying = cast("sessions.Session", _CarryingSession(recipe.home))
        return sessions._sessions.setdefault(recipe.home, carrying)


#: Journal lines of the run this context works for, where they have to be carried back to the driver.
_lines: ContextVar[list[tuple[str, dict[str, Any], int | None]] | None] = ContextVar(
    "penstock_carried_lines", default=None
)


class _CarryingSession:
    """Stands for the session of a workspace that is out of reach: its lines ride back with the outcome."""

    client = ""

    def __init__(self, home: Path) -> None:
        self.workspace = Workspace(home)
        self.limited_tags = LimitedTags(self.workspace)

    def emit(self, kind: str, body: dict[str, Any], at: int | None = None, *, hold: bool = False) -> int:
        lines = _lines.get()
        if lines is not None:
            lines.append((kind, body, now_us() if at is None else at))
        return 0

    @property
    def store(self) -> Any:
        raise StoreUnavailable(
            f"This worker does not share the folder {self.workspace.home} of the process that started the run, "
            "so it cannot ask its store."
        )

    def drain(self, timeout: float = 0.0) -> bool:
        return True

    def close(self) -> None:
        """There is nothing to close."""

    abandon = close
