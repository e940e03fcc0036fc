"""Flows. Reference pages: rest-api/server/flows."""

from __future__ import annotations

from typing import Any

from penstock._store import changes, decisions, deployments
from penstock._store.bodies import FlowCreate, FlowUpdate
from penstock._store.core import Core
from penstock._store.pages import BULK_LIMIT
from penstock._store.routes.kinds import FLOWS_LISTED, show_flows
from penstock._store.routes.web import Answer, Ask, Route


def create(ask: Ask) -> Answer:
    """Make a flow, or return the one of that name."""
    body = ask.read(FlowCreate)

    def make(core: Core) -> tuple[str, bool]:
        if body.name in core.flow_ids:
            return core.flow_ids[body.name], False
        flow_id = decisions.flow_id(core, body.name, tags=body.tags)
        if body.labels:
            changes.change(core, "flow", flow_id, {"labels": body.labels})
        return flow_id, True

    flow_id, is_new = ask.call(make)
    return 201 if is_new else 200, _read(ask, "id", flow_id)


def read(ask: Ask) -> Answer:
    """Read a flow by id."""
    return 200, _read(ask, "id", ask.id())


def read_by_name(ask: Ask) -> Answer:
    """Read a flow by name."""
    return 200, _read(ask, "name", ask.path["name"])


def update(ask: Ask) -> Answer:
    """Change the tags of a flow."""
    fields, flow_id = ask.read(FlowUpdate).sent(), _read(ask, "id", ask.id())["id"]
    ask.call(lambda core: changes.change(core, "flow", flow_id, fields))
    return 204, None


def delete(ask: Ask) -> Answer:
    """Delete a flow and its runs."""
    flow_id = _read(ask, "id", ask.id())["id"]

    ask.call(lambda core: _remove(core, flow_id))
    return 204, None


def bulk_delete(ask: Ask) -> Answer:
    """Delete up to 50 selected flows and their runs."""
    ids = FLOWS_LISTED.chosen(ask)

    def remove(core: Core) -> list[str]:
        there = [flow_id for flow_id in ids if flow_id in core.flow_ids.values()]
        for flow_id in there:
            _remove(core, flow_id)
        return there

    return 200, {"deleted": ask.call(remove)}


def _remove(core: Core, flow_id: str) -> None:
    stored = {str(row[0]) for row in core.database.read("SELECT id FROM runs WHERE flow_id = ?", [flow_id])}
    fresh = {run.id for run in core.runs.values() if str(run.body.get("flow_id")) == flow_id}
    deployments.delete_of_flow(core, flow_id)
    for run_id in stored | fresh:
        changes.delete(core, "flow_run", run_id)
    changes.delete(core, "flow", flow_id)


def _read(ask: Ask, column: str, value: str) -> dict[str, Any]:
    row = ask.one(f"FROM flows WHERE {column} = ?", [value], f"flow with {column} {value}")
    return show_flows(ask, [row])[0]


ROUTES = [
    Route("POST", "/flows/", create, FlowCreate, "Flow", 201),
    *FLOWS_LISTED.routes("/flows"),
    Route(
        "POST", "/flows/bulk_delete", bulk_delete, FLOWS_LISTED.schema(limit=BULK_LIMIT), "BulkDeleteResponse"
    ),
    Route("GET", "/flows/name/{name}", read_by_name, answer="Flow"),
    Route("GET", "/flows/{id}", read, answer="Flow"),
    Route("PATCH", "/flows/{id}", update, FlowUpdate, status=204),
    Route("DELETE", "/flows/{id}", delete, status=204),
]
