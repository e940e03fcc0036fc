"""What travels between a driver and the workers of a cluster.

The driver packs each run (`packing`), a worker executes it (`remote_run`) and answers with an `Outcome`, which stays
on the worker; its `Summary` goes back to the driver.
"""

from __future__ import annotations

<<<<<<< HEAD
import pickle
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
=======
>>>>>>> accept
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock._engine.task_options import TaskOptions
<<<<<<< HEAD
from penstock._engine.task_run import TaskExecution
from penstock._link.session import current_session, open_worker_session
=======
>>>>>>> accept
from penstock._results.fingerprint import KnownFingerprint
from penstock._values.runs import TaskRun
<<<<<<< HEAD
from penstock._values.states import Resolvable, State, StateDetails, StateType
from penstock._workspace import Workspace
from penstock.exceptions import SerializationError
from penstock.settings import temporary_settings
=======
from penstock._values.states import State, StateDetails, StateType
>>>>>>> accept

#: Values up to this size (pickled) travel with the summary; bigger ones stay on the worker until asked for.
INLINE_BYTES = 64 * 1024


class Slot:
    """Stands for the outcome of an upstream run, or for an input that was sent ahead.

    Not a dataclass: `visit` walks into those, and must hand this one over whole.
    """

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


@dataclass(slots=True)
class Recipe:
    """What all runs of one task in one flow run share; pickled once, unpickled once a worker process."""

    task: Any
    options: TaskOptions
    task_key: str
    flow_run_id: Any
    runner: str | None
    tags: frozenset[str]
    home: Path
    host: str
    driver: str


@dataclass(slots=True)
class RemoteCall:
    """What a worker needs beside the recipe to run one task once."""

    recipe: bytes | Slot
    #: Fields of the task run that are its own: id, name, tags, dynamic key, upstream runs, time.
    run: tuple[Any, ...]
    parameters: dict[str, Any]
    wait_for: tuple[Any, ...]
    fingerprints: dict[str, KnownFingerprint]

    def task_run(self, recipe: Recipe) -> TaskRun:
        """Return the run as the driver made it."""
        identity, name, tags, dynamic_key, upstream, created = self.run
        return TaskRun(
            id=identity,
            name=name,
            tags=tags,
            state=State(StateType.PENDING, timestamp=created),
            task_key=recipe.task_key,
            dynamic_key=dynamic_key,
            task_name=recipe.task.name,
            flow_run_id=recipe.flow_run_id,
            task_inputs=upstream,
            runner=recipe.runner,
            created=created,
            expected_start_time=created,
        )


@dataclass(slots=True)
class Summary:
    """How a run ended, without its value (unless that is small)."""

    task_run_id: str
    type: StateType
    name: str
    message: str | None
    details: dict[str, Any]
    run_count: int
    run_name: str
    inline: bytes | None = None
    digest: str | None = None
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    logs: list[tuple[dict[str, Any], int]] = field(default_factory=list)
    #: Journal lines (kind, body, time) of a worker that has no journal the driver's store could read.
    lines: list[tuple[str, dict[str, Any], int | None]] = field(default_factory=list)

    def state(self, data: Any) -> State:
        """Return the state it describes."""
        details = StateDetails.from_json(self.details)
        state = State(self.type, name=self.name, message=self.message, data=data, state_details=details)
        state.digest = self.digest
        return state


@dataclass(slots=True)
class Outcome:
    """How a run ended, with its value or exception: what stays on the worker."""

    summary: Summary
    data: Any

    def state(self) -> State:
        """Return the outcome as the state of an upstream run."""
        summary = self.summary
        state = UpstreamState(summary.type, name=summary.name, message=summary.message, data=self.data)
        state.state_details = StateDetails.from_json(summary.details)
        state.run_name = summary.run_name
        state.digest = summary.digest
        return state


class UpstreamState(State):
    """The state of an upstream run, with the name that errors call it by."""

    __slots__ = ("run_name",)

    run_name: str


def approximate_size(obj: Any) -> int:
    """Return about how many bytes an object holds; cheap, and 0 when it is not known."""
    size = getattr(obj, "nbytes", None)
    if isinstance(size, int):
        return size
    if isinstance(obj, (bytes, bytearray, str)):
        return len(obj)
    usage: Any = getattr(obj, "memory_usage", None)
    if usage is not None and hasattr(obj, "columns"):
        return int(usage(deep=False).sum())
    return 0
<<<<<<< HEAD


def _without_remote_data(state: State) -> State:
    """Return the state with its value in it: this runner's workers cannot fetch from another's."""
    data = state.data
    if isinstance(data, Resolvable) and not isinstance(data, (StoredResult, Absent)):
        data = data.get()
    return State(
        state.type, name=state.name, message=state.message, data=data, state_details=state.state_details
    )


