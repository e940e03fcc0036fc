"""One run of a task cell in the background: what it was given, how it stands, what it will bind."""

from __future__ import annotations

import threading
from contextvars import copy_context
from typing import Any

from penstock._engine.cancellation import Token
from penstock._engine.contexts import FlowRunContext
from penstock._engine.futures import PenstockFuture
from penstock._engine.part_futures import PartFuture
from penstock._engine.runner_port import TaskRunner
from penstock._values.states import State
from penstock.tasks import Task
from penstock_kernel._cells import CompiledCell, show
from penstock_kernel._cells.errors import CellError
from penstock_kernel._cells.recorder import Event, recorder
from penstock_kernel.cell_output import CellOutput, KernelRecorder


class UpstreamCellError(CellError):
    """A name was to come from a task cell whose run did not complete.

    Args:
        output: the name.
        task: the task or flow cell.
        phrase: how its run ended.
        kind: "task" or "flow".
    """

    def __init__(self, output: str, task: str, phrase: str, kind: str = "task") -> None:
        self.output, self.task, self.phrase, self.kind = output, task, phrase, kind
        super().__init__(
            f"{output!r} was to come from {kind} {task!r}, which {phrase}; look at its cell or at "
            f"`%logs {task}`, and run it again"
        )

    def __reduce__(self) -> tuple[type[UpstreamCellError], tuple[str, str, str, str]]:
        return type(self), (self.output, self.task, self.phrase, self.kind)


class ValueLostError(CellError):
    """A task cell has computed a value that cannot be brought here.

    Args:
        output: the name.
        task: the task cell.
        described: what the value is, "" when that is not known.
        why: it stays away.
    """

    def __init__(self, output: str, task: str, described: str, why: str) -> None:
        self.output, self.task, self.described, self.why = output, task, described, why
        what = f"{output!r} ({described})" if described else repr(output)
        super().__init__(
            f"{what} of task {task!r} is not here: {why}. "
            f"Call it _{output} to keep it inside the task, or leave it out with --out"
        )

    def __reduce__(self) -> tuple[type[ValueLostError], tuple[str, str, str, str]]:
        return type(self), (self.output, self.task, self.described, self.why)


class CellRun:
    """One run of a task cell.

    Args:
        compiled: the cell.
        future: of its task run.
        token: cancels it and nothing else.
        runner: where it runs.
        output: where it is shown.
    """

    #: "task" or "flow".
    kind = "task"
    #: Names of the notebook that its code looks up there while it runs.
    touches: frozenset[str] = frozenset()
    #: Those whose values it may change there while it runs.
    changes: frozenset[str] = frozenset()
    #: Outputs without a placeholder while it runs.
    unplaced: frozenset[str] = frozenset()

    def __init__(
        self,
        compiled: CompiledCell,
        future: PenstockFuture[Any],
        token: Token,
        runner: TaskRunner,
        output: CellOutput,
    ) -> None:
        self.function = compiled.function
        self.name = compiled.function.name
        self.future = future
        self.token = token
        self.runner = runner
        self.output = output
        #: What it was given, by name; forgotten when it has ended.
        self.values: dict[str, Any] = dict(compiled.bound.values)
        given = compiled.function.cell.outputs_given
        #: Outputs that a completed run has bound for sure.
        self.certain = frozenset(self.function.outputs) & (
            frozenset(self.function.outputs)
            if given
            else compiled.facts.certain | set(compiled.facts.mutates)
        )
        #: What stays bound where it does not bind the name.
        self.before: dict[str, Any] = {}
        #: What its placeholders have replaced, for a cell that waits and puts it back when the run fails.
        self.replaced: dict[str, Any] = {}
        #: What its outputs are, as far as a worker has told.
        self.described: dict[str, str] = {}
        #: How its code failed on a worker, whose exceptions come without their tracebacks.
        self.failure: Event | None = None
        #: Why it was computed although a result was kept of an earlier run, as far as the log says.
        self.why = ""
        #: Who waits for it raises its error.
        self.quiet = False
        self.ended = threading.Event()
        #: Its outputs are in the notebook.
        self.published = False

    @property
    def state(self) -> State:
        """How the run stands."""
        return self.future.state

    def phrase(self) -> str:
        """Say how the run stands, to follow "it" or "which"."""
        state = self.state
        if not self.future.done():
            return f"is {state.name.lower()} in {self.kind} {self.name!r}"
        if state.is_completed():
            return "is on its worker"
        ended = "could not begin" if state.name == "NotReady" else f"ended as {state.name}"
        return f"{ended}: {state.message}" if state.message else ended

    def part(self, name: str) -> PenstockFuture[Any]:
        """Return the future of one output."""
        return self.future if len(self.function.outputs) == 1 else PartFuture(self.future, name)

    def reads_object(self, value: object) -> bool:
        """Whether it was given this very object and may still look at it."""
        return any(one is value for one in list(self.values.values()))

    def upstream_error(self, output: str) -> UpstreamCellError:
        """Return the error of a cell that needs an output this run did not give."""
        error = UpstreamCellError(output, self.name, self.phrase(), self.kind)
        cause = self.state.data
        if isinstance(cause, BaseException) and self.state.is_failed():  # else its message says all
            error.__cause__ = cause
        return error


def submit_cell(
    task: Task[Any, Any],
    values: dict[str, Any],
    context: FlowRunContext,
    mine: KernelRecorder,
    edges: dict[str, list[dict[str, str]]],
) -> PenstockFuture[Any]:
    """Hand the task over in a context of its own, where its output finds its way."""

    def submit() -> PenstockFuture[Any]:
        recorder.set(mine)
        show.set(None)
        with context:
            future: PenstockFuture[Any] = context.task_runner.submit(task, values, dependencies=edges)
        return future

    return copy_context().run(submit)
