"""Deployments, their schedules and their runs. Reference pages: rest-api/server/deployments."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from penstock._rules.schedule_dates import dates
from penstock._store import deployment_runs, deployments
from penstock._store.core import Core
from penstock._store.deployment_bodies import (
    DeploymentCreate,
    DeploymentFlowRunCreate,
    DeploymentUpdate,
    ScheduleCreate,
    ScheduledFlowRuns,
    ScheduleUpdate,
    ScheduleWindow,
)
from penstock._store.routes.flow_runs import read_flow_run
from penstock._store.routes.kinds import DEPLOYMENTS_LISTED, show_flow_runs
from penstock._store.routes.transitions import state_of_body
from penstock._store.routes.web import Answer, Ask, Route, uuid_of
from penstock._store.shape import models_of
from penstock._store.show import deployment as show
from penstock._store.show import deployment_schedule
from penstock._values.schedules import read_schedule
from penstock._values.states import State, StateDetails, StateType

_EMPTY_SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}


def create(ask: Ask) -> Answer:
    """Make a deployment, or bring the one of this flow and name up to date."""
    body = ask.read(DeploymentCreate)
    sent = body.sent()
    defaults = body.model_dump(mode="json", exclude={"schedules"})
    defaults["parameter_openapi_schema"] = defaults["parameter_openapi_schema"] or _EMPTY_SCHEMA
    identity, is_new = ask.call(lambda core: deployments.upsert(core, sent, defaults))
    return 201 if is_new else 200, _read(ask, identity)


def read(ask: Ask) -> Answer:
    """Read a deployment."""
    return 200, _read(ask, ask.id())


def read_by_name(ask: Ask) -> Answer:
    """Read the deployment of a flow's name and its own."""
    flow, name = ask.path["flow_name"], ask.path["name"]
    return 200, _read(ask, ask.call(lambda core: deployments.by_name(core, flow, name)["id"]))


def update(ask: Ask) -> Answer:
    """Change the fields that were sent."""
    identity, sent = ask.id(), ask.read(DeploymentUpdate).sent()
    ask.call(lambda core: deployments.update(core, identity, sent))
    return 204, None


def delete(ask: Ask) -> Answer:
    """Delete a deployment and its runs that have not begun."""
    identity = ask.id()
    ask.call(lambda core: deployments.delete(core, identity))
    return 204, None


def _pause(*, paused: bool) -> Callable[[Ask], Answer]:
    def change(ask: Ask) -> Answer:
        identity = ask.id()
        ask.call(lambda core: deployments.pause(core, identity, paused=paused))
        return 200, None

    change.__doc__ = f"{'Stop' if paused else 'Start'} the schedules of a deployment."
    return change


def create_flow_run(ask: Ask) -> Answer:
    """Make a run of a deployment, due now unless its state says otherwise."""
    identity, body = ask.id(), ask.read(DeploymentFlowRunCreate)
    sent = {**body.sent(), "name": body.name}
    if body.state is not None:
        state = state_of_body(body.state)
    else:
        state = State(StateType.SCHEDULED, state_details=StateDetails(scheduled_time=datetime.now(UTC)))

    def make(core: Core) -> tuple[str, bool]:
        found = deployments.find(core, identity)
        deployment_runs.checked_parameters(found, body.parameters, enforce=body.enforce_parameter_schema)
        return deployment_runs.create(core, found, sent, state)

    run_id, is_new = ask.call(make)
    return 201 if is_new else 200, read_flow_run(ask, run_id)


def scheduled_flow_runs(ask: Ask) -> Answer:
    """List the runs of deployments that are due, the earliest first; the deployments are ready from now on."""
    body = ask.read(ScheduledFlowRuns)
    before = body.scheduled_before or datetime.now(UTC)
    ids = [str(one) for one in body.deployment_ids]
    found = ask.call(lambda core: [run.id for run in deployments.due(core, ids, before, body.limit)])
    rows = ask.records("FROM runs WHERE id IN (SELECT unnest(?::UUID[]))", [found])
    shown = {one["id"]: one for one in show_flow_runs(ask, rows)}
    return 200, [shown[run_id] for run_id in found if run_id in shown]


