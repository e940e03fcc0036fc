"""Who may ask: token, Host and Origin, all three, before anything is routed.

The token keeps out other users, Host keeps out names rebound to loopback, Origin keeps out pages in the user's
browser. A request through the Unix socket has no meaningful Host, the file's mode stands in for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

import orjson

from penstock._store.access import Access

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})
#: Exact paths: whatever else ends in "health" may be the name of something.
_OPEN = frozenset({("GET", "/api/health"), ("GET", "/api/ready")})
BODY_LIMIT = 16 << 20
INGEST_LIMIT = 64 << 20


class TooLarge(Exception):
    """The body is longer than allowed."""


class Guard:
    """ASGI middleware. It also counts requests, so that the store knows when it is idle.

    Args:
        app: what is guarded.
        access: who may ask.
        heard: called with 1 when a request begins and -1 when it ends.
    """

    def __init__(self, app: App, access: Access, heard: Callable[[int], None] = lambda _: None) -> None:
        self._app = app
        self._access = access
        self._heard = heard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        headers = dict(scope.get("headers", ()))
        if scope["type"] == "http":
            send = _shared_with(headers.get(b"origin"), send)
            refusal = self._refusal(scope, headers)
            if refusal is not None:
                await respond(send, *refusal)
            elif _is_preflight(scope, headers):
                await _allow(send)
            else:
                await self._through(scope, _capped(receive, _limit(scope["path"])), send)
        elif scope["type"] == "websocket":
            if _foreign(scope, headers) is None:
                await self._through(scope, receive, send)
            else:
                await receive()
                await send({"type": "websocket.close", "code": 1008})

    async def _through(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._heard(1)
        try:
            await self._app(scope, receive, send)
        except TooLarge:
            await respond(send, 413, {"exception_message": "The request body is too large."})
        finally:
            self._heard(-1)

    def _refusal(self, scope: Scope, headers: dict[bytes, bytes]) -> tuple[int, dict[str, str]] | None:
        foreign = _foreign(scope, headers)
        if foreign is not None:
            return 403, {"detail": foreign}
        method, path = scope["method"], scope["path"]
        if (method, path) in _OPEN or _is_preflight(scope, headers):
            return None
        if not self._access.is_known(headers.get(b"authorization", b"")):
            return 401, {"exception_message": "Unauthorized"}
        lacking = self._access.csrf_refusal(method, path, headers, over_tcp=_over_tcp(scope))
        if lacking is not None:
            return 403, {"detail": lacking}
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > _limit(path):
            return 413, {"exception_message": "The request body is too large."}
        return None


def _over_tcp(scope: Scope) -> bool:
    """True unless the request came through the Unix socket, for which uvicorn names no port."""
    server = scope.get("server")
    return server is not None and server[1] is not None


def _foreign(scope: Scope, headers: dict[bytes, bytes]) -> str | None:
    if _over_tcp(scope) and _hostname(headers.get(b"host", b"")) not in _LOCAL:
        return "This Host is not served here."
    origin = headers.get(b"origin")
    if origin is not None and not _is_local_origin(origin):
        return "Requests from this Origin are not served."
    return None


def _is_preflight(scope: Scope, headers: dict[bytes, bytes]) -> bool:
    asks = b"access-control-request-method" in headers and b"origin" in headers
    return bool(scope["method"] == "OPTIONS" and asks)


async def _allow(send: Send) -> None:
    """Answer a browser that asks before it sends; it has no credentials yet."""
    headers = [
        (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
        (
            b"access-control-allow-headers",
            b"authorization, content-type, prefect-csrf-token, prefect-csrf-client",
        ),
        (b"access-control-max-age", b"600"),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _shared_with(origin: bytes | None, send: Send) -> Send:
    """Let a page of this machine, and no other, read the answers."""
    if origin is None or not _is_local_origin(origin):
        return send

    async def labelled(message: Message) -> None:
        if message["type"] == "http.response.start":
            more = [
                (b"access-control-allow-origin", origin),
                (b"access-control-allow-credentials", b"true"),
                (b"vary", b"Origin"),
            ]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return labelled


def _limit(path: str) -> int:
    return INGEST_LIMIT if path == "/link/ingest" else BODY_LIMIT


def _hostname(host: bytes) -> str:
    text = host.decode("latin-1").strip().lower()
    name, colon, port = text.rpartition(":")
    return name if colon and port.isdigit() else text


def _is_local_origin(origin: bytes) -> bool:
    try:
        parts = urlsplit(origin.decode("latin-1"))
        name = parts.hostname
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and name in ("localhost", "127.0.0.1", "::1")


def _capped(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise TooLarge
        return message

    return counted


async def read_body(receive: Receive) -> bytes:
    """Read a whole request body."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def respond(send: Send, status: int, body: Any, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    """Send a JSON answer."""
    data = orjson.dumps(body, default=str)
    about = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(data)).encode()),
        (b"x-content-type-options", b"nosniff"),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": about})
    await send({"type": "http.response.body", "body": data})
