"""Handing a flow over to a work pool: its bundle goes into a storage, its run into the store.

What cannot travel is found before anything is recorded. The run is shown below the flow run that asked for it, by a
task run that mirrors its states.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from penstock._deploying.bundles import (
    BUNDLE_VARIABLE,
    create_bundle_for_flow_run,
    put_bundle,
)
from penstock._deploying.running import mirror
from penstock._engine.contexts import FlowRunContext, TagsContext
from penstock._engine.flow_run import Marker
from penstock._engine.inputs import check_wait_for, resolve
from penstock._engine.naming import render
from penstock._engine.parameters import bind, to_json, validate
from penstock._engine.runner_port import make_run
from penstock._engine.signatures import with_owner
from penstock._engine.stored_futures import PenstockFlowRunFuture
from penstock._engine.task_run import TaskExecution
from penstock._flow import Flow
from penstock._ids import generate_slug, new_id
from penstock._link.session import current_session
from penstock._results.filesystems import LocalFileSystem
from penstock._results.places import LocalFolder
from penstock._results.storages import default_storage, place_of
from penstock._values.runs import FlowRun
from penstock._values.states import State, StateType

#: What a run of a flow that is bound to infrastructure returns is only to be had from a storage.
_NOT_KEPT = (
    "Flow {name!r} has persist_result=False, so what it returns elsewhere could not be had here. Leave persist_result "
    "out, or set it to True."
)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a flow that is to happen elsewhere: what was given, and what it comes to."""

    flow: Flow[..., Any]
    given: dict[str, Any]
    parameters: dict[str, Any]
    wait_for: tuple[Any, ...]

    @classmethod
    def of(
        cls,
        flow: Flow[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        wait_for: Iterable[Any] | None = None,
    ) -> Call:
        """Bind the arguments of a call, and wait for what they depend on.

        Raises:
            ParameterBindError, ParameterTypeError: they do not fit the flow.
            UpstreamTaskError: one comes from a run that did not complete.
        """
        given = bind(flow.fn, args, kwargs, defaults=False)
        return cls.of_given(flow, given, bind(flow.fn, args, kwargs), tuple(wait_for or ()))

    @classmethod
    def of_given(
        cls,
        flow: Flow[..., Any],
        given: dict[str, Any],
        parameters: Mapping[str, Any],
        wait_for: tuple[Any, ...] = (),
    ) -> Call:
        """Wait for what the arguments depend on; see `of`."""
        check_wait_for(wait_for)
        resolved = resolve(parameters)
        if flow.should_validate_parameters:
            validate(flow.fn, {name: resolved[name] for name in given})
        return cls(flow, given, resolved, wait_for)


@dataclass(frozen=True, slots=True)
class Submitted:
    """A run that was handed over."""

    run: FlowRun
    future: PenstockFlowRunFuture[Any]


def submit(
    call: Call, pool: str, job_variables: Mapping[str, Any], *, worker: str | None = None
) -> Submitted:
    """Record a run of a flow in a work pool, with its bundle where the pool's workers find it.

    Args:
        call: of which flow, with which arguments.
        pool: the name of the work pool.
        job_variables: on top of the pool's defaults.
        worker: the process that starts the run itself; by default it waits for a worker of the pool.

    Raises:
        ObjectNotFound: there is no such work pool. ValueError: the flow keeps its results to itself.
        SerializationError: the flow cannot be sent. ConfigurationError: its storage is not to be reached by others.
    """
    flow, storage = _travelling(call.flow)
    marker = None
    waits = worker is None
    state = State(StateType.SCHEDULED if waits else StateType.PENDING)
    if waits:
        state.state_details.scheduled_time = state.timestamp
    run = FlowRun(
        id=new_id(),
        name=render(flow.flow_run_name, with_owner(flow.fn, call.parameters), what=f"flow {flow.name!r}")
        or generate_slug(),
        tags=sorted(TagsContext.tags()),
        flow_id=new_id(),
        flow_name=flow.name,
        flow_version=flow.version,
        work_pool_name=pool,
    )
    url = put_bundle(create_bundle_for_flow_run(flow, run, parameters=call.parameters), storage)
    variables = {**job_variables, "env": {**(job_variables.get("env") or {}), BUNDLE_VARIABLE: url}}
    if FlowRunContext.get() is not None:
        marker = make_run(Marker(flow), call.given, call.wait_for, runner=None)
        run.parent_task_run_id = marker.task_run.id
    body = {
        "id": str(run.id),
        "flow_id": str(run.flow_id),
        "flow_name": run.flow_name,
        "name": run.name,
        "parameters": to_json(call.parameters),
        "tags": run.tags,
        "flow_version": run.flow_version,
        "parent_task_run_id": str(run.parent_task_run_id) if run.parent_task_run_id else None,
        "client": worker,
    }
    request = {"run": body, "state": state.to_json(), "pool": {"name": pool, "job_variables": variables}}
    try:
        current_session().store.request("POST", "/link/flow_runs", request)
    except Exception as error:
        if marker is not None:
            marker.enter(State(StateType.FAILED, message=f"The run could not be made: {error}"))
        raise
    run.job_variables = variables
    future: PenstockFlowRunFuture[Any] = PenstockFlowRunFuture(run.id)
    if marker is not None:
        future.add_done_callback(partial(_show_end, marker))
    return Submitted(run, future)


def _show_end(marker: TaskExecution, ended: PenstockFlowRunFuture[Any]) -> None:
    mirror(marker, ended.state, ended.flow_run_id)


def _travelling(flow: Flow[..., Any]) -> tuple[Flow[..., Any], Any]:
    """Return a flow that keeps its results where this side reads them, and that storage.

    A folder is named by its whole path: what is relative means another place where another process works.

    Raises:
        ValueError: the flow is not to keep its results.
    """
    if flow.persist_result is False:
        raise ValueError(_NOT_KEPT.format(name=flow.name))
    storage = flow.result_storage if flow.result_storage is not None else default_storage()
    place = place_of(storage)
    if isinstance(place, LocalFolder):
        storage = LocalFileSystem(basepath=str(place.folder))
    return flow.with_options(persist_result=True, result_storage=storage), storage
