"""Keyed inputs of flow runs. Reference pages: rest-api flow-runs/create-flow-run-input and its neighbours."""

from __future__ import annotations

import orjson

from penstock._store import decisions, show
from penstock._store.bodies import InputCreate, InputFilter
from penstock._store.routes.web import Answer, Ask, Route, Text, missing


def create(ask: Ask) -> Answer:
    """Store an input under a new key."""
    run_id, body = ask.id(), ask.read(InputCreate)
    text = body.value if isinstance(body.value, str) else orjson.dumps(body.value).decode()
    ask.call(lambda core: decisions.put_input(core, run_id, body.key, text, body.sender))
    return 201, None


def find(ask: Ask) -> Answer:
    """List inputs by key prefix, oldest first."""
    run_id, body = ask.id(), ask.read(InputFilter)
    ask.call(lambda core: core.run(run_id).id)
    sql = (
        "FROM inputs WHERE flow_run_id = ? AND starts_with(key, ?) AND NOT list_contains(?::VARCHAR[], key) "
        f"ORDER BY created LIMIT {body.limit}"
    )
    rows = ask.records(sql, [run_id, body.prefix, body.exclude_keys or []])
    return 200, [show.flow_run_input(row) for row in rows]


def read(ask: Ask) -> Answer:
    """Return the raw text of an input."""
    rows = ask.records("FROM inputs WHERE flow_run_id = ? AND key = ?", [ask.id(), ask.path["key"]])
    if not rows:
        raise missing(f"input with key {ask.path['key']!r} of flow run {ask.id()}")
    return 200, Text(str(rows[0]["value"]))


def delete(ask: Ask) -> Answer:
    """Delete an input."""
    run_id, key = ask.id(), ask.path["key"]
    ask.call(lambda core: decisions.delete_input(core, run_id, key))
    return 204, None


ROUTES = [
    Route("POST", "/flow_runs/{id}/input", create, InputCreate, status=201),
    Route(
        "POST", "/flow_runs/{id}/input/filter", find, InputFilter, {"type": "array", "items": "FlowRunInput"}
    ),
    Route("GET", "/flow_runs/{id}/input/{key}", read, answer={"type": "string"}, media_type="text/plain"),
    Route("DELETE", "/flow_runs/{id}/input/{key}", delete, status=204),
]
