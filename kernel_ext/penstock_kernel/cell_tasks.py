"""Cells as tasks: what `%%task` makes of a cell, and how it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock._results.policies import INPUTS, NO_CACHE, TASK_SOURCE
from penstock._values.states import State
from penstock.tasks import Task
from penstock_kernel._cells import CellFunction, CompiledCell, TaskLine, analyse, compile_cell, rehome
from penstock_kernel.pending import given
from penstock_kernel.session import NotebookSession

#: A cell's result is reused when the cell means the same and its inputs hold the same.
CELL_POLICY = INPUTS + TASK_SOURCE


class _Missing:
    """Stands for an input that the notebook does not have yet (`--define`)."""


def compile_task(
    line: TaskLine, name: str, source: str, header: str, namespace: Mapping[str, Any]
) -> CompiledCell:
    """Compile the body of a `%%task` cell; with `--define`, names the notebook lacks become parameters too."""
    known = namespace
    if line.define:
        wanted = (*analyse(source, known=tuple(namespace)).reads, *(line.inputs or ()))
        known = {**{read: _Missing() for read in wanted}, **namespace}
    return compile_cell(name, source, known, inputs=line.inputs, outputs=line.outputs, header=header)


def make_task(line: TaskLine, function: CellFunction) -> Task[Any, Any]:
    """Make the task of a cell; it caches unless told not to."""
    policy = NO_CACHE if line.cache is False else CELL_POLICY
    return Task(
        function,
        name=line.label or line.name,
        tags=line.tags,
        retries=line.retries,
        retry_delay_seconds=list(line.retry_delay) if line.retry_delay else 0,
        timeout_seconds=line.timeout,
        cache_policy=policy,
        persist_result=line.cache is not False,
        refresh_cache=True if line.refresh else None,
    )


def runs_here(task: Task[Any, Any], session: NotebookSession, runner: str | None) -> bool:
    """Whether a cell that waits for its task can run it in its own thread, as any cell runs."""
    return session.runner_for(runner).type == "threads" and not task.isasync


def run_here(task: Task[Any, Any], values: dict[str, Any], session: NotebookSession) -> State:
    """Run a task cell in its cell's own thread, inside the session's run, and return its final state.

    Prints, plots, `%debug` and Stop work as in any cell; the run keeps a copy of what is shown.
    """
    with session.context():
        state: State = task(**given(values), return_state=True)
    return state


def publish(function: CellFunction, value: Any, namespace: dict[str, Any]) -> tuple[str, ...]:
    """Bind a cell's outputs in the notebook, all at once; return their names."""
    outputs = {name: rehome(output, namespace) for name, output in function.unpack(value).items()}
    namespace.update(outputs)
    return tuple(outputs)