def schedule_now(ask: Ask) -> Answer:
    """Make the runs of a deployment's schedules in a window, which may be in the past."""
    identity, body = ask.id(), ask.read(ScheduleWindow)
    start = body.start_time or datetime.now(UTC)
    end = body.end_time or start + timedelta(days=100)
    most = 100 if body.max_runs is None else body.max_runs
    least, span = body.min_runs or 0, timedelta(seconds=body.min_time or 0)
    schedules = ask.call(lambda core: list(deployments.find(core, identity)["schedules"]))
    for schedule in schedules:
        moments: list[datetime] = []
        for moment in dates(read_schedule(schedule["schedule"]), start, end):
            bounded = body.end_time is None and (body.min_runs is not None or body.min_time is not None)
            enough = bounded and len(moments) >= least and moment > start + span
            if len(moments) >= most or enough:
                break
            moments.append(moment)
        ask.call(_planning(identity, schedule["id"], moments))
    return 200, None


def _planning(identity: str, schedule_id: str, moments: list[datetime]) -> Callable[[Core], int]:
    return lambda core: deployment_runs.plan(core, identity, schedule_id, moments)


def schedules(ask: Ask) -> Answer:
    """List the schedules of a deployment."""
    return 200, _read(ask, ask.id())["schedules"]


def add_schedules(ask: Ask) -> Answer:
    """Give a deployment more schedules."""
    identity = ask.id()
    sent = [one.sent() for one in models_of(ScheduleCreate, ask.body)]
    made = ask.call(lambda core: deployments.add_schedules(core, identity, sent))
    return 201, [deployment_schedule(one, identity) for one in made]


def update_schedule(ask: Ask) -> Answer:
    """Change what was sent of a schedule."""
    identity, schedule_id = ask.id(), uuid_of(ask.path["schedule"], "schedule")
    sent = ask.read(ScheduleUpdate).sent()
    ask.call(lambda core: deployments.update_schedule(core, identity, schedule_id, sent))
    return 204, None


def delete_schedule(ask: Ask) -> Answer:
    """Delete a schedule."""
    identity, schedule_id = ask.id(), uuid_of(ask.path["schedule"], "schedule")
    ask.call(lambda core: deployments.delete_schedule(core, identity, schedule_id))
    return 204, None


def _read(ask: Ask, identity: str) -> dict[str, Any]:
    def look(core: Core) -> dict[str, Any]:
        return show(deployments.find(core, identity), core.polled.get(identity))

    return ask.call(look)


_ONE = "/deployments/{id}"
_SCHEDULES = {"type": "array", "items": "DeploymentSchedule"}
ROUTES = [
    Route("POST", "/deployments/", create, DeploymentCreate, "DeploymentResponse", 201),
    *DEPLOYMENTS_LISTED.routes("/deployments"),
    Route(
        "POST",
        "/deployments/get_scheduled_flow_runs",
        scheduled_flow_runs,
        ScheduledFlowRuns,
        {"type": "array", "items": "FlowRunResponse"},
    ),
    Route("GET", "/deployments/name/{flow_name}/{name}", read_by_name, answer="DeploymentResponse"),
    Route("GET", _ONE, read, answer="DeploymentResponse"),
    Route("PATCH", _ONE, update, DeploymentUpdate, status=204),
    Route("DELETE", _ONE, delete, status=204),
    Route("POST", f"{_ONE}/schedule", schedule_now, ScheduleWindow),
    Route("POST", f"{_ONE}/pause_deployment", _pause(paused=True)),
    Route("POST", f"{_ONE}/resume_deployment", _pause(paused=False)),
    Route(
        "POST", f"{_ONE}/create_flow_run", create_flow_run, DeploymentFlowRunCreate, "FlowRunResponse", 201
    ),
    Route("GET", f"{_ONE}/schedules", schedules, answer=_SCHEDULES),
    Route(
        "POST",
        f"{_ONE}/schedules",
        add_schedules,
        {"type": "array", "items": ScheduleCreate},
        _SCHEDULES,
        201,
    ),
    Route("PATCH", _ONE + "/schedules/{schedule}", update_schedule, ScheduleUpdate, status=204),
    Route("DELETE", _ONE + "/schedules/{schedule}", delete_schedule, status=204),
]
