"""Cells as flows: what `%%flow` makes of a cell, and its run in the background."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import FunctionType
from typing import Any
from uuid import UUID

from penstock._engine.cancellation import Token, current_token
from penstock._engine.futures import PenstockFuture
from penstock._flow import Flow
from penstock._values.states import State, StateType
from penstock.context import tags
from penstock.task_runners import runner_class
from penstock_kernel._cells import CellFunction, CompiledCell, TaskLine
from penstock_kernel._cells.inputs import changes_of, functions_behind, reach
from penstock_kernel._cells.record import is_always_there, is_history
from penstock_kernel._cells.source_text import source_of
from penstock_kernel.cell_output import CellOutput
from penstock_kernel.cell_run import CellRun
from penstock_kernel.pending import PendingValue


class FlowBody:
    """The body of a `%%flow` cell: what it reads as data are its parameters, the rest is the notebook's own.

    Args:
        compiled: the cell.
        namespace: the notebook's.
        inputs: the parameters, instead of all data it reads.
    """

    def __new__(cls, compiled: CompiledCell, *_: Any, **__: Any) -> FlowBody:
        """Make the awaitable kind for a cell that awaits at its top level."""
        return object.__new__(_AsyncFlowBody if compiled.facts.is_async else cls)

    def __init__(
        self, compiled: CompiledCell, namespace: Mapping[str, Any], inputs: Sequence[str] | None = None
    ) -> None:
        facts = compiled.facts
        wanted = (*facts.reads, *facts.optional_reads, *(inputs or ()))
        reads = [name for name in dict.fromkeys(wanted) if name in namespace]
        data = [
            name for name in reads if (name in inputs if inputs is not None else _is_data(namespace[name]))
        ]
        self._fixed = {name: namespace[name] for name in reads if name not in data}
        cell = replace(compiled.function.cell, inputs=tuple(reads), helpers=(), modules=())
        self.function = CellFunction(cell)
        self.values = {name: namespace[name] for name in data}
        #: Names of the notebook that its functions look up while it runs.
        self.touches = frozenset(_touched([*self._fixed.values(), *self.values.values()], namespace))
        #: Those among them that its functions bind anew or change in place.
        self.changes = self.touches & frozenset(_changed([*self._fixed.values()], self.touches, namespace))
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        self.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in data])
        self.__name__ = self.__qualname__ = cell.name
        self.__module__ = "__main__"
        self.__doc__ = compiled.function.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the body."""
        bound = self.__signature__.bind(*args, **kwargs)
        return self.function(**self._fixed, **bound.arguments)


async def _coroutine() -> None:
    """Lend its code object to the bodies of awaiting cells, which inspect then takes for coroutine functions."""


class _AsyncFlowBody(FlowBody):
    """The body of a cell that awaits at its top level: calling it returns a coroutine."""

    __code__ = _coroutine.__code__
    __defaults__ = None
    __kwdefaults__ = None


def make_flow(line: TaskLine, body: FlowBody) -> Flow[Any, Any]:
    """Make the flow of a cell."""
    return Flow(
        body,
        name=line.label or (line.name or "flow").replace("_", "-"),
        retries=line.retries or None,
        retry_delay_seconds=line.retry_delay[0] if line.retry_delay else None,
        timeout_seconds=line.timeout,
        task_runner=runner_class(line.runner)() if line.runner else None,
        validate_parameters=False,
        persist_result=False,
    )


class FlowFuture(PenstockFuture[Any]):
    """The run of a flow cell, in a thread of its own.

    Args:
        name: of the flow.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    @property
    def edge(self) -> tuple[str, UUID]:
        """The kind of run; its id is not known before it has begun."""
        return "flow_run", UUID(int=0)

    @property
    def run_name(self) -> str:
        """What errors call the run."""
        return self._name

    @property
    def state(self) -> State:
        """The run's present state."""
        return self._final or State(StateType.RUNNING)


class FlowCellRun(CellRun):
    """One run of a flow cell in the background.

    Its functions are the notebook's own and look names up there while it runs. So a cell that gives one of these
    names another value waits for the run, and so does a cell that reads one which the run may change.

    Args:
        compiled: the cell.
        body: made of it.
        flow: made of that.
        line: the options of the cell.
        output: where it is shown.
    """

    kind = "flow"

    def __init__(
        self, compiled: CompiledCell, body: FlowBody, flow: Flow[Any, Any], line: TaskLine, output: CellOutput
    ) -> None:
        cell = replace(compiled, function=body.function)
        super().__init__(cell, FlowFuture(flow.name), Token(), flow.task_runner, output)
        self._flow, self._arguments, self._tags = flow, body.values, line.tags
        self.touches = body.touches
        #: Outputs whose names its functions look up: no placeholder may stand there while it runs.
        self.unplaced = frozenset(self.function.outputs) & self.touches
        self.changes = body.changes | self.unplaced

    def work(self) -> None:
        """Run the flow; in a thread and a context of its own."""
        current_token.set(self.token)
        try:
            with tags(*self._tags):
                found: Any = self._flow(**self._arguments, return_state=True)
                state: State = asyncio.run(found) if self._flow.isasync else found
        except BaseException as error:
            state = State(StateType.CRASHED, message=f"{type(error).__name__}: {error}", data=error)
        self._arguments = {}
        self.future.set_state(state)


def _is_data(value: Any) -> bool:
    return not (callable(value) or inspect.ismodule(value))


def _touched(values: Iterable[Any], namespace: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names that functions among the values, and those that they find in turn, look up."""
    queue, seen, names = list(values), set[int](), set[str]()
    for value in queue:  # grows
        if type(value) is PendingValue:
            continue
        body = vars(value).get("fn") if isinstance(value, Flow) else None
        found = body.touches if isinstance(body, FlowBody) else reach(value, seen) if callable(value) else ()
        if isinstance(value, list | tuple | set | dict):
            queue.extend(value.values() if isinstance(value, dict) else value)
        elif type(value).__module__ == "__main__" and not isinstance(value, FunctionType | type):
            queue.append(type(value))  # methods of an object of the notebook
        for name in found:
            if name in namespace and name not in names and not is_always_there(name) and not is_history(name):
                names.add(name)
                queue.append(namespace[name])
                yield name


def _changed(values: Iterable[Any], names: Iterable[str], namespace: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names that functions bind in the notebook, and those whose objects they change in place."""
    seen: set[int] = set()
    for value in (*values, *(namespace[name] for name in names)):
        for function in functions_behind(value, seen):
            yield from changes_of(source_of(function, function.__name__, namespace))
