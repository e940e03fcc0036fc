"""Inputs of runs and where they came from. Reference page: api-ref prefect-utilities-engine."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

from penstock._engine.contexts import FlowRunContext, TaskRunContext
from penstock._engine.inputs import link_result, resolve_value, upstream_runs
from penstock._engine.signals import flow_signals
from penstock._values.annotations import allow_failure, quote
from penstock._values.collections import StopVisiting, visit_collection
from penstock._values.run_inputs import FlowRunResult, RunType, TaskRunResult
from penstock._values.states import State
from penstock.exceptions import Abort
from penstock.settings import get_current_settings

#: What was said of states made by hand, which do not name a run.
_run_types: dict[UUID, RunType] = {}


def collect_task_run_inputs_sync(
    expr: Any, future_cls: Any = None, max_depth: int = -1
) -> set[TaskRunResult | FlowRunResult]:
    """Return the runs that something in a value comes from: futures, states, and objects that a run returned.

    Args:
        expr: an argument of a task, say.
        future_cls: accepted as documented; every future of Penstock counts.
        max_depth: how many layers to look into; a negative number for all of them.
    """
    runs = upstream_runs(expr, FlowRunContext.get(), max_depth=max_depth)
    return {
        TaskRunResult(id=UUID(run["id"]))
        if run["input_type"] == "task_run"
        else FlowRunResult(id=UUID(run["id"]))
        for run in runs
    }


async def collect_task_run_inputs(expr: Any, max_depth: int = -1) -> set[TaskRunResult | FlowRunResult]:
    """Return what `collect_task_run_inputs_sync` does."""
    return collect_task_run_inputs_sync(expr, max_depth=max_depth)


def resolve_to_final_result(expr: Any, context: dict[str, Any]) -> Any:
    """Return the value of a future or state, anything else as it is; a visitor for `visit_collection`.

    Args:
        expr: what is visited.
        context: its ``annotation`` says whether failures are let through, and what is quoted.

    Raises:
        UpstreamTaskError: the run did not complete.
    """
    mark = context.get("annotation")
    if isinstance(mark, quote):
        raise StopVisiting
    if isinstance(expr, tuple) and hasattr(expr, "unwrap"):
        return expr
    if isinstance(expr, State) or hasattr(expr, "task_run_id"):
        return resolve_value(expr, tolerant=isinstance(mark, allow_failure))
    return expr


def resolve_inputs_sync(
    parameters: dict[str, Any], return_data: bool = True, max_depth: int = -1
) -> dict[str, Any]:
    """Return the parameters with futures and states in them replaced by their values, annotations taken off.

    Args:
        parameters: by name.
        return_data: when False, only wait for what is upstream; every value is then None.
        max_depth: how many layers to look into; a negative number for all of them.

    Raises:
        UpstreamTaskError: a run did not complete, and is not inside `allow_failure`.
    """
    return {
        name: visit_collection(
            value,
            resolve_to_final_result,
            return_data=return_data,
            max_depth=max_depth,
            context={},
            remove_annotations=True,
        )
        for name, value in parameters.items()
    }


async def resolve_inputs(
    parameters: dict[str, Any], return_data: bool = True, max_depth: int = -1
) -> dict[str, Any]:
    """Return what `resolve_inputs_sync` does; the loop goes on while it waits."""
    from penstock.utilities.asyncutils import run_sync_in_worker_thread

    return await run_sync_in_worker_thread(
        resolve_inputs_sync, parameters, return_data=return_data, max_depth=max_depth
    )


def link_state_to_result(state: State, result: Any, run_type: RunType) -> None:
    """Remember which run an object came from, so that passing it on leaves an edge in the run graph.

    By identity, for the object and what is directly in it, within the current flow run; not for None, numbers,
    text and other objects that Python shares. The objects are kept as long as the flow run.

    Args:
        state: of the run.
        result: what it returned.
        run_type: of a flow or a task.
    """
    details = state.state_details
    if details.task_run_id is None and details.flow_run_id is None:
        _run_types[state.id] = run_type
    link_result(FlowRunContext.get(), result, state)


def link_state_to_flow_run_result(state: State, result: Any) -> None:
    """Remember that an object came from a flow run; see `link_state_to_result`."""
    link_state_to_result(state, result, RunType.FLOW_RUN)


def link_state_to_task_run_result(state: State, result: Any) -> None:
    """Remember that an object came from a task run; see `link_state_to_result`."""
    link_state_to_result(state, result, RunType.TASK_RUN)


def get_state_for_result(obj: Any) -> tuple[State, RunType] | None:
    """Return the state of the run an object came from and what kind of run that was, or None."""
    context = FlowRunContext.get()
    found = context.run_results.get(id(obj)) if context is not None else None
    if context is None or found is None:
        return None
    state = found[1]
    said = RunType.TASK_RUN if state.state_details.task_run_id is not None else RunType.FLOW_RUN
    return state, _run_types.get(state.id, said)


def should_log_prints(flow_or_task: Any) -> bool:
    """Return whether prints become logs: as the flow or task says, else as the run around, else as the settings."""
    if flow_or_task.log_prints is not None:
        return bool(flow_or_task.log_prints)
    context = TaskRunContext.get() or FlowRunContext.get()
    return context.log_prints if context is not None else get_current_settings().logging_log_prints


def capture_sigterm() -> AbstractContextManager[None]:
    """Return a block in which SIGTERM raises `TerminationSignal` in the main thread."""
    return flow_signals()


def propose_state_sync(client: Any, state: State, flow_run_id: UUID, force: bool = False) -> State:
    """Propose a state of a flow run and return what the store made of it: this one, or another it decided on.

    A store that says wait is asked again when the time has come.

    Args:
        client: accepted for compatibility; the workspace's store is asked.
        state: the state to be.
        flow_run_id: whose state.
        force: pass over the rules.

    Raises:
        Abort: the run may not go on to this state; says why.
        ObjectNotFound: there is no such run.
    """
    from penstock._engine.cancellation import token
    from penstock._link.client import path_of, store

    path = path_of("link", "flow_runs", flow_run_id, "propose")
    while True:
        answer = store().request("POST", path, {"state": state.to_json(), "force": force})
        if answer["status"] == "WAIT":
            token().sleep(float(answer["delay_seconds"]))
            continue
        if answer["status"] == "ABORT":
            raise Abort(answer["reason"] or f"Flow run {flow_run_id} may not become {state.name}.")
        decided = State.from_json(answer["state"])
        if decided.id == state.id:
            decided.data = state.data
        return decided


async def propose_state(client: Any, state: State, flow_run_id: UUID, force: bool = False) -> State:
    """Async twin of `propose_state_sync`."""
    import asyncio

    return await asyncio.to_thread(propose_state_sync, client, state, flow_run_id, force)


__all__ = [
    "capture_sigterm",
    "collect_task_run_inputs",
    "collect_task_run_inputs_sync",
    "get_state_for_result",
    "link_state_to_flow_run_result",
    "link_state_to_result",
    "link_state_to_task_run_result",
    "propose_state",
    "propose_state_sync",
    "resolve_inputs",
    "resolve_inputs_sync",
    "resolve_to_final_result",
    "should_log_prints",
]
