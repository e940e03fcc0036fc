"""Task runs, as their processes reported them."""

from __future__ import annotations

from penstock._store import show
from penstock._store.filters import FLOW_RUNS, FLOWS, TASK_RUNS
from penstock._store.pages import TASK_RUN_SORTS, page
from penstock._store.routes.flow_runs import states_of
from penstock._store.routes.web import Answer, Ask, Related, now, uuid_of, where

_RELATED: Related = {
    "flow_runs": (FLOW_RUNS, "flow_run_id IN (SELECT id FROM runs WHERE {})"),
    "flows": (
        FLOWS,
        "flow_run_id IN (SELECT id FROM runs WHERE flow_id IN (SELECT id FROM flows WHERE {}))",
    ),
}


def read(ask: Ask) -> Answer:
    """Read a task run."""
    row = ask.one("FROM task_runs WHERE id = ?", [ask.id()], f"task run with id {ask.id()}")
    return 200, show.task_run(row, now())


def find(ask: Ask) -> Answer:
    """List task runs."""
    sql, values = where(ask, "task_runs", TASK_RUNS, _RELATED)
    end = page(ask.fields, TASK_RUN_SORTS, "ID_DESC")
    moment = now()
    return 200, [
        show.task_run(row, moment) for row in ask.records(f"FROM task_runs WHERE {sql}{end}", values)
    ]


def count(ask: Ask) -> Answer:
    """Count task runs."""
    return 200, ask.count("task_runs", where(ask, "task_runs", TASK_RUNS, _RELATED))


def states(ask: Ask) -> Answer:
    """List the states of a task run, oldest first."""
    task_run_id = uuid_of(ask.query.get("task_run_id"), "task_run_id")
    return 200, states_of(ask, "task_run_id = ?", task_run_id)


ROUTES = [
    ("POST", "/task_runs/filter", find),
    ("POST", "/task_runs/count", count),
    ("GET", "/task_runs/{id}", read),
    ("GET", "/task_run_states/", states),
]
