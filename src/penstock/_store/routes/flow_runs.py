"""Flow runs: create, read, list, propose a state, resume."""

from __future__ import annotations

from typing import Any

from penstock._store import decisions, show
from penstock._store.core import Core, Refused
from penstock._store.filters import FLOW_RUNS, FLOWS, TASK_RUNS, invalid
from penstock._store.pages import FLOW_RUN_SORTS, page
from penstock._store.resume import resume as resume_run
from penstock._store.routes.web import Answer, Ask, Related, now, uuid_of, where
from penstock._values.states import State, StateDetails, StateType

_RELATED: Related = {
    "flows": (FLOWS, "flow_id IN (SELECT id FROM flows WHERE {})"),
    "task_runs": (TASK_RUNS, "id IN (SELECT flow_run_id FROM task_runs WHERE {})"),
}


def create(ask: Ask) -> Answer:
    """Make a flow run of an existing flow; idempotent on (flow_id, idempotency_key)."""
    body = ask.fields
    flow_id = uuid_of(body.get("flow_id"), "flow_id")
    flow = ask.one("FROM flows WHERE id = ?", [flow_id], f"flow with id {flow_id}")
    key = body.get("idempotency_key")
    kept = ("name", "parameters", "tags", "flow_version", "parent_task_run_id", "idempotency_key")
    run_body = {name: body[name] for name in kept if body.get(name) is not None}
    run_body |= {"flow_id": flow_id, "flow_name": flow["name"]}
    state = state_from(body["state"]) if body.get("state") else None

    def make(core: Core) -> tuple[str, bool]:
        if key is not None:
            sql = "SELECT id FROM raw.flow_run WHERE flow_id = ? AND idempotency_key = ?"
            known = [str(row[0]) for row in core.database.read(sql, [flow_id, key])]
            known += [r.id for r in core.runs.values() if _has_key(r.body, flow_id, key)]
            if known:
                return known[0], False
        run, is_new = decisions.create(core, run_body, state)
        return run.id, is_new

    run_id, is_new = ask.call(make)
    return 201 if is_new else 200, _read(ask, run_id)


def read(ask: Ask) -> Answer:
    """Read a flow run."""
    return 200, _read(ask, ask.id())


def find(ask: Ask) -> Answer:
    """List flow runs."""
    sql, values = where(ask, "flow_runs", FLOW_RUNS, _RELATED)
    end = page(ask.fields, FLOW_RUN_SORTS, "ID_DESC")
    moment = now()
    return 200, [show.flow_run(row, moment) for row in ask.records(f"FROM runs WHERE {sql}{end}", values)]


def count(ask: Ask) -> Answer:
    """Count flow runs."""
    return 200, ask.count("runs", where(ask, "flow_runs", FLOW_RUNS, _RELATED))


def set_state(ask: Ask) -> Answer:
    """Propose a state; the answer's status says what became of it."""
    run_id, state, force = ask.id(), state_from(ask.fields.get("state")), bool(ask.fields.get("force"))
    verdict = ask.call(lambda core: decisions.propose(core, run_id, state, force=force))
    return 201 if verdict.is_new else 200, orchestration(verdict)


def resume(ask: Ask) -> Answer:
    """Let a paused run go on, its input validated first."""
    answer = resume_run(ask.store.core, ask.id(), ask.fields.get("run_input"))
    if isinstance(answer, dict):
        return 200, answer
    return 201 if answer.is_new else 200, orchestration(answer)


def states(ask: Ask) -> Answer:
    """List the states of a flow run, oldest first."""
    run_id = uuid_of(ask.query.get("flow_run_id"), "flow_run_id")
    return 200, states_of(ask, "flow_run_id = ? AND run_type = 'flow-run'", run_id)


def read_state(ask: Ask) -> Answer:
    """Read one state of a flow run."""
    found = states_of(ask, "id = ? AND run_type = 'flow-run'", ask.id())
    if not found:
        raise Refused(404, {"exception_message": f"There is no state with id {ask.id()}."})
    return 200, found[0]


def orchestration(verdict: decisions.Verdict) -> dict[str, Any]:
    """Return an OrchestrationResult."""
    status = verdict.decision.status
    details: dict[str, Any] = {"type": f"{status.lower()}_details"}
    if status != "ACCEPT":
        details["reason"] = verdict.decision.reason
    if status == "WAIT":
        details["delay_seconds"] = int(verdict.decision.delay_seconds)
    state = verdict.state if status in ("ACCEPT", "REJECT") else None
    return {"state": state.to_json() if state is not None else None, "status": status, "details": details}


def state_from(body: Any) -> State:
    """Read a StateCreate; its id and time are the store's to give.

    Raises:
        Refused: 422, it cannot be read.
    """
    try:
        details = StateDetails.from_json(body.get("state_details"))
        return State(StateType(body["type"]), body.get("name"), body.get("message"), state_details=details)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise invalid([{"loc": ["body", "state"], "msg": f"not a state: {error!r}"}], body) from error


def _read(ask: Ask, run_id: str) -> dict[str, Any]:
    row = ask.one("FROM runs WHERE id = ?", [run_id], f"flow run with id {run_id}")
    return show.flow_run(row, now())


def states_of(ask: Ask, condition: str, value: str) -> list[dict[str, Any]]:
    """Read states in order."""
    sql = (
        'SELECT id, type, name, message AS state_message, details AS state_details, "timestamp" AS state_timestamp '
        f"FROM states WHERE {condition} ORDER BY at_us, seq"
    )
    return [show.state_of(row["id"], row["type"], row["name"], row) for row in ask.records(sql, [value])]


def _has_key(body: dict[str, Any], flow_id: str, key: str) -> bool:
    return str(body.get("flow_id")) == flow_id and body.get("idempotency_key") == key


ROUTES = [
    ("POST", "/flow_runs/", create),
    ("POST", "/flow_runs/filter", find),
    ("POST", "/flow_runs/count", count),
    ("GET", "/flow_runs/{id}", read),
    ("POST", "/flow_runs/{id}/set_state", set_state),
    ("POST", "/flow_runs/{id}/resume", resume),
    ("GET", "/flow_run_states/", states),
    ("GET", "/flow_run_states/{id}", read_state),
]
