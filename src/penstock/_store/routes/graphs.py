"""The two graphs of a flow run. Reference pages: flow-runs/read-flow-run-graph-v1, flow-runs/read-flow-run-graph-v2."""

from __future__ import annotations

from penstock._store.filters import invalid, to_utc
from penstock._store.graph import dependencies, graph, since_of
from penstock._store.routes.web import Answer, Ask, Route, now


def first(ask: Ask) -> Answer:
    """Return the task runs of a flow run with what they depend on."""
    run_id = ask.id()
    ask.one("SELECT id FROM runs WHERE id = ?", [run_id], f"flow run with id {run_id}")
    return 200, dependencies(ask.store.database, run_id, now())


def second(ask: Ask) -> Answer:
    """Return the graph of a flow run, its artifacts and states."""
    run_id, text = ask.id(), since_of(ask.query.get("since"))
    try:
        since = to_utc(text) if text else None
    except (ValueError, OverflowError) as error:
        detail = {"loc": ["query", "since"], "msg": str(error), "type": "datetime_parsing"}
        raise invalid([detail]) from error
    run = ask.one("FROM runs WHERE id = ?", [run_id], f"flow run with id {run_id}")
    return 200, graph(ask.store.database, run, since)


_SINCE = {"type": "string", "format": "date-time", "x-optional": True}
ROUTES = [
    Route("GET", "/flow_runs/{id}/graph", first, answer={"type": "array", "items": "DependencyResult"}),
    Route("GET", "/flow_runs/{id}/graph-v2", second, answer="Graph", query={"since": _SINCE}),
]
