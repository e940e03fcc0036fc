"""Runs of deployments: made on request or for a schedule, and given to runners. Runs on the writer thread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from penstock._journal.liveness import is_alive
from penstock._rules.scheduling import run_key
from penstock._store import decisions, deployments, pools
from penstock._store.core import Core
from penstock._store.deployments import Deployment
from penstock._store.due_runs import has_room
from penstock._store.live import LiveRun
from penstock._store.requests import refusal
from penstock._values.states import State, StateDetails, StateType

#: Fields of a run that have no column of their own.
_ELSEWHERE = ("context", "job_variables", "work_queue_name")


def create(core: Core, deployment: Deployment, sent: Mapping[str, Any], state: State) -> tuple[str, bool]:
    """Make a run of a deployment, or return the one that has this idempotency key.

    Args:
        core: the writer.
        deployment: whose run it is.
        sent: the fields of the request; tags and parameters come on top of the deployment's.
        state: its first one.
    """
    key = sent.get("idempotency_key")
    if key is not None and (known := _known(core, deployment, [key])):
        return known[key], False
    flow_name = next(name for name, flow in core.flow_ids.items() if flow == deployment["flow_id"])
    body = {
        "name": sent.get("name"),
        "flow_id": deployment["flow_id"],
        "flow_name": flow_name,
        "flow_version": deployment["version"],
        "deployment_id": deployment["id"],
        "parameters": {**deployment["parameters"], **(sent.get("parameters") or {})},
        "tags": sorted({*deployment["tags"], *(sent.get("tags") or ())}),
        "idempotency_key": key,
        "parent_task_run_id": sent.get("parent_task_run_id"),
    }
    system = {"prefect.flow.id": deployment["flow_id"], "prefect.deployment.id": deployment["id"]}
    more = {name: sent[name] for name in _ELSEWHERE if sent.get(name)}
    more["labels"] = {**system, **deployment["labels"], **(sent.get("labels") or {})}
    more |= _placement(core, deployment, more.get("work_queue_name"))
    more["deployment_version"] = deployment["version"]
    more |= {name: sent[name] for name in ("auto_scheduled", "created_by") if sent.get(name)}
    run, _ = decisions.create(core, body, state, more={k: v for k, v in more.items() if v is not None})
    return run.id, True


def _placement(core: Core, deployment: Deployment, queue_name: str | None) -> Mapping[str, Any]:
    """Return where a run waits.

    Raises:
        Refused: 400, a queue is wanted and there is no pool it could be of.
    """
    pool = deployment["work_pool_name"]
    if pool is None and queue_name is not None:
        text = f"Deployment {deployment['name']!r} has no work pool, so its runs cannot wait in queue {queue_name!r}."
        raise refusal(400, text)
    return pools.placement(core, pool, queue_name or deployment["work_queue_name"])


def plan(core: Core, deployment_id: str, schedule_id: str, moments: Iterable[datetime]) -> int:
    """Make the runs of a schedule that are not there yet; returns how many.

    A deployment that was paused, changed or deleted since the moments were computed gets none: it is looked at again.
    """
    deployment = core.documents.of(deployments.KIND).get(deployment_id)
    schedule = next((s for s in (deployment or {}).get("schedules", ()) if s["id"] == schedule_id), None)
    if deployment is None or schedule is None or not schedule["active"] or deployment["paused"]:
        return 0
    wanted = {run_key(deployment_id, schedule_id, moment): moment for moment in moments}
    known = _known(core, deployment, wanted)
    label = schedule["slug"] or _kind(schedule["schedule"])
    for key, moment in wanted.items():
        if key in known:
            continue
        sent = {
            "parameters": schedule["parameters"],
            "tags": ["auto-scheduled"],
            "idempotency_key": key,
            "auto_scheduled": True,
            "created_by": {"id": schedule_id, "type": "SCHEDULE", "display_value": label},
        }
        details = StateDetails(scheduled_time=moment.astimezone(UTC))
        message = "Flow run scheduled"
        create(core, deployment, sent, State(StateType.SCHEDULED, message=message, state_details=details))
    return len(wanted.keys() - known.keys())


def take(core: Core, run_id: str, client: str) -> dict[str, Any] | None:
    """Give a scheduled run to a runner, as Pending; None when it is not to be had.

    Args:
        core: the writer.
        run_id: which run.
        client: the process that starts it. Until another one adopts it, it goes back when this one dies.
    """
    run = core.run(run_id)
    if run.owner == client and run.state is not None and run.state.type is StateType.PENDING:
        return _shown(run)  # the answer was lost on its way
    if run.state is None or run.state.type is not StateType.SCHEDULED or is_alive(core.journals, run.owner):
        return None
    if not has_room(core, run):
        return None
    if decisions.propose(core, run_id, State(StateType.PENDING)).decision.status != "ACCEPT":
        return None
    core.emit("flow_run", {"id": run_id, "client": client, "adopted": True})
    return _shown(run)


def give_back(core: Core, run: LiveRun, message: str) -> bool:
    """Schedule a run again that its runner had taken and not begun; False when it is not such a run."""
    state = run.state
    fresh = state is not None and state.type is StateType.PENDING and run.run_count == 0
    has_runner = run.body.get("deployment_id") is not None or run.body.get("work_pool_name") is not None
    if not fresh or state is None or not has_runner:
        return False
    details = StateDetails(scheduled_time=state.state_details.scheduled_time or state.timestamp)
    decisions.enter(core, run, State(StateType.SCHEDULED, message=message, state_details=details))
    return True


def _shown(run: LiveRun) -> dict[str, Any]:
    names = (
        "name",
        "flow_id",
        "flow_name",
        "deployment_id",
        "job_variables",
        "work_pool_name",
        "work_queue_name",
    )
    return {"id": run.id, **{name: run.body.get(name) for name in names}}


def _known(core: Core, deployment: Deployment, keys: Iterable[str]) -> dict[str, str]:
    """Return the runs of a deployment's flow that have one of these idempotency keys, by key."""
    wanted = list(keys)
    flow_id = deployment["flow_id"]
    found = {
        run.body["idempotency_key"]: run.id
        for run in core.runs.values()
        if run.body.get("flow_id") == flow_id and run.body.get("idempotency_key") in set(wanted)
    }
    sql = (
        "SELECT idempotency_key, id FROM raw.flow_run WHERE flow_id = ? AND idempotency_key IN (SELECT unnest(?)) "
        "AND id NOT IN (SELECT id FROM raw.deleted)"
    )
    for key, run_id in core.database.read(sql, [flow_id, wanted]):
        if ("gone", str(run_id)) not in core.fresh:
            found.setdefault(key, str(run_id))
    return found


def _kind(schedule: Mapping[str, Any]) -> str:
    if schedule.get("cron"):
        return "CronSchedule"
    return "IntervalSchedule" if schedule.get("interval") else "RRuleSchedule"


def checked_parameters(deployment: Deployment, sent: Mapping[str, Any], *, enforce: bool | None) -> None:
    """Do nothing when the parameters of a run fit the schema of its deployment, or need not.

    Raises:
        Refused: 409, they do not fit.
    """
    schema = deployment["parameter_openapi_schema"]
    wanted = deployment["enforce_parameter_schema"] if enforce is None else enforce
    if not wanted or not schema:
        return
    from jsonschema import Draft202012Validator

    found = {**deployment["parameters"], **sent}
    errors = sorted(Draft202012Validator(schema).iter_errors(found), key=lambda error: list(error.path))
    if errors:
        where = ".".join(str(part) for part in errors[0].path)
        text = f"The parameters do not fit deployment {deployment['name']!r}: {where + ': ' if where else ''}{errors[0].message}"
        raise refusal(409, text)
