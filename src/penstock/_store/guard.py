"""Who may ask: token, Host and Origin, all three, before anything is routed.

The token keeps out other users, Host keeps out names rebound to loopback, Origin keeps out pages in the user's
browser. A request through the Unix socket has no meaningful Host, the file's mode stands in for it.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

import orjson

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})
_OPEN = frozenset({("GET", "/api/health")})
BODY_LIMIT = 16 << 20
INGEST_LIMIT = 64 << 20


class TooLarge(Exception):
    """The body is longer than allowed."""


class Guard:
    """ASGI middleware. It also counts requests, so that the store knows when it is idle."""

    def __init__(self, app: App, token: str, heard: Callable[[int], None] = lambda _: None) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()
        self._heard = heard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await respond(send, *refusal)
            return
        self._heard(1)
        try:
            await self._app(scope, _capped(receive, _limit(scope["path"])), send)
        except TooLarge:
            await respond(send, 413, {"exception_message": "The request body is too large."})
        finally:
            self._heard(-1)

    def _refusal(self, scope: Scope, headers: dict[bytes, bytes]) -> tuple[int, dict[str, str]] | None:
        over_tcp = scope.get("server") is not None
        if over_tcp and _hostname(headers.get(b"host", b"")) not in _LOCAL:
            return 403, {"detail": "This Host is not served here."}
        origin = headers.get(b"origin")
        if origin is not None and not _is_local_origin(origin):
            return 403, {"detail": "Requests from this Origin are not served."}
        if (scope["method"], scope["path"]) in _OPEN:
            return None
        given = headers.get(b"authorization", b"")
        if not hmac.compare_digest(given, self._expected):
            return 401, {"exception_message": "Unauthorized"}
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > _limit(scope["path"]):
            return 413, {"exception_message": "The request body is too large."}
        return None


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


async def respond(
    send: Send, status: int, body: Any, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
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
