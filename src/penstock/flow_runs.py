"""Pausing and resuming flow runs. Reference pages: advanced/interactive, api-ref/python/prefect-flow_runs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from penstock._engine.contexts import FlowRunContext
from penstock._engine.pauses import pause
from penstock._engine.suspension import suspend
from penstock._engine.waiting import wait_for_end
from penstock._link.client import path_of, store
from penstock._values.runs import FlowRun
from penstock.exceptions import NotPausedError


async def wait_for_flow_run(
    flow_run_id: UUID,
    timeout: float | None = 10800,
    poll_interval: float | None = None,
    client: Any = None,
    log_states: bool = False,
) -> FlowRun:
    """Wait until a flow run has ended, wherever it runs, and return it.

    Args:
        flow_run_id: which run.
        timeout: seconds to wait; None waits for ever.
        poll_interval: accepted for compatibility; the end is heard of at once.
        client: accepted for compatibility.
        log_states: log each state that is seen.

    Raises:
        FlowRunWaitTimeout: it has not ended in time.
        ObjectNotFound: there is no such run.

    Example:
        >>> run = await wait_for_flow_run(run_id)  # doctest: +SKIP
        >>> run.state.name  # doctest: +SKIP
        'Completed'
    """
    import asyncio

    return await asyncio.to_thread(wait_for_end, flow_run_id, timeout, log_states=log_states)


def pause_flow_run(
    wait_for_input: Any = None,
    timeout: float | None = 3600,
    poll_interval: float = 10,
    key: str | None = None,
) -> Any:
    """Pause the flow run that is active here until somebody resumes it; return the input, if one was asked for.

    In an async flow the result is awaitable.

    Args:
        wait_for_input: a type or pydantic model to be filled in; the answer comes back as such a value.
        timeout: seconds until the run fails for want of an answer.
        poll_interval: accepted for compatibility; an answer arrives within milliseconds.
        key: identity of the pause within the run, passed once; the Nth pause is N by default.

    Raises:
        FlowPauseTimeout: nobody answered in time.
        UnansweredPause: nobody is here to answer and no answer is declared; the run stays Paused.
        MissingContextError: called outside a flow.

    Example:
        >>> @flow
        ... def report():
        ...     threshold = pause_flow_run(wait_for_input=int)
    """
    context = FlowRunContext.get()
    if context is not None and context.flow.isasync:
        return apause_flow_run(wait_for_input, timeout, poll_interval, key)
    return pause(wait_for_input, timeout, key)


async def apause_flow_run(
    wait_for_input: Any = None,
    timeout: float | None = 3600,
    poll_interval: float = 10,
    key: str | None = None,
) -> Any:
    """Async twin of `pause_flow_run`."""
    import asyncio
    from contextvars import copy_context
    from functools import partial

    work: Any = partial(copy_context().run, pause, wait_for_input, timeout, key)
    return await asyncio.get_running_loop().run_in_executor(None, work)


def suspend_flow_run(
    wait_for_input: Any = None,
    flow_run_id: UUID | None = None,
    timeout: float | None = 3600,
    key: str | None = None,
    client: Any = None,
) -> Any:
    """Suspend a flow run: its process ends, and a runner or worker starts it again when somebody resumes it.

    It needs a deployment. It runs from the top then: tasks with persisted results are not run again, and this call
    returns the answer. Another run, given by id, is left by its process where its next task would begin; what has
    begun runs to its end. In an async flow the result is awaitable.

    Args:
        wait_for_input: a type or pydantic model to be filled in; the answer comes back as such a value.
        flow_run_id: which run; the one that is active here by default.
        timeout: seconds until the run can no longer be resumed and fails.
        key: identity of the suspension within the run, passed once; the Nth pause is N by default.
        client: accepted for compatibility.

    Raises:
        Abort: the run has no deployment, is a child of another one, or is not running.
        Pause: the run was suspended; the engine ends the process, nobody needs to catch it.
        MissingContextError: no run is active here and none was given.

    Example:
        >>> @flow(persist_result=True)
        ... def report():
        ...     approved = suspend_flow_run(wait_for_input=bool)
    """
    context = FlowRunContext.get()
    if context is not None and context.flow.isasync:
        return asuspend_flow_run(wait_for_input, flow_run_id, timeout, key, client)
    return suspend(wait_for_input, flow_run_id, timeout, key)


async def asuspend_flow_run(
    wait_for_input: Any = None,
    flow_run_id: UUID | None = None,
    timeout: float | None = 3600,
    key: str | None = None,
    client: Any = None,
) -> Any:
    """Async twin of `suspend_flow_run`."""
    return suspend(wait_for_input, flow_run_id, timeout, key)


def resume_flow_run(flow_run_id: UUID | str, run_input: dict[str, Any] | None = None) -> None:
    """Resume a paused flow run.

    Args:
        flow_run_id: which run.
        run_input: the answer, field by field, when the pause asks for one.

    Raises:
        NotPausedError: it is not paused, or the answer was refused (says why; nothing has changed).
        ObjectNotFound: there is no such run.
    """
    body = {} if run_input is None else {"run_input": run_input}
    answer = store().request("POST", path_of("api", "flow_runs", flow_run_id, "resume"), body)
    if answer["status"] != "ACCEPT":
        reason = (answer.get("details") or {}).get("reason") or "it is not paused"
        raise NotPausedError(f"Cannot resume flow run {flow_run_id}: {reason}")


async def aresume_flow_run(flow_run_id: UUID | str, run_input: dict[str, Any] | None = None) -> None:
    """Async twin of `resume_flow_run`."""
    import asyncio

    await asyncio.to_thread(resume_flow_run, flow_run_id, run_input)


__all__ = [
    "apause_flow_run",
    "aresume_flow_run",
    "asuspend_flow_run",
    "pause_flow_run",
    "resume_flow_run",
    "suspend_flow_run",
    "wait_for_flow_run",
]
