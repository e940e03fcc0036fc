"""Asking for a run of a deployment, and waiting for it. Reference page: api-ref prefect-deployments-flow_runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from penstock._engine.contexts import FlowRunContext
from penstock._engine.flow_run import Marker
from penstock._engine.inputs import resolve
from penstock._engine.parameters import to_json
from penstock._engine.runner_port import make_run
from penstock._engine.stored_futures import with_result
from penstock._engine.task_run import TaskExecution
from penstock._engine.waiting import follow
from penstock._link.client import path_of, store
from penstock._values.awaited import call_is_awaited
from penstock._values.runs import FlowRun
from penstock._values.states import State, utc_now


def run_deployment(
    name: str | UUID,
    client: Any = None,
    parameters: Mapping[str, Any] | None = None,
    scheduled_time: datetime | None = None,
    flow_run_name: str | None = None,
    timeout: float | None = None,
    poll_interval: float | None = 5,
    tags: Iterable[str] | None = None,
    idempotency_key: str | None = None,
    work_queue_name: str | None = None,
    as_subflow: bool | None = True,
    job_variables: Mapping[str, Any] | None = None,
) -> FlowRun:
    """Make a run of a deployment, wait for its end and return it; may be awaited.

    Somebody has to serve the deployment. Inside a flow the run is shown as a child of it.

    Args:
        name: ``"flow/deployment"``, or the deployment's id.
        client: accepted for compatibility.
        parameters: on top of the deployment's; may hold futures.
        scheduled_time: when it is due; now by default.
        flow_run_name: a name for the run.
        timeout: seconds to wait; 0 returns at once, None waits for ever. A run that has not ended in time is
            returned as it is.
        poll_interval: accepted for compatibility; the end is heard of at once.
        tags: on top of the deployment's.
        idempotency_key: the same key gives the same run.
        work_queue_name: instead of the deployment's.
        as_subflow: show it below the flow run that is active here.
        job_variables: on top of the deployment's.

    Raises:
        ObjectNotFound: there is no such deployment. StoreRefused: the parameters do not fit its schema.

    Example:
        >>> run_deployment("report/nightly", parameters={"day": "2026-01-01"}).state  # doctest: +SKIP
    """
    given = {
        "name": flow_run_name,
        "tags": list(tags) if tags is not None else None,
        "idempotency_key": idempotency_key,
        "work_queue_name": work_queue_name,
        "job_variables": dict(job_variables) if job_variables is not None else None,
    }
    work = partial(_run, name, dict(parameters or {}), scheduled_time, given, timeout, bool(as_subflow))
    if call_is_awaited():
        return asyncio.to_thread(work)  # type: ignore[return-value]  # who awaits gets what can be awaited
    return work()


async def arun_deployment(name: str | UUID, **options: Any) -> FlowRun:
    """Async twin of `run_deployment`."""
    return await asyncio.to_thread(partial(run_deployment, name, **options))


def _run(
    name: str | UUID,
    parameters: dict[str, Any],
    when: datetime | None,
    given: dict[str, Any],
    timeout: float | None,
    as_subflow: bool,
) -> FlowRun:
    deployment = _deployment(name)
    marker = _marker(deployment, parameters) if as_subflow else None
    details = {"scheduled_time": (when or utc_now()).isoformat()}
    body = {key: value for key, value in given.items() if value is not None}
    body |= {
        "parameters": to_json(resolve(parameters)),
        "state": {"type": "SCHEDULED", "state_details": details},
    }
    if marker is not None:
        body["parent_task_run_id"] = str(marker.task_run.id)
    path = path_of("api", "deployments", deployment["id"], "create_flow_run")
    run = FlowRun.model_validate(store().request("POST", path, body))
    state = follow(run.id, timeout)
    if marker is not None:
        mirror(marker, state, run.id)
    run = FlowRun.model_validate(store().request("GET", path_of("api", "flow_runs", run.id)))
    if run.state is not None:
        run.state = with_result(run.state, "flow_run", run.id)
    return run


def _deployment(name: str | UUID) -> dict[str, Any]:
    try:
        path = path_of("api", "deployments", UUID(str(name)))
    except ValueError:
        flow, slash, own = str(name).partition("/")
        if not slash:
            raise ValueError(
                f"{name!r} names no deployment: write 'flow name/deployment name', or its id."
            ) from None
        path = path_of("api", "deployments", "name", flow, own)
    found: dict[str, Any] = store().request("GET", path)
    return found


def _marker(deployment: Mapping[str, Any], parameters: dict[str, Any]) -> TaskExecution | None:
    """Return the task run that stands for the run in the flow run that is active here."""
    if FlowRunContext.get() is None:
        return None
    flow = store().request("GET", path_of("api", "flows", deployment["flow_id"]))
    stand_in = SimpleNamespace(name=flow["name"], fn=_nothing, log_prints=None)
    return make_run(Marker(stand_in), parameters, None, runner=None)


def _nothing(**_: Any) -> None:
    """Stand for the function of a flow that is elsewhere."""


def mirror(marker: TaskExecution, state: State, run_id: UUID) -> None:
    """Show the state of a flow run on the task run that stands for it in the flow run that asked."""
    copy = state.fresh_copy()
    copy.state_details.child_flow_run_id = run_id
    marker.enter(copy)
