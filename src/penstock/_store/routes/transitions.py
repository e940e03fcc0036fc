"""Proposing states, resuming, and reading the states that were. Reference pages: rest-api flow-runs/set-flow-run-state,
flow-runs/resume-flow-run, flow-run-states, task-run-states.
"""

from __future__ import annotations

from typing import Any, Literal

from penstock._rules.flow_policy import Decision
from penstock._store import decisions, show
from penstock._store.bodies import Resume, SetState, StateCreate
from penstock._store.core import Refused
from penstock._store.filters import schema_of
from penstock._store.pages import BULK_LIMIT
from penstock._store.resume import resume as resume_run
from penstock._store.routes.kinds import FLOW_RUNS_LISTED
from penstock._store.routes.web import Answer, Ask, Route, missing, uuid_of
from penstock._store.shape import model_of
from penstock._values.states import State, StateDetails


def state_of_body(body: StateCreate) -> State:
    """Return the state of a request; its id and time are new."""
    details = StateDetails.from_json(body.state_details.model_dump(mode="json", exclude_unset=True))
    return State(body.type, body.name, body.message, state_details=details)


def set_state(ask: Ask) -> Answer:
    """Propose a state; the answer's status says what became of it."""
    body, run_id = ask.read(SetState), ask.id()
    state = state_of_body(body.state)
    verdict = ask.call(lambda core: decisions.propose(core, run_id, state, force=body.force))
    return 201 if verdict.is_new else 200, orchestration(verdict.decision, verdict.state)


def bulk_set_state(ask: Ask) -> Answer:
    """Propose a state for up to 50 flow runs, one after the other; what cannot be is an ABORT of that run."""
    ids = FLOW_RUNS_LISTED.chosen(ask, ("state", "force"))
    body = model_of(SetState, {name: ask.fields[name] for name in ("state", "force") if name in ask.fields})
    results = [{"flow_run_id": run_id, **_proposed(ask, run_id, body)} for run_id in ids]
    return 200, {"results": results}


def _proposed(ask: Ask, run_id: str, body: SetState) -> dict[str, Any]:
    state = state_of_body(body.state)
    try:
        verdict = ask.call(lambda core: decisions.propose(core, run_id, state, force=body.force))
    except Refused as refused:
        reason = str(refused.body.get("exception_message") or refused.body)
        return orchestration(Decision("ABORT", None, reason), None)
    return orchestration(verdict.decision, verdict.state)


def resume(ask: Ask) -> Answer:
    """Let a paused run go on, its input validated first."""
    answer = resume_run(ask.store.core, ask.id(), ask.read(Resume).run_input)
    if isinstance(answer, dict):
        return 200, answer
    return 201 if answer.is_new else 200, orchestration(answer.decision, answer.state)


def orchestration(decision: Decision, state: State | None) -> dict[str, Any]:
    """Return an OrchestrationResult.

    Args:
        decision: what the rules said.
        state: what the run is in afterwards.
    """
    status = decision.status
    details: dict[str, Any] = {"type": f"{status.lower()}_details"}
    if status != "ACCEPT":
        details["reason"] = decision.reason
    if status == "WAIT":
        # Rounded up: who waits these seconds must not come a moment too early.
        details["delay_seconds"] = int(-(-decision.delay_seconds // 1))
    shown = state if status in ("ACCEPT", "REJECT") else None
    return {"state": shown.to_json() if shown is not None else None, "status": status, "details": details}


def flow_run_states(ask: Ask) -> Answer:
    """List the states of a flow run, oldest first."""
    run_id = uuid_of(ask.query.get("flow_run_id"), "flow_run_id")
    return 200, _states(ask, "flow-run", "run_id", run_id)


def read_flow_run_state(ask: Ask) -> Answer:
    """Read one state of a flow run."""
    return 200, _one_state(ask, "flow-run")


def task_run_states(ask: Ask) -> Answer:
    """List the states of a task run, oldest first."""
    task_run_id = uuid_of(ask.query.get("task_run_id"), "task_run_id")
    return 200, _states(ask, "task-run", "run_id", task_run_id)


def read_task_run_state(ask: Ask) -> Answer:
    """Read one state of a task run."""
    return 200, _one_state(ask, "task-run")


def _one_state(ask: Ask, kind: Literal["flow-run", "task-run"]) -> dict[str, Any]:
    found = _states(ask, kind, "id", ask.id())
    if not found:
        raise missing(f"state with id {ask.id()} of a {kind.replace('-', ' ')}")
    return found[0]


def _states(ask: Ask, kind: str, column: str, value: str) -> list[dict[str, Any]]:
    sql = (
        'SELECT id, type, name, message AS state_message, details AS state_details, "timestamp" AS state_timestamp '
        f"FROM states WHERE run_type = ? AND {column} = ? ORDER BY at_us, seq"
    )
    rows = ask.records(sql, [kind, value])
    return [show.state_of(row["id"], row["type"], row["name"], row) for row in rows]


def _bulk_schema() -> dict[str, Any]:
    properties = {
        "flow_runs": {"anyOf": [schema_of(FLOW_RUNS_LISTED.fields), {"type": "null"}]},
        "state": StateCreate,
        "force": {"type": "boolean", "default": False},
        "limit": BULK_LIMIT,
    }
    return {"type": "object", "properties": properties, "required": ["state"], "additionalProperties": False}


_STATES = {"type": "array", "items": "State"}
_ID = {"type": "string", "format": "uuid"}
ROUTES = [
    Route("POST", "/flow_runs/{id}/set_state", set_state, SetState, "OrchestrationResult", 201),
    Route("POST", "/flow_runs/bulk_set_state", bulk_set_state, _bulk_schema(), {"type": "object"}),
    Route("POST", "/flow_runs/{id}/resume", resume, Resume, "OrchestrationResult", 201),
    Route("GET", "/flow_run_states/", flow_run_states, answer=_STATES, query={"flow_run_id": _ID}),
    Route("GET", "/flow_run_states/{id}", read_flow_run_state, answer="State"),
    Route("GET", "/task_run_states/", task_run_states, answer=_STATES, query={"task_run_id": _ID}),
    Route("GET", "/task_run_states/{id}", read_task_run_state, answer="State"),
]
