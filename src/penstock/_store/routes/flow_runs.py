"""Flow runs: create, read, list, change, delete. Reference pages: rest-api/server/flow-runs."""

from __future__ import annotations

from typing import Any

from penstock._store import changes, decisions, pools
from penstock._store.bodies import FlowRunCreate, FlowRunUpdate
from penstock._store.core import Core
from penstock._store.history import NAMES, SCHEMA, history
from penstock._store.measures import LATENESS
from penstock._store.pages import BULK_LIMIT
from penstock._store.requests import refusal
from penstock._store.routes.kinds import FLOW_RUNS_LISTED, show_flow_runs
from penstock._store.routes.transitions import state_of_body
from penstock._store.routes.web import Answer, Ask, Route, missing, now
from penstock._values.states import State, StateType

#: Fields of a flow run with a column of their own; the others are kept as changes.
_COLUMNS = (
    "name",
    "parameters",
    "tags",
    "flow_version",
    "parent_task_run_id",
    "idempotency_key",
    "deployment_id",
)
_ELSEWHERE = ("state", "flow_id", *_COLUMNS)


def create(ask: Ask) -> Answer:
    """Make a flow run of an existing flow; idempotent on (flow_id, idempotency_key)."""
    body = ask.read(FlowRunCreate)
    flow_id, key = str(body.flow_id), body.idempotency_key
    flow = ask.one("FROM flows WHERE id = ?", [flow_id], f"flow with id {flow_id}")
    sent = body.sent()
    run_body = {name: sent[name] for name in _COLUMNS if sent.get(name) is not None}
    run_body |= {"name": body.name, "flow_id": flow_id, "flow_name": flow["name"]}
    more = {name: value for name, value in sent.items() if name not in _ELSEWHERE and value is not None}
    state = state_of_body(body.state) if body.state is not None else State(StateType.PENDING)

    def make(core: Core) -> tuple[str, bool]:
        if flow["name"] not in core.flow_ids:
            raise missing(f"flow with id {flow_id}")
        known = _with_key(core, flow_id, key) if key is not None else None
        if known is not None:
            return known, False
        place = pools.placement(core, body.work_pool_name, body.work_queue_name)
        run, is_new = decisions.create(core, run_body, state, more={**more, **place})
        return run.id, is_new

    run_id, is_new = ask.call(make)
    return 201 if is_new else 200, read_flow_run(ask, run_id)


def read(ask: Ask) -> Answer:
    """Read a flow run."""
    return 200, read_flow_run(ask, ask.id())


def update(ask: Ask) -> Answer:
    """Change the fields that were sent."""
    run_id, fields = ask.id(), ask.read(FlowRunUpdate).sent()

    def apply(core: Core) -> None:
        run = core.run(run_id)
        if fields.get("job_variables") is not None:
            scheduled = run.state is not None and run.state.type is StateType.SCHEDULED
            if not scheduled or (
                run.body.get("deployment_id") is None and run.body.get("work_pool_name") is None
            ):
                reason = f"Job variables of flow run {run_id} can only be changed while it is scheduled by a deployment."
                raise refusal(400, reason)
        changes.change(core, "flow_run", run_id, fields)

    ask.call(apply)
    return 204, None


def update_labels(ask: Ask) -> Answer:
    """Merge labels into those of a flow run."""
    run_id, given = ask.id(), ask.fields

    def apply(core: Core) -> None:
        run = core.run(run_id)
        changes.change(core, "flow_run", run_id, {"labels": {**(run.body.get("labels") or {}), **given}})

    ask.call(apply)
    return 204, None


def delete(ask: Ask) -> Answer:
    """Delete a flow run with its task runs, states, inputs and logs."""
    run_id = ask.id()

    def remove(core: Core) -> None:
        changes.delete(core, "flow_run", core.run(run_id).id)

    ask.call(remove)
    return 204, None


def bulk_delete(ask: Ask) -> Answer:
    """Delete up to 50 selected flow runs."""
    ids = FLOW_RUNS_LISTED.chosen(ask)

    def remove(core: Core) -> list[str]:
        there = [run_id for run_id in ids if core.find(run_id) is not None]
        for run_id in there:
            changes.delete(core, "flow_run", run_id)
        return there

    return 200, {"deleted": ask.call(remove)}


def lateness(ask: Ask) -> Answer:
    """Return how late the selected runs started on average, in seconds; null without runs."""
    sql, values = FLOW_RUNS_LISTED.where(ask)
    rows = ask.store.database.read(f"SELECT avg({LATENESS}) FROM runs WHERE {sql}", [now(), *values])
    return 200, float(rows[0][0]) if rows[0][0] is not None else None


def run_history(ask: Ask) -> Answer:
    """Count flow runs by interval and state."""
    where = FLOW_RUNS_LISTED.where(ask, NAMES)
    return 200, history(ask.store.database, "runs", "total_run_time", where, ask.fields, now())


def read_flow_run(ask: Ask, run_id: str) -> dict[str, Any]:
    """Return a flow run as it is answered."""
    row = ask.one("FROM runs WHERE id = ?", [run_id], f"flow run with id {run_id}")
    return show_flow_runs(ask, [row])[0]


def _with_key(core: Core, flow_id: str, key: str) -> str | None:
    for run in core.runs.values():
        if str(run.body.get("flow_id")) == flow_id and run.body.get("idempotency_key") == key:
            return run.id
    sql = "SELECT id FROM runs WHERE flow_id = ? AND idempotency_key = ?"
    rows = [str(row[0]) for row in core.database.read(sql, [flow_id, key])]
    return next((run_id for run_id in rows if ("gone", run_id) not in core.fresh), None)


_LABELS = {"type": "object", "additionalProperties": {"type": ["boolean", "integer", "number", "string"]}}
_HISTORY = {"type": "array", "items": "HistoryResponse"}
_SELECTED = FLOW_RUNS_LISTED.schema(limit=BULK_LIMIT)
ROUTES = [
    Route("POST", "/flow_runs/bulk_delete", bulk_delete, _SELECTED, "BulkDeleteResponse"),
    Route("POST", "/flow_runs/", create, FlowRunCreate, "FlowRunResponse", 201),
    *FLOW_RUNS_LISTED.routes("/flow_runs"),
    Route("POST", "/flow_runs/lateness", lateness, FLOW_RUNS_LISTED.schema(), {"type": ["number", "null"]}),
    Route("POST", "/flow_runs/history", run_history, FLOW_RUNS_LISTED.schema(**SCHEMA), _HISTORY),
    Route("GET", "/flow_runs/{id}", read, answer="FlowRunResponse"),
    Route("PATCH", "/flow_runs/{id}", update, FlowRunUpdate, status=204),
    Route("PATCH", "/flow_runs/{id}/labels", update_labels, _LABELS, status=204),
    Route("DELETE", "/flow_runs/{id}", delete, status=204),
]
