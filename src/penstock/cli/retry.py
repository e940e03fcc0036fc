"""``penstock flow-run retry``."""

from __future__ import annotations

import asyncio
from inspect import isawaitable
from typing import Annotated, Any
from uuid import UUID

import typer

from penstock.cli.ask import Record, fail, flow_run, request
from penstock.exceptions import Abort


def retry(
    run: Annotated[str, typer.Argument(metavar="ID", help="The run, by its id or its name.")],
    entrypoint: Annotated[
        str | None, typer.Option("--entrypoint", "-e", help="Where the flow is: path/to/file.py:function.")
    ] = None,
) -> None:
    """Run a flow run that died or failed again; completed tasks with persisted results are not run again.

    A run of a deployment is scheduled, for a worker; any other one runs here, and needs its entrypoint.
    """
    found = _found(run)
    if entrypoint is not None:
        _run_here(found, entrypoint)
    elif found["deployment_id"] is not None:
        _schedule(found)
    else:
        fail(
            f"Flow run {found['name']!r} has no deployment, so it runs again here: say where its flow is, with "
            "--entrypoint path/to/file.py:function. A script goes on with it by "
            f"PENSTOCK__FLOW_RUN_ID={found['id']} python script.py"
        )


def _found(run: str) -> Record:
    try:
        return flow_run(str(UUID(run)))
    except ValueError:
        pass  # a name
    named = request("POST", "/api/flow_runs/filter", {"flow_runs": {"name": {"any_": [run]}}, "limit": 2})
    if not named:
        fail(f"There is no flow run with the id or name {run!r}.")
    if len(named) > 1:
        fail(f"Several flow runs are called {run!r}: give the id (penstock flow-run ls).")
    only: Record = named[0]
    return only


def _run_here(found: Record, entrypoint: str) -> None:
    from penstock._loading.flows import load_flow_from_entrypoint
    from penstock.flow_engine import retry_flow_run

    try:
        flow = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
    except Exception as error:
        fail(f"The flow at {entrypoint!r} cannot be loaded: {error!r}")
    try:
        state: Any = retry_flow_run(flow, UUID(found["id"]))
        if isawaitable(state):
            state = asyncio.run(_awaited(state))
    except (ValueError, Abort) as error:
        fail(str(error))
    if not state.is_completed():
        fail(f"Flow run {found['name']!r} ended again in state {state.name}: {state.message}")
    print(f"Flow run {found['name']!r} ended in state {state.name}.")


async def _awaited(running: Any) -> Any:
    return await running


def _schedule(found: Record) -> None:
    body = {"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}}
    answer = request("POST", f"/api/flow_runs/{found['id']}/set_state", body)
    if answer["status"] != "ACCEPT":
        reason = answer["details"].get("reason")
        fail(f"Flow run {found['name']!r} was not scheduled again: {reason}")
    print(f"Flow run {found['name']!r} is scheduled; a worker of its deployment will run it.")
