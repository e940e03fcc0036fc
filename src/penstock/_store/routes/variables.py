"""Variables. Reference pages: rest-api/server/variables, concepts/variables."""

from __future__ import annotations

from typing import Any

import orjson

from penstock._ids import new_id
from penstock._store import show
from penstock._store.bodies import VariableCreate, VariableUpdate
from penstock._store.core import Core, Refused
from penstock._store.filters import invalid
from penstock._store.requests import refusal
from penstock._store.routes.kinds import VARIABLES_LISTED
from penstock._store.routes.web import Answer, Ask, Route, missing

#: Characters of a value, as JSON.
LONGEST = 5000


def create(ask: Ask) -> Answer:
    """Make a variable.

    Raises:
        Refused: 409, its name is taken.
    """
    body = ask.read(VariableCreate)
    _check_length(body.value, ask.body)
    made: dict[str, Any] = {"id": str(new_id()), "name": body.name, "value": body.value, "tags": body.tags}

    def make(core: Core) -> None:
        _check_free(core, body.name)
        _put(core, made)

    ask.call(make)
    return 201, _read(ask, "id", made["id"])


def _get(column: str) -> Any:
    def read(ask: Ask) -> Answer:
        return 200, _read(ask, column, _wanted(ask, column))

    read.__doc__ = f"Read a variable by its {column}."
    return read


def _patch(column: str) -> Any:
    def update(ask: Ask) -> Answer:
        wanted, body = _wanted(ask, column), ask.read(VariableUpdate)
        fields = {name: value for name, value in body.sent().items() if name == "value" or value is not None}
        _check_length(fields.get("value"), ask.body)

        def apply(core: Core) -> None:
            before = _find(core, column, wanted)
            if fields.get("name", before["name"]) != before["name"]:
                _check_free(core, fields["name"])
            _put(core, before | fields, before["name"])

        ask.call(apply)
        return 204, None

    update.__doc__ = f"Change the fields that were sent of a variable named by its {column}."
    return update


def _delete(column: str) -> Any:
    def delete(ask: Ask) -> Answer:
        wanted = _wanted(ask, column)

        def apply(core: Core) -> None:
            before = _find(core, column, wanted)
            core.emit("variable", {**before, "deleted": True})
            _know(core, None, before["id"], before["name"])

        ask.call(apply)
        return 204, None

    delete.__doc__ = f"Delete a variable by its {column}."
    return delete


def _wanted(ask: Ask, column: str) -> str:
    return ask.id() if column == "id" else ask.path["name"]


def _read(ask: Ask, column: str, value: str) -> dict[str, Any]:
    return show.variable(
        ask.one(f"FROM variables WHERE {column} = ?", [value], f"variable with {column} {value}")
    )


def _find(core: Core, column: str, value: str) -> dict[str, Any]:
    """Return a variable as the writer knows it, decisions that wait for their commit included."""
    key = (f"variable {column}", value)
    if key in core.fresh:
        found = core.fresh[key]
    else:
        rows = core.database.records(f"FROM variables WHERE {column} = ?", [value])
        found = None
        if rows:
            text = {"id": str(rows[0]["id"]), "name": rows[0]["name"], "tags": rows[0]["tags"]}
            found = {**text, "value": orjson.loads(rows[0]["value"])}
    if found is None:
        raise missing(f"variable with {column} {value}")
    return dict(found)


def _check_free(core: Core, name: str) -> None:
    try:
        _find(core, "name", name)
    except Refused:
        return
    text = f"There is a variable named {name!r} already."
    raise refusal(409, text)


def _put(core: Core, variable: dict[str, Any], before: str | None = None) -> None:
    core.emit("variable", variable)
    _know(core, variable, variable["id"], before)


def _know(core: Core, variable: dict[str, Any] | None, identity: str, before: str | None) -> None:
    if before is not None:
        core.fresh["variable name", before] = None
    core.fresh["variable id", identity] = variable
    if variable is not None:
        core.fresh["variable name", variable["name"]] = variable


def _check_length(value: Any, body: Any) -> None:
    if len(orjson.dumps(value).decode()) > LONGEST:
        message = f"the value must not be longer than {LONGEST} characters as JSON"
        raise invalid([{"loc": ["body", "value"], "msg": message, "type": "value_error"}], body)


ROUTES = [
    Route("POST", "/variables/", create, VariableCreate, "Variable", 201),
    *VARIABLES_LISTED.routes("/variables", paged=False),
    *[
        route
        for column, path in (("id", "/variables/{id}"), ("name", "/variables/name/{name}"))
        for route in (
            Route("GET", path, _get(column), answer="Variable"),
            Route("PATCH", path, _patch(column), VariableUpdate, status=204),
            Route("DELETE", path, _delete(column), status=204),
        )
    ],
]
