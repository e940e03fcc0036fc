"""Running a flow on request: a run made before, in a context of another process, in a process of its own.

Reference page: api-ref/python/prefect-flow_engine.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from penstock._engine.context_transfer import hydrated_context, serialize_context
from penstock._engine.drivers import Lifecycle, run_awaiting, run_blocking
from penstock._engine.execute import inside, stream, stream_async
from penstock._engine.flow_lifecycle import flow_lifecycle
from penstock._engine.flow_run import FlowExecution
from penstock._engine.given_task_runs import as_waits
from penstock._engine.parameters import bind, unbind
from penstock._engine.run_logging import patch_print, setup_logging
from penstock._engine.signals import flow_signals
from penstock._flow import Flow, _answer
from penstock._link.client import path_of, store
from penstock._link.session import current_session
from penstock._values.runs import FlowRun
from penstock._values.states import State, StateType
from penstock.exceptions import FlowRunTimeoutError as FlowRunTimeoutError

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess


def load_flow_run(flow_run_id: UUID) -> FlowRun:
    """Return a flow run as the store has it.

    Raises:
        ObjectNotFound: there is no such run.
    """
    return FlowRun.model_validate(store().request("GET", path_of("api", "flow_runs", flow_run_id)))


def load_flow(flow_run: FlowRun) -> Flow[..., Any]:
    """Return the flow of a run of a deployment, as it is found where the deployment says.

    Raises:
        MissingFlowError: nobody says where the flow is. ScriptError: its file raised.
    """
    import os

    from penstock._loading.deployed import load_deployed_flow

    return load_deployed_flow(flow_run.deployment_id, os.environ.get("PENSTOCK__FLOW_ENTRYPOINT"))


def load_flow_and_flow_run(flow_run_id: UUID) -> tuple[FlowRun, Flow[..., Any]]:
    """Return a flow run as the store has it, and its flow.

    Raises:
        ObjectNotFound: there is no such run. MissingFlowError: nobody says where the flow is.
        ScriptError: its file raised.
    """
    flow_run = load_flow_run(flow_run_id)
    return flow_run, load_flow(flow_run)


def run_flow(
    flow: Flow[..., Any],
    flow_run: FlowRun | None = None,
    parameters: Mapping[str, Any] | None = None,
    wait_for: Iterable[Any] | None = None,
    return_type: Literal["state", "result"] = "result",
    error_logger: logging.Logger | None = None,
    context: Mapping[str, Any] | None = None,
) -> Any:
    """Run a flow and return its value; a coroutine of it, when the flow is async, a generator if it is one.

    Args:
        flow: what to run.
        flow_run: a run made before, whose process is gone or that never had one; a new run by default.
        parameters: arguments by name; those of `flow_run` by default.
        wait_for: futures that must complete first.
        return_type: ``"state"`` for the last state, whatever it is.
        error_logger: is told what the flow raised, before it is raised.
        context: from `serialize_context`, to run as if where it was taken.

    Raises:
        whatever the flow raised; Abort when `flow_run` cannot be gone on with.

    Example:
        >>> from penstock import flow
        >>> @flow
        ... def double(x: int) -> int:
        ...     return 2 * x
        >>> run_flow(double, parameters={"x": 2})
        4
    """
    if flow.isgenerator and return_type == "result":
        run = run_generator_flow_async if flow.isasync else run_generator_flow_sync
        return run(flow, flow_run, parameters, wait_for, return_type, context)
    if flow.isasync:
        return _watched(
            run_flow_async(flow, flow_run, parameters, wait_for, return_type, context), error_logger
        )
    with _told_to(error_logger):
        return run_flow_sync(flow, flow_run, parameters, wait_for, return_type, context)


def retry_flow_run(
    flow: Flow[..., Any], flow_run_id: UUID, return_type: Literal["state", "result"] = "state"
) -> Any:
    """Run a flow run that died or failed again, under its own id; a coroutine, when the flow is async.

    Tasks that completed and whose results were persisted are not run again (their keys hold the id of the run, which
    stays). The run keeps its parameters, and counts one more attempt.

    Args:
        flow: the flow, as it is now.
        flow_run_id: of the run.
        return_type: ``"state"`` for the last state, ``"result"`` for the value, raising what the flow raises.

    Raises:
        ObjectNotFound: there is no such run.
        ValueError: it is a run of another flow, or not in a state to be run again; says what to do.
        Abort: its process lives and is not done with it.

    Example:
        >>> retry_flow_run(my_flow, run_id).name
        'Completed'
    """
    run = load_flow_run(flow_run_id)
    if run.flow_name != flow.name:
        raise ValueError(
            f"Flow run {run.name!r} is of flow {run.flow_name!r}, not of {flow.name!r}; give the flow it is of."
        )
    why_not = reason_against_retry(run)
    if why_not:
        raise ValueError(why_not)
    return run_flow(flow, run, return_type=return_type)


def reason_against_retry(run: FlowRun) -> str | None:
    """Return why a flow run cannot be run again, and what to do instead; None when it can."""
    state = run.state
    about = f"Flow run {run.name!r} ({run.id})"
    if state is None:
        return None
    if state.is_paused():
        return f"{about} is {state.name}: answer it with `penstock flow-run resume {run.id}`."
    if state.type is StateType.CANCELLED or state.type is StateType.CANCELLING:
        return f"{about} is {state.name}, and what was cancelled stays so: call the flow for a new run."
    return None


def run_flow_sync(
    flow: Flow[..., Any],
    flow_run: FlowRun | None = None,
    parameters: Mapping[str, Any] | None = None,
    wait_for: Iterable[Any] | None = None,
    return_type: Literal["state", "result"] = "result",
    context: Mapping[str, Any] | None = None,
) -> Any:
    """Run a sync flow in this thread; see `run_flow`."""
    with hydrated_context(context):
        execution = _prepared(flow, flow_run, parameters, wait_for)
        with flow_signals():
            state = run_blocking(flow_lifecycle(execution), execution.token)
        return _answer(state, return_type == "state")


async def run_flow_async(
    flow: Flow[..., Any],
    flow_run: FlowRun | None = None,
    parameters: Mapping[str, Any] | None = None,
    wait_for: Iterable[Any] | None = None,
    return_type: Literal["state", "result"] = "result",
    context: Mapping[str, Any] | None = None,
) -> Any:
    """Run an async flow on the running loop; see `run_flow`."""
    with hydrated_context(context):
        execution = _prepared(flow, flow_run, parameters, wait_for)
        state = await run_awaiting(flow_lifecycle(execution), execution.token)
        return _answer(state, return_type == "state")


def run_generator_flow_sync(
    flow: Flow[..., Any],
    flow_run: FlowRun | None = None,
    parameters: Mapping[str, Any] | None = None,
    wait_for: Iterable[Any] | None = None,
    return_type: Literal["state", "result"] = "result",
    context: Mapping[str, Any] | None = None,
) -> Generator[Any, Any, Any]:
    """Run a generator flow from one value to the next; see `run_flow`. `return_type` makes no difference."""
    return stream(lambda: _begun(flow, flow_run, parameters, wait_for, context), _answer, flow_signals)


def run_generator_flow_async(
    flow: Flow[..., Any],
    flow_run: FlowRun | None = None,
    parameters: Mapping[str, Any] | None = None,
    wait_for: Iterable[Any] | None = None,
    return_type: Literal["state", "result"] = "result",
    context: Mapping[str, Any] | None = None,
) -> AsyncGenerator[Any, Any]:
    """Run an async generator flow from one value to the next; see `run_generator_flow_sync`."""
    return stream_async(lambda: _begun(flow, flow_run, parameters, wait_for, context), _answer)


def _begun(
    flow: Flow[..., Any],
    flow_run: FlowRun | None,
    parameters: Mapping[str, Any] | None,
    wait_for: Iterable[Any] | None,
    context: Mapping[str, Any] | None,
) -> tuple[FlowExecution, Lifecycle[State]]:
    stack = ExitStack()
    stack.enter_context(hydrated_context(context))
    execution = _prepared(flow, flow_run, parameters, wait_for)
    return execution, inside(stack, flow_lifecycle(execution))


def run_flow_in_subprocess(
    flow: Flow[..., Any],
    flow_run: FlowRun | None = None,
    parameters: Mapping[str, Any] | None = None,
    wait_for: Iterable[Any] | None = None,
    context: Mapping[str, Any] | None = None,
) -> SpawnProcess:
    """Start a process that runs a flow, and return it at once.

    Its result is there afterwards when the flow persists it; join the process, or wait for the run by its id.

    Args:
        flow: what to run; a flow of a notebook too.
        flow_run: a run made before; a new one by default.
        parameters: arguments by name.
        wait_for: futures that must complete first; they are waited for here.
        context: from `serialize_context`; the present one by default.

    Example:
        >>> process = run_flow_in_subprocess(my_flow, parameters={"x": 2})
        >>> process.join()
    """
    import multiprocessing

    import cloudpickle

    from penstock._engine.futures import resolve_futures_to_results
    from penstock._engine.inputs import check_wait_for

    check_wait_for(as_waits(wait_for))
    given = dict(resolve_futures_to_results(dict(parameters))) if parameters is not None else None
    carried = serialize_context() if context is None else context
    work = cloudpickle.dumps((flow, flow_run, given, carried))
    process = multiprocessing.get_context("spawn").Process(target=_in_subprocess, args=(work,))
    process.start()
    return process


def _in_subprocess(work: bytes) -> None:
    import asyncio
    import pickle

    from penstock._engine.endings import handle_engine_signals

    flow, flow_run, parameters, context = pickle.loads(work)
    with handle_engine_signals(flow_run.id if flow_run is not None else None):
        running = run_flow(flow, flow_run, parameters, context=context)
        if flow.isasync:
            asyncio.run(running)


def _prepared(
    flow: Flow[..., Any],
    flow_run: FlowRun | None,
    parameters: Mapping[str, Any] | None,
    wait_for: Iterable[Any] | None,
) -> FlowExecution:
    if parameters is None:
        parameters = flow_run.parameters if flow_run is not None else {}
    args, kwargs = unbind(flow.fn, parameters)
    given = bind(flow.fn, args, kwargs, defaults=False)
    execution = FlowExecution.prepare(flow, bind(flow.fn, args, kwargs), given, as_waits(wait_for))
    execution.continues = flow_run.id if flow_run is not None else None
    setup_logging()
    patch_print()
    current_session().store.begin()
    return execution


@contextmanager
def _told_to(logger: logging.Logger | None) -> Iterator[None]:
    try:
        yield
    except Exception:
        if logger is not None:
            logger.exception("The flow run ended with an error")
        raise


async def _watched(running: Any, logger: logging.Logger | None) -> Any:
    with _told_to(logger):
        return await running


__all__ = [
    "FlowRunTimeoutError",
    "load_flow",
    "load_flow_and_flow_run",
    "load_flow_run",
    "reason_against_retry",
    "retry_flow_run",
    "run_flow",
    "run_flow_async",
    "run_flow_in_subprocess",
    "run_flow_sync",
    "run_generator_flow_async",
    "run_generator_flow_sync",
]
