"""Artifacts."""

from __future__ import annotations

from penstock._store import show
from penstock._store.filters import ARTIFACTS, FLOW_RUNS, TASK_RUNS
from penstock._store.pages import ARTIFACT_SORTS, page
from penstock._store.routes.web import Answer, Ask, Related, where

_RELATED: Related = {
    "flow_runs": (FLOW_RUNS, "flow_run_id IN (SELECT id FROM runs WHERE {})"),
    "task_runs": (TASK_RUNS, "task_run_id IN (SELECT id FROM task_runs WHERE {})"),
}


def read(ask: Ask) -> Answer:
    """Read an artifact."""
    row = ask.one("FROM artifacts WHERE id = ?", [ask.id()], f"artifact with id {ask.id()}")
    return 200, show.artifact(row)


def latest(ask: Ask) -> Answer:
    """Read the newest artifact of a key."""
    key = ask.path["key"]
    sql = "FROM artifacts WHERE key = ? ORDER BY created DESC, id DESC LIMIT 1"
    return 200, show.artifact(ask.one(sql, [key], f"artifact with key {key!r}"))


def find(ask: Ask) -> Answer:
    """List artifacts."""
    sql, values = where(ask, "artifacts", ARTIFACTS, _RELATED)
    end = page(ask.fields, ARTIFACT_SORTS, "ID_DESC")
    return 200, [show.artifact(row) for row in ask.records(f"FROM artifacts WHERE {sql}{end}", values)]


def count(ask: Ask) -> Answer:
    """Count artifacts."""
    return 200, ask.count("artifacts", where(ask, "artifacts", ARTIFACTS, _RELATED))


ROUTES = [
    ("POST", "/artifacts/filter", find),
    ("POST", "/artifacts/count", count),
    ("GET", "/artifacts/{key}/latest", latest),
    ("GET", "/artifacts/{id}", read),
]
