"""Flows."""

from __future__ import annotations

from penstock._store import decisions, show
from penstock._store.core import Core
from penstock._store.filters import FLOW_RUNS, FLOWS, TASK_RUNS, invalid
from penstock._store.pages import FLOW_SORTS, page
from penstock._store.routes.web import Answer, Ask, Related, where

_RELATED: Related = {
    "flow_runs": (FLOW_RUNS, "id IN (SELECT flow_id FROM runs WHERE {})"),
    "task_runs": (
        TASK_RUNS,
        "id IN (SELECT flow_id FROM runs WHERE id IN (SELECT flow_run_id FROM task_runs WHERE {}))",
    ),
}


def create(ask: Ask) -> Answer:
    """Make a flow, or return the one of that name."""
    name, tags = ask.fields.get("name"), ask.fields.get("tags") or []
    if not isinstance(name, str) or not name or set(name) & set("/%&><"):
        raise invalid([{"loc": ["body", "name"], "msg": "a name without / % & > < is needed"}], ask.body)

    def make(core: Core) -> tuple[str, bool]:
        is_new = name not in core.flow_ids
        return decisions.flow_id(core, name, tags=[str(tag) for tag in tags]), is_new

    flow_id, is_new = ask.call(make)
    return 201 if is_new else 200, show.flow(ask.one("FROM flows WHERE id = ?", [flow_id], "flow"))


def read(ask: Ask) -> Answer:
    """Read a flow by id."""
    return 200, show.flow(ask.one("FROM flows WHERE id = ?", [ask.id()], f"flow with id {ask.id()}"))


def read_by_name(ask: Ask) -> Answer:
    """Read a flow by name."""
    name = ask.path["name"]
    return 200, show.flow(ask.one("FROM flows WHERE name = ?", [name], f"flow named {name!r}"))


def find(ask: Ask) -> Answer:
    """List flows."""
    sql, values = where(ask, "flows", FLOWS, _RELATED)
    end = page(ask.fields, FLOW_SORTS, "NAME_ASC")
    return 200, [show.flow(row) for row in ask.records(f"FROM flows WHERE {sql}{end}", values)]


def count(ask: Ask) -> Answer:
    """Count flows."""
    return 200, ask.count("flows", where(ask, "flows", FLOWS, _RELATED))


ROUTES = [
    ("POST", "/flows/", create),
    ("POST", "/flows/filter", find),
    ("POST", "/flows/count", count),
    ("GET", "/flows/name/{name}", read_by_name),
    ("GET", "/flows/{id}", read),
]
