"""Running one task execution to its end: here and now, or on the running loop."""

from __future__ import annotations

from typing import Any

from penstock._engine import outcomes
from penstock._engine.drivers import run_awaiting, run_blocking
from penstock._engine.task_lifecycle import task_lifecycle
from penstock._engine.task_run import TaskExecution
from penstock._values.states import State


def execute(execution: TaskExecution) -> State:
    """Run a task in this thread, on a loop of its own when it is async, and return its last state."""
    if not execution.task.isasync:
        return run_blocking(task_lifecycle(execution), execution.token)
    import asyncio

    return asyncio.run(run_awaiting(task_lifecycle(execution), execution.token))


async def execute_async(execution: TaskExecution) -> State:
    """Run a task on the running loop and return its last state."""
    return await run_awaiting(task_lifecycle(execution), execution.token)


def execute_guarded(execution: TaskExecution) -> State:
    """Like `execute`, but an error of the engine itself becomes a Crashed state instead of being raised."""
    try:
        return execute(execution)
    except BaseException as error:
        execution.logger.exception("The engine failed while running this task")
        return execution.enter(outcomes.from_interruption(error, "Task run"))


def value_of(state: State, *, return_state: bool) -> Any:
    """Return what the caller of a task asked for: its state, or its value (raising its exception)."""
    return state if return_state else state.result()
