"""Keyed inputs of flow runs."""

from __future__ import annotations

import re
from typing import Any

import orjson

from penstock._store import decisions, show
from penstock._store.core import Refused
from penstock._store.filters import invalid
from penstock._store.routes.web import Answer, Ask, Text

_KEY = re.compile(r"^[A-Za-z0-9_.-]{1,500}$")


def create(ask: Ask) -> Answer:
    """Store an input under a new key."""
    run_id, key, value, sender = (
        ask.id(),
        ask.fields.get("key"),
        ask.fields.get("value"),
        ask.fields.get("sender"),
    )
    if not isinstance(key, str) or not _KEY.match(key):
        raise invalid(
            [{"loc": ["body", "key"], "msg": "a key of letters, digits and dashes is needed"}], ask.body
        )
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    ask.call(lambda core: decisions.put_input(core, run_id, key, text, sender))
    return 201, None


def find(ask: Ask) -> Answer:
    """List inputs by key prefix, oldest first."""
    run_id, body = ask.id(), ask.fields
    prefix, limit, exclude = body.get("prefix"), body.get("limit", 1), body.get("exclude_keys") or []
    if (
        not isinstance(prefix, str)
        or not isinstance(exclude, list)
        or not isinstance(limit, int)
        or limit < 0
    ):
        raise invalid([{"loc": ["body"], "msg": "prefix: text, limit: number, exclude_keys: list"}], body)
    ask.call(lambda core: core.run(run_id).id)
    sql = "FROM inputs WHERE flow_run_id = ? AND starts_with(key, ?) AND NOT list_contains(?::VARCHAR[], key)"
    rows = ask.records(
        f"{sql} ORDER BY created LIMIT {limit}", [run_id, prefix, [str(key) for key in exclude]]
    )
    return 200, [show.flow_run_input(row) for row in rows]


def read(ask: Ask) -> Answer:
    """Return the raw text of an input."""
    return 200, Text(str(_row(ask)["value"]))


def delete(ask: Ask) -> Answer:
    """Delete an input."""
    run_id, key = ask.id(), ask.path["key"]
    ask.call(lambda core: decisions.delete_input(core, run_id, key))
    return 204, None


def _row(ask: Ask) -> dict[str, Any]:
    rows = ask.records("FROM inputs WHERE flow_run_id = ? AND key = ?", [ask.id(), ask.path["key"]])
    if not rows:
        raise Refused(
            404, {"exception_message": f"Flow run {ask.id()} has no input with key {ask.path['key']!r}."}
        )
    return rows[0]


ROUTES = [
    ("POST", "/flow_runs/{id}/input", create),
    ("POST", "/flow_runs/{id}/input/filter", find),
    ("GET", "/flow_runs/{id}/input/{key}", read),
    ("DELETE", "/flow_runs/{id}/input/{key}", delete),
]
