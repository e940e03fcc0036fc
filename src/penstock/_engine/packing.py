"""One task run as bytes for a worker.

Futures in the arguments become slots that the cluster fills with the outcomes of upstream runs, so that data stays
on the workers. Big inputs are sent ahead once and become slots too, and so does a big task.
"""

from __future__ import annotations

import pickle
import socket
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from penstock._engine.context_transfer import FlowRunFacts
from penstock._engine.contexts import TagsContext
from penstock._engine.futures import PenstockFuture
from penstock._engine.observers import remote_recording
from penstock._engine.part_futures import PartFuture
from penstock._engine.remote import Recipe, RemoteCall, Slot, UpstreamState, approximate_size
from penstock._engine.task_options import TaskOptions
from penstock._engine.task_run import TaskExecution
from penstock._link.session import current_session
from penstock._results.policies import CompoundCachePolicy, Inputs, RunId, TaskSource, with_known_source
from penstock._results.store import StoredResult
from penstock._values.collections import visit
from penstock._values.outcome import Absent
from penstock._values.states import Resolvable, State
from penstock.exceptions import SerializationError

#: Inputs from this size on are sent ahead instead of with every call.
AHEAD_BYTES = 1 << 20
#: A pickled task from this size on is sent ahead, too.
BIG_RECIPE_BYTES = 128 * 1024
#: How many inputs that cannot be watched by weak reference (text, bytes) are remembered as sent.
_KEPT = 8
_PLAIN = (str, int, float, bool, bytes, type(None))


class Packer:
    """Turns executions of one flow run into bytes; each task is pickled once.

    Args:
        reference_of: returns what the cluster knows an upstream future by, None when it is not the cluster's.
        send_ahead: puts an object into the cluster and returns its reference.
        is_there: says whether what a reference leads to has not been lost.
    """

    def __init__(
        self,
        reference_of: Callable[[PenstockFuture[Any]], Any],
        send_ahead: Callable[[Any], Any],
        is_there: Callable[[Any], bool] = lambda _: True,
    ) -> None:
        self._reference_of = reference_of
        self._sent = _SentAhead(send_ahead, is_there)
        self._recipes: dict[int, tuple[Any, Any, tuple[frozenset[str], int], bytes]] = {}
        self._host = socket.gethostname()

    def pack(self, execution: TaskExecution) -> tuple[bytes, list[Any]]:
        """Return the call as bytes and the references that fill its slots.

        Raises:
            SerializationError: names the part that cannot be pickled.
        """
        slots = _Slots()
        recipe = self._recipe(execution)
        run = execution.task_run
        call = RemoteCall(
            recipe=recipe if len(recipe) < BIG_RECIPE_BYTES else slots.of(self._sent.reference(recipe)),
            run=(run.id, run.name, run.tags, run.dynamic_key, run.task_inputs, run.created),
            parameters={name: self._argument(value, slots) for name, value in execution.parameters.items()},
            wait_for=tuple(self._argument(item, slots) for item in execution.wait_for),
            fingerprints=execution.fingerprints,
        )
        return _dumps(call, execution), slots.references

    def forget(self) -> None:
        """Let go of everything that was sent ahead."""
        self._recipes.clear()
        self._sent.forget()

    def _argument(self, value: Any, slots: _Slots) -> Any:
        if type(value) in _PLAIN:
            big = type(value) in (str, bytes) and len(value) >= AHEAD_BYTES
            return slots.of(self._sent.reference(value)) if big else value

        def leaf(obj: Any) -> Any:
            if isinstance(obj, PenstockFuture):
                whole, part = (obj.whole, obj.part) if isinstance(obj, PartFuture) else (obj, None)
                reference = self._reference_of(whole)
                if reference is not None:
                    return slots.of(reference, part)
                obj.wait()
                return _named(_without_remote_data(obj.state), obj.task_run.name)
            if isinstance(obj, State):
                return _without_remote_data(obj)
            if approximate_size(obj) >= AHEAD_BYTES:
                return slots.of(self._sent.reference(obj))
            return obj

        return visit(value, leaf)

    def _recipe(self, execution: TaskExecution) -> bytes:
        task, options = execution.task, execution.sent_options or execution.options
        tags = TagsContext.tags()
        flow = execution.flow_context
        attempt = flow.flow_run.run_count if flow is not None else 0
        known = self._recipes.get(id(task))
        if known is not None and known[1] is options and known[2] == (tags, attempt):
            return known[3]
        import cloudpickle

        session = current_session()
        run = execution.task_run
        recipe = Recipe(
            task=task,
            options=_travelling(options, task.fn),
            task_key=run.task_key,
            flow_run_id=run.flow_run_id,
            runner=run.runner,
            tags=tags,
            home=session.workspace.home,
            host=self._host,
            driver=session.client,
            facts=FlowRunFacts.of(flow) if flow is not None else None,
            recording=remote_recording(task),
        )
        try:
            blob: bytes = cloudpickle.dumps(recipe, protocol=5)
        except Exception as error:
            raise SerializationError(_explain(execution, error)) from error
        self._recipes[id(task)] = (task, options, (tags, attempt), blob)
        return blob


