"""Between Starlette and the handlers: a handler is a plain function of an `Ask` that returns status and body."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from penstock._store.core import Core, Refused
from penstock._store.filters import Condition, Fields, condition, invalid

if TYPE_CHECKING:
    from penstock._store.service import Store

T = TypeVar("T")
Answer = tuple[int, Any]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. Runs on a worker thread."""

    store: Store
    path: dict[str, str]
    query: dict[str, str]
    body: Any

    @property
    def fields(self) -> dict[str, Any]:
        """The body as an object.

        Raises:
            Refused: 422, it is something else.
        """
        if not isinstance(self.body, dict):
            raise invalid([{"loc": ["body"], "msg": "must be an object"}], self.body)
        return self.body

    def call(self, do: Callable[[Core], T]) -> T:
        """Run something on the writer thread and wait for its commit."""
        return self.store.core.call(do).result()

    def id(self, name: str = "id") -> str:
        """Return an id of the path.

        Raises:
            Refused: 422, it is no UUID.
        """
        return uuid_of(self.path[name], name)

    def records(self, sql: str, parameters: list[Any]) -> list[dict[str, Any]]:
        """Read rows as dictionaries."""
        return self.store.database.records(sql, parameters)

    def count(self, view: str, where: Condition) -> int:
        """Count the rows of a view."""
        sql = f"SELECT count(*) FROM {view} WHERE {where[0]}"
        return int(self.store.database.read(sql, where[1])[0][0])

    def one(self, sql: str, parameters: list[Any], what: str) -> dict[str, Any]:
        """Read one row.

        Raises:
            Refused: 404, there is none.
        """
        rows = self.records(sql, parameters)
        if not rows:
            raise Refused(404, {"exception_message": f"There is no {what}."})
        return rows[0]


def uuid_of(text: Any, name: str) -> str:
    """Return a UUID's text, or refuse with 422."""
    try:
        return str(UUID(text))
    except (ValueError, AttributeError, TypeError) as error:
        raise invalid([{"loc": [name], "msg": f"not a UUID: {text!r}"}]) from error


def now() -> datetime:
    """Return the present UTC time without a zone, as the views have it."""
    return datetime.now(UTC).replace(tzinfo=None)


#: Filter objects of one request that select through related runs: key, view, how it is tied to the rows.
Related = dict[str, tuple[Fields, str]]
_NOT_YET = ("deployments", "work_pools", "work_pool_queues")


def where(ask: Ask, own: str, fields: Fields, related: Related) -> Condition:
    """Return the condition of a filter request over several kinds of objects, which must all hold."""
    body = ask.fields
    sql, values = condition(fields, body.get(own), own)
    for key, (key_fields, tie) in related.items():
        inner, inner_values = condition(key_fields, body.get(key), key)
        if inner_values or inner != "TRUE":
            sql, values = f"{sql} AND {tie.format(inner)}", values + inner_values
    for key in _NOT_YET:
        if body.get(key):
            raise invalid(
                [{"loc": ["body", key], "msg": "there is nothing of this kind to filter by yet"}], body
            )
    return sql, values


def route(store: Store, method: str, path: str, handler: Callable[[Ask], Answer]) -> Route:
    """Make a Starlette route of a handler."""

    async def endpoint(request: Request) -> Response:
        data = await request.body()
        try:
            body = orjson.loads(data) if data else {}
        except orjson.JSONDecodeError as error:
            raise invalid([{"loc": ["body"], "msg": f"not JSON: {error}"}]) from error
        ask = Ask(store, dict(request.path_params), dict(request.query_params), body)
        status, answer = await asyncio.to_thread(handler, ask)
        if status == 204:
            return Response(status_code=204)
        if isinstance(answer, Text):
            return PlainTextResponse(answer.text, status)
        return Response(orjson.dumps(answer), status, media_type="application/json")

    return Route(path, endpoint, methods=[method])


@dataclass(frozen=True, slots=True)
class Text:
    """An answer that is not JSON."""

    text: str