def _dumps(call: RemoteCall, execution: TaskExecution) -> bytes:
    import cloudpickle

    try:
        blob: bytes = cloudpickle.dumps(call, protocol=5)
    except Exception as error:
        raise SerializationError(_explain(execution.task, execution.parameters, error)) from error
    return blob


def _explain(task: Any, parameters: dict[str, Any], error: Exception) -> str:
    import cloudpickle

    culprits = []
    for name, value in parameters.items():
        try:
            cloudpickle.dumps(value)
        except Exception as inner:
            kind = f"{type(value).__module__}.{type(value).__qualname__}"
            culprits.append(f"argument {name!r} is a {kind}: {inner}")
    what = "; ".join(culprits) or str(error)
    return (
        f"Task {task.name!r} cannot be sent to a worker process: {what}. "
        "Open connections and files, and make locks, inside the task."
    )


#: Tokens of the runs this process works on for others, so that they can be interrupted from outside.
_active: dict[str, Token] = {}


#: The newest runs this process was told to stop: those that have not begun must not begin.
_stopped: deque[str] = deque(maxlen=10_000)


def interrupt_runs(ids: list[str]) -> list[str]:
    """Interrupt runs this worker process is working on, keep the others from beginning; return those it had."""
    _stopped.extend(ids)
    wanted = set(ids)
    found = {run: token for run, token in list(_active.items()) if run in wanted}
    for token in found.values():
        token.set("interrupted")
    return list(found)


def run_remote(payload: bytes, *filled: Any) -> Outcome:
    """Run one task here, for the driver that packed `payload`.

    Args:
        payload: a pickled `RemoteCall`.
        filled: what its slots stand for: outcomes of upstream runs, or inputs that were sent ahead.
    """
    call: RemoteCall = pickle.loads(payload)
    with _at_home(call) as seen:
        task = pickle.loads(call.task)

        def leaf(obj: Any) -> Any:
            if isinstance(obj, Slot):
                value = filled[obj.number]
                return value.state() if isinstance(value, Outcome) else value
            return obj

        token = Token()
        run_id = str(call.task_run.id)
        execution = TaskExecution(
            task=task,
            task_run=call.task_run,
            parameters={name: visit(value, leaf) for name, value in call.parameters.items()},
            options=call.options,
            wait_for=tuple(visit(item, leaf) for item in call.wait_for),
            token=token,
            fingerprints=call.fingerprints,
        )
        _active[run_id] = token
        if run_id in _stopped:
            token.set("interrupted")
        try:
            state = execute_guarded(execution)
        finally:
            del _active[run_id]
    return _outcome(execution, state, seen)


def _outcome(execution: TaskExecution, state: State, seen: _Seen) -> Outcome:
    run = execution.task_run
    data, inline = _portable(state.data, run.name)
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
    )
    return Outcome(summary, data)


def _portable(data: Any, name: str) -> tuple[Any, bytes | None]:
    """Return data that can leave this process, and its pickle when it is small."""
    import cloudpickle

    if approximate_size(data) > INLINE_BYTES:
        return data, None
    try:
        blob = cloudpickle.dumps(data, protocol=5)
    except Exception as error:
        if isinstance(data, BaseException):
            plain = RuntimeError(f"{type(data).__name__}: {data}")
            return plain, cloudpickle.dumps(plain, protocol=5)
        absent = Absent(f"The result of task run {name!r} cannot leave its worker: {error}")
        return absent, cloudpickle.dumps(absent, protocol=5)
    return data, blob if len(blob) <= INLINE_BYTES else None


class _Seen(Observer):
    """Collects what the driver's observers want to see, too."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self.artifacts: list[dict[str, Any]] = []
        self.logs: list[tuple[dict[str, Any], int]] = []

    def artifact(self, body: dict[str, Any]) -> None:
        if str(body.get("task_run_id")) == self._run_id:
            self.artifacts.append(body)

    def log(self, body: dict[str, Any], at: int) -> None:
        if str(body.get("task_run_id")) == self._run_id and len(self.logs) < 200:
            self.logs.append((body, at))


@contextmanager
def _at_home(call: RemoteCall) -> Iterator[_Seen]:
    """Work in the driver's workspace, or in a temporary one when it is not on this machine."""
    shared = call.host == socket.gethostname() and call.home.is_dir()
    seen = _Seen(str(call.task_run.id))
    with ExitStack() as stack:
        if shared:
            stack.enter_context(temporary_settings({"home": call.home}))
            open_worker_session(Workspace(call.home), call.driver)
        setup_logging(console=False)
        patch_print()
        stack.enter_context(TagsContext(current_tags=call.tags))
        add_observer(seen)
        try:
            yield seen
        finally:
            remove_observer(seen)
=======
>>>>>>> accept
