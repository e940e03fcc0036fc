"""From a request to a handler and back. A handler is a plain function of an `Ask` that returns status and body.

A route says, beside its handler, what its body and its answer look like; the OpenAPI document is made of that and
so are the tests that no route forgets to ask who is there.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs
from uuid import UUID

from penstock._store.changes import fields_of
from penstock._store.core import Core, Refused
from penstock._store.filters import Condition, invalid
from penstock._store.guard import Receive, Scope, Send, read_body, respond
from penstock._store.requests import missing as missing
from penstock._store.shape import model_of, read_json

if TYPE_CHECKING:
    from pydantic import BaseModel

    from penstock._store.service import Store

T = TypeVar("T")
Answer = tuple[int, Any]
Model = TypeVar("Model", bound="BaseModel")


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. Runs on a worker thread."""

    store: Store
    path: dict[str, str]
    query: dict[str, str]
    body: Any
    base: str = ""

    @property
    def fields(self) -> dict[str, Any]:
        """The body as an object.

        Raises:
            Refused: 422, it is something else.
        """
        if not isinstance(self.body, dict):
            raise invalid([{"loc": ["body"], "msg": "must be an object", "type": "dict_type"}], self.body)
        return self.body

    def read(self, model: type[Model]) -> Model:
        """Return the body as a model.

        Raises:
            Refused: 422, it does not fit.
        """
        return model_of(model, self.body)

    def call(self, do: Callable[[Core], T]) -> T:
        """Run something on the writer thread and wait for its commit."""
        return self.store.core.call(do).result()

    def id(self, name: str = "id") -> str:
        """Return an id of the path, in lower case.

        Raises:
            Refused: 422, it is no UUID.
        """
        return uuid_of(self.path[name], name)

    def records(self, sql: str, parameters: list[Any]) -> list[dict[str, Any]]:
        """Read rows as dictionaries."""
        return self.store.database.records(sql, parameters)

    def changes(self, rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        """Return what was recorded of these objects beside their columns, by id."""
        return fields_of(self.store.database, [str(row["id"]) for row in rows])

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
            raise missing(what)
        return rows[0]


def uuid_of(text: Any, name: str) -> str:
    """Return a UUID's text, or refuse with 422."""
    try:
        return str(UUID(text))
    except (ValueError, AttributeError, TypeError) as error:
        detail = {"loc": [name], "msg": f"not a UUID: {str(text)[:60]!r}", "type": "uuid_parsing"}
        raise invalid([detail]) from error


def now() -> datetime:
    """Return the present UTC time without a zone, as the views have it."""
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Text:
    """An answer that is not JSON."""

    text: str
    media_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table of routes.

    `body` is a pydantic model, a JSON schema, or None; `answer` names a schema of the answer; `status` is that of
    success; `query` names query parameters with their schemas.
    """

    method: str
    path: str
    handler: Callable[[Ask], Answer]
    body: Any = None
    answer: Any = None
    status: int = 200
    query: Mapping[str, Any] = field(default_factory=dict)
    media_type: str = "application/json"

    @property
    def pattern(self) -> re.Pattern[str]:
        """What the path of a request must match. A parameter called id must be a UUID, so that words are no ids."""
        return re.compile(_PARAMETER.sub(_group, self.path.rstrip("/")) + "/?")


_PARAMETER = re.compile(r"\{(\w+)\}")
_UUID = r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}"
_SIMPLE = {b"application/json", b""}


def _group(match: re.Match[str]) -> str:
    return f"(?P<{match[1]}>{_UUID if match[1] == 'id' else '[^/]+'})"


class Router:
    """Finds the route of a request and runs its handler on a worker thread.

    Args:
        store: what the handlers work with.
        routes: the table; the first match counts.
        prefix: what all paths begin with.
    """

    def __init__(self, store: Store, routes: Iterable[Route], prefix: str) -> None:
        self.routes = list(routes)
        self._store = store
        self._prefix = prefix
        self._table = [(route.pattern, route) for route in self.routes]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["path"].removeprefix(self._prefix)
        allowed: set[str] = set()
        for pattern, route in self._table:
            match = pattern.fullmatch(path)
            if match is not None and route.method == scope["method"]:
                await self._run(route, match.groupdict(), scope, receive, send)
                return
            if match is not None:
                allowed.add(route.method)
        if allowed:
            headers = ((b"allow", ", ".join(sorted(allowed)).encode()),)
            await respond(send, 405, {"detail": "Method Not Allowed"}, headers)
        else:
            await respond(send, 404, {"detail": "Not Found"})

    async def _run(
        self, route: Route, path: dict[str, str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        headers = dict(scope["headers"])
        _check_version(headers.get(b"x-prefect-api-version"))
        data = await read_body(receive)
        if data and headers.get(b"content-type", b"").split(b";")[0].strip().lower() not in _SIMPLE:
            await respond(send, 415, {"detail": "Bodies must be sent as application/json."})
            return
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        last = {name: values[-1] for name, values in query.items()}
        if any("\0" in text for text in (*path.values(), *last.values())):
            detail = {"loc": ["path"], "msg": "NUL characters are in no name", "type": "value_error"}
            raise invalid([detail])
        base = f"{scope.get('scheme', 'http')}://{headers.get(b'host', b'localhost').decode('latin-1')}"
        ask = Ask(self._store, path, last, read_json(data), base)
        status, answer = await asyncio.to_thread(route.handler, ask)
        await send_answer(send, status, answer)


def _check_version(given: bytes | None) -> None:
    """Refuse a client that speaks an older API than the oldest we do, or none we can read."""
    if given is None:
        return
    text = given.decode("latin-1")
    parts = text.split(".")
    if not 2 <= len(parts) <= 4 or not all(part.isdecimal() and len(part) < 6 for part in parts):
        raise Refused(400, {"detail": f"Invalid X-PREFECT-API-VERSION header format: {text[:60]!r}"})
    if tuple(map(int, parts)) < OLDEST_API:
        oldest = ".".join(map(str, OLDEST_API))
        raise Refused(
            400,
            {"detail": f"The API version {text} of this client is older than {oldest}, the oldest served."},
        )


#: The oldest version of the API that clients may speak.
OLDEST_API = (0, 8, 0)


async def send_answer(send: Send, status: int, answer: Any) -> None:
    """Send what a handler returned."""
    if status == 204:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    if not isinstance(answer, Text):
        await respond(send, status, answer)
        return
    data = answer.text.encode("utf-8", "replace")
    headers = [
        (b"content-type", answer.media_type.encode()),
        (b"content-length", str(len(data)).encode()),
        (b"x-content-type-options", b"nosniff"),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})


__all__ = ["Answer", "Ask", "Route", "Router", "Text", "missing", "now", "send_answer", "uuid_of"]
