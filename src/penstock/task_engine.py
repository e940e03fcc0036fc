"""Running a task on request: by id, with a run made before, in a context of another process.

Reference page: api-ref/python/prefect-task_engine.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any, Literal
from uuid import UUID

from penstock._engine.context_transfer import hydrated_context
from penstock._engine.drivers import Lifecycle
from penstock._engine.execute import execute, execute_async, inside, stream, stream_async, value_of
from penstock._engine.given_task_runs import Dependencies, execution_of
from penstock._engine.task_lifecycle import task_lifecycle
from penstock._engine.task_run import TaskExecution
from penstock._values.runs import TaskRun
from penstock._values.states import State
from penstock.exceptions import TaskRunTimeoutError as TaskRunTimeoutError
from penstock.tasks import Task


def run_task(
    task: Task[..., Any],
    task_run_id: UUID | None = None,
    task_run: TaskRun | None = None,
    parameters: Mapping[str, Any] | None = None,
    wait_for: Any = None,
    return_type: Literal["state", "result"] = "result",
    dependencies: Dependencies | None = None,
    context: Mapping[str, Any] | None = None,
) -> Any:
    """Run a task and return its value; a coroutine of it, when the task is async, a generator if it is one.

    Args:
        task: what to run.
        task_run_id: of the run that is made; a new one by default.
        task_run: the run, if it was made before (`Task.create_run`).
        parameters: arguments by name; may hold futures.
        wait_for: futures that must complete first.
        return_type: ``"state"`` for the last state, whatever it is.
        dependencies: edges of the graph beside those found in the parameters, by parameter name.
        context: from `serialize_context`, to run as if where it was taken.

    Raises:
        whatever the task raised; ParameterBindError when the parameters do not fit.

    Example:
        >>> from penstock import task
        >>> @task
        ... def double(x: int) -> int:
        ...     return 2 * x
        >>> run_task(double, parameters={"x": 2})
        4
    """
    run: Any = run_task_async if task.isasync else run_task_sync
    if task.isgenerator and return_type == "result":
        run = run_generator_task_async if task.isasync else run_generator_task_sync
    return run(task, task_run_id, task_run, parameters, wait_for, return_type, dependencies, context)


def run_task_sync(
    task: Task[..., Any],
    task_run_id: UUID | None = None,
    task_run: TaskRun | None = None,
    parameters: Mapping[str, Any] | None = None,
    wait_for: Any = None,
    return_type: Literal["state", "result"] = "result",
    dependencies: Dependencies | None = None,
    context: Mapping[str, Any] | None = None,
) -> Any:
    """Run a sync task here; see `run_task`."""
    with hydrated_context(context):
        execution = execution_of(task, task_run, task_run_id, parameters, wait_for, dependencies)
        return value_of(execute(execution), return_state=return_type == "state")


async def run_task_async(
    task: Task[..., Any],
    task_run_id: UUID | None = None,
    task_run: TaskRun | None = None,
    parameters: Mapping[str, Any] | None = None,
    wait_for: Any = None,
    return_type: Literal["state", "result"] = "result",
    dependencies: Dependencies | None = None,
    context: Mapping[str, Any] | None = None,
) -> Any:
    """Run an async task on the running loop; see `run_task`."""
    with hydrated_context(context):
        execution = execution_of(task, task_run, task_run_id, parameters, wait_for, dependencies)
        return value_of(await execute_async(execution), return_state=return_type == "state")


def run_generator_task_sync(
    task: Task[..., Any],
    task_run_id: UUID | None = None,
    task_run: TaskRun | None = None,
    parameters: Mapping[str, Any] | None = None,
    wait_for: Any = None,
    return_type: Literal["state", "result"] = "result",
    dependencies: Dependencies | None = None,
    context: Mapping[str, Any] | None = None,
) -> Generator[Any, Any, Any]:
    """Run a generator task from one value to the next; see `run_task`. `return_type` makes no difference."""
    begin = partial(_begun, context, (task, task_run, task_run_id, parameters, wait_for, dependencies))
    return stream(begin, State.result)


def run_generator_task_async(
    task: Task[..., Any],
    task_run_id: UUID | None = None,
    task_run: TaskRun | None = None,
    parameters: Mapping[str, Any] | None = None,
    wait_for: Any = None,
    return_type: Literal["state", "result"] = "result",
    dependencies: Dependencies | None = None,
    context: Mapping[str, Any] | None = None,
) -> AsyncGenerator[Any, Any]:
    """Run an async generator task from one value to the next; see `run_generator_task_sync`."""
    begin = partial(_begun, context, (task, task_run, task_run_id, parameters, wait_for, dependencies))
    return stream_async(begin, State.result)


def _begun(
    context: Mapping[str, Any] | None, made_of: tuple[Any, ...]
) -> tuple[TaskExecution, Lifecycle[State]]:
    stack = ExitStack()
    stack.enter_context(hydrated_context(context))
    execution = execution_of(*made_of)
    return execution, inside(stack, task_lifecycle(execution))


__all__ = [
    "TaskRunTimeoutError",
    "run_generator_task_async",
    "run_generator_task_sync",
    "run_task",
    "run_task_async",
    "run_task_sync",
]