class _Slots:
    """Numbers the references of one call; the same reference twice is one slot."""

    def __init__(self) -> None:
        self.references: list[Any] = []
        self._numbers: dict[int, int] = {}

    def of(self, reference: Any, part: str | None = None) -> Slot:
        number = self._numbers.get(id(reference))
        if number is None:
            number = self._numbers[id(reference)] = len(self.references)
            self.references.append(reference)
        return Slot(number, part)


class _SentAhead:
    """References of what the cluster has already, for as long as the driver still has the object."""

    def __init__(self, send: Callable[[Any], Any], is_there: Callable[[Any], bool]) -> None:
        self._send = send
        self._is_there = is_there
        self._watched: dict[int, tuple[Any, Any]] = {}
        self._held: OrderedDict[int, tuple[Any, Any]] = OrderedDict()
        self._lock = threading.RLock()

    def reference(self, obj: Any) -> Any:
        """Return the reference of an object, sending it when it is new or was lost with its worker."""
        key = id(obj)
        with self._lock:
            known = self._watched.get(key) or self._held.get(key)
            if known is not None and self._is_there(known[1]):
                return known[1]
            reference = self._send(obj)
            try:
                self._watched[key] = (weakref.ref(obj, lambda _: self._watched.pop(key, None)), reference)
            except TypeError:
                self._held[key] = (obj, reference)
                while len(self._held) > _KEPT:
                    self._held.popitem(last=False)
            return reference

    def forget(self) -> None:
        with self._lock:
            self._watched.clear()
            self._held.clear()


def _travelling(options: TaskOptions, fn: Any) -> TaskOptions:
    """Return the options as they are sent along.

    The flow's parameters, which may be big or not picklable, stay at home unless a cache key needs them. What the
    task's source is made of is found here, where its text is: a worker may not have the file or the notebook.
    """
    policy = options.policy
    if policy is None or not options.caches:
        return replace(options, flow_parameters={})
    parts = policy.policies if isinstance(policy, CompoundCachePolicy) else [policy]
    options = replace(options, policy=with_known_source(policy, fn))
    if all(isinstance(part, (Inputs, TaskSource, RunId)) for part in parts):
        return replace(options, flow_parameters={})
    return options


def _without_remote_data(state: State) -> State:
    """Return the state with its value in it: a worker cannot fetch what another cluster keeps."""
    data = state.data
    if not isinstance(data, Resolvable) or isinstance(data, (StoredResult, Absent)):
        return state
    whole = State(
        state.type, name=state.name, message=state.message, data=data.get(), state_details=state.state_details
    )
    whole.digest = state.digest
    return whole


def _named(state: State, run_name: str) -> State:
    """Return the state of an upstream run with the name that errors call it by."""
    named = UpstreamState(
        state.type,
        name=state.name,
        message=state.message,
        data=state.data,
        state_details=state.state_details,
    )
    named.run_name, named.digest = run_name, state.digest
    return named


def _dumps(call: RemoteCall, execution: TaskExecution) -> bytes:
    if not call.wait_for and all(type(value) in (*_PLAIN, Slot) for value in call.parameters.values()):
        # The quick pickler writes classes of a notebook by name only, so it gets nothing that could hold one.
        return pickle.dumps(call, protocol=5)
    import cloudpickle

    try:
        blob: bytes = cloudpickle.dumps(call, protocol=5)
    except Exception as error:
        raise SerializationError(_explain(execution, error)) from error
    return blob


def _explain(execution: TaskExecution, error: Exception) -> str:
    import cloudpickle

    named = [(f"argument {name!r}", value) for name, value in execution.parameters.items()]
    named += _surroundings(execution.task.fn)
    culprits = []
    for name, value in named:
        if isinstance(value, PenstockFuture):
            continue
        try:
            cloudpickle.dumps(value)
        except Exception as inner:
            kind = f"{type(value).__module__}.{type(value).__qualname__}"
            culprits.append(f"{name} is a {kind}: {inner}")
    what = "; ".join(culprits) or str(error)
    return (
        f"Task {execution.task.name!r} cannot be sent to a worker process: {what}. "
        "Open connections and files, and make locks, inside the task."
    )


def _surroundings(fn: Any) -> list[tuple[str, Any]]:
    """Return what a function takes from around it: variables it closes over, and globals it names."""
    from inspect import getclosurevars, unwrap

    try:
        around = getclosurevars(unwrap(fn))
    except TypeError:
        return []
    closed = [(f"variable {name!r} it uses", value) for name, value in around.nonlocals.items()]
    return closed + [(f"global {name!r} it uses", value) for name, value in around.globals.items()]
