"""The ASGI application: `/link/*` at once, `/api/*` on its first use.

The link routes are a plain table, so that the first event of a notebook does not wait for the REST API and its models.
"""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

from penstock._store.core import Refused
from penstock._store.guard import App, Receive, Scope, Send, TooLarge, respond
from penstock._store.service import Store


class Application:
    """Sends a request to the link routes or to the REST application."""

    def __init__(self, store: Store) -> None:
        from penstock._store.routes.link import Link

        self._store = store
        self._link = Link(store)
        self._rest: App | None = None
        self._rest_lock = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; nothing it raises ends the store."""
        path: str = scope["path"]
        if scope["type"] == "websocket":
            from penstock._store.sockets import serve_socket

            await serve_socket(self._store, path, receive, send, scope.get("subprotocols", ()))
            return
        try:
            if path.startswith("/link/"):
                await respond(send, *await self._link.answer(scope, receive))
            elif path == "/api/health" and scope["method"] == "GET":
                await respond(send, 200, True)
            elif path.startswith("/api/"):
                await (await self._loaded())(scope, receive, send)
            elif path == "/openapi.json":
                await (await self._loaded())({**scope, "path": "/api/openapi.json"}, receive, send)
            else:
                await respond(send, 404, {"detail": "Not Found"})
        except Refused as refused:
            await respond(send, refused.status, _envelope(refused))
        except TooLarge:
            raise
        except Exception as error:
            traceback.print_exc()
            await respond(send, 500, {"exception_message": f"Internal error: {type(error).__name__}"})

    async def _loaded(self) -> App:
        async with self._rest_lock:
            if self._rest is None:
                from penstock._store.routes import rest_application

                self._rest = await asyncio.to_thread(rest_application, self._store)
            return self._rest


def _envelope(refused: Refused) -> dict[str, Any]:
    """Return the answer; what concerns one object says why under both documented names."""
    body = refused.body
    reason = body.get("detail") or body.get("exception_message")
    if refused.status in (404, 409) and reason:
        return {**body, "detail": reason, "exception_message": reason}
    return body
