"""Running one execution to its end, here and now or on the running loop, or value by value."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any, Protocol

from penstock._engine import outcomes
from penstock._engine.cancellation import Token
from penstock._engine.drivers import (
    Lifecycle,
    run_awaiting,
    run_blocking,
    stream_awaiting,
    stream_blocking,
)
from penstock._engine.streams import Stream
from penstock._engine.task_lifecycle import task_lifecycle
from penstock._engine.task_run import TaskExecution
from penstock._values.states import State


class Execution(Protocol):
    """A run of a flow or of a task."""

    token: Token
    stream: Stream | None


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
    return state if return_state else state.result(_sync=True)  # nobody awaits this call


def stream(
    begin: Callable[[], tuple[Execution, Lifecycle[State]]],
    value_of: Callable[[State], Any],
    guard: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Generator[Any, Any, Any]:
    """Run a generator function lazily: it goes on whenever the next value is asked for.

    Args:
        begin: makes the run, when the first value is asked for.
        value_of: called with the last state; raises what the run ended with, if it did not complete.
        guard: entered around each stretch of work.
    """
    made = Stream()
    value_of((yield from stream_blocking(lambda: _streaming(made, *begin()), guard)))
    return made.returned


def stream_async(
    begin: Callable[[], tuple[Execution, Lifecycle[State]]], value_of: Callable[[State], Any]
) -> AsyncGenerator[Any, Any]:
    """Run an async generator function lazily; see `stream`."""
    return stream_awaiting(lambda: _streaming(Stream(), *begin()), value_of)


def inside(stack: ExitStack, lifecycle: Lifecycle[State]) -> Lifecycle[State]:
    """Leave what was entered for a stream when it ends, in the context it was entered in."""
    with stack:
        return (yield from lifecycle)


def _streaming(
    made: Stream, execution: Execution, lifecycle: Lifecycle[State]
) -> tuple[Lifecycle[State], Token]:
    execution.stream = made
    return lifecycle, execution.token
