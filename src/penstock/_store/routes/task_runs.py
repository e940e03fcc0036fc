"""Task runs: create, read, list, change, delete. Reference pages: rest-api/server/task-runs."""

from __future__ import annotations

from typing import Any

from penstock._store import changes, task_decisions
from penstock._store.bodies import SetState, TaskRunCreate, TaskRunUpdate
from penstock._store.core import Core
from penstock._store.history import NAMES, SCHEMA, history
from penstock._store.routes.kinds import TASK_RUNS_LISTED, show_task_runs
from penstock._store.routes.transitions import orchestration, state_of_body
from penstock._store.routes.web import Answer, Ask, Route, now
from penstock._values.states import State, StateType


def create(ask: Ask) -> Answer:
    """Make a task run; idempotent on its id and on (flow_run_id, task_key, dynamic_key)."""
    body = ask.read(TaskRunCreate)
    state = state_of_body(body.state) if body.state is not None else State(StateType.PENDING)
    sent = body.sent()
    task_run_id, is_new = ask.call(lambda core: task_decisions.create(core, sent, body.name, state))
    return 201 if is_new else 200, _read(ask, task_run_id)


def read(ask: Ask) -> Answer:
    """Read a task run."""
    return 200, _read(ask, ask.id())


def update(ask: Ask) -> Answer:
    """Rename a task run."""
    task_run_id, fields = ask.id(), ask.read(TaskRunUpdate).sent()

    def apply(core: Core) -> None:
        task_decisions.exists(core, task_run_id)
        changes.change(core, "task_run", task_run_id, fields)

    ask.call(apply)
    return 204, None


def delete(ask: Ask) -> Answer:
    """Delete a task run with its states and logs."""
    task_run_id = ask.id()

    def remove(core: Core) -> None:
        task_decisions.exists(core, task_run_id)
        changes.delete(core, "task_run", task_run_id)
        core.fresh["gone", task_run_id] = True
        core.fresh.pop(("task_run", task_run_id), None)

    ask.call(remove)
    return 204, None


def set_state(ask: Ask) -> Answer:
    """Propose a state; the answer's status says what became of it."""
    body, task_run_id = ask.read(SetState), ask.id()
    state = state_of_body(body.state)
    decision, after, is_new = ask.call(
        lambda core: task_decisions.propose(core, task_run_id, state, force=body.force)
    )
    return 201 if is_new else 200, orchestration(decision, after)


def run_history(ask: Ask) -> Answer:
    """Count task runs by interval and state."""
    where = TASK_RUNS_LISTED.where(ask, NAMES)
    return 200, history(ask.store.database, "task_runs", "duration", where, ask.fields, now())


def _read(ask: Ask, task_run_id: str) -> dict[str, Any]:
    row = ask.one("FROM task_runs WHERE id = ?", [task_run_id], f"task run with id {task_run_id}")
    return show_task_runs(ask, [row])[0]


_HISTORY = {"type": "array", "items": "HistoryResponse"}
ROUTES = [
    Route("POST", "/task_runs/", create, TaskRunCreate, "TaskRun", 201),
    *TASK_RUNS_LISTED.routes("/task_runs"),
    Route("POST", "/task_runs/history", run_history, TASK_RUNS_LISTED.schema(**SCHEMA), _HISTORY),
    Route("GET", "/task_runs/{id}", read, answer="TaskRun"),
    Route("PATCH", "/task_runs/{id}", update, TaskRunUpdate, status=204),
    Route("DELETE", "/task_runs/{id}", delete, status=204),
    Route("POST", "/task_runs/{id}/set_state", set_state, SetState, "OrchestrationResult", 201),
]
