"""Live streams: events in, events out, logs out. Reference pages: concepts/events, api-ref prefect-events-clients.

A client asks for the subprotocol ``prefect``, sends ``{"type": "auth", "token": …}`` first (the store's token, or
``user:password``; never encoded) and hears ``{"type": "auth_success"}``. Codes of refusals: 1002 no such protocol, or
no such message; 1003 no JSON; 1008 not allowed; 1013 too slow.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from penstock._store.core import Refused
from penstock._store.feed import Written
from penstock._store.guard import Message, Receive, Send
from penstock.settings import get_current_settings

if TYPE_CHECKING:
    from penstock._store.event_filter import EventFilter
    from penstock._store.service import Store

#: Commits that wait for a client before it is called too slow.
_WAITING = 1000
#: How far back a stream of events begins.
_BACKFILL = timedelta(minutes=15)
_FIRST_MESSAGE_SECONDS = 10.0


class Closed(Exception):
    """The connection ends; `code` says why."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


def websocket_protocol(**options: Any) -> Any:
    """Make uvicorn's websocket protocol; it is loaded with the first connection that wants one."""
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

    return WebSocketsSansIOProtocol(**options)


class Socket:
    """One accepted connection: JSON in, JSON out."""

    def __init__(self, store: Store, receive: Receive, send: Send) -> None:
        self.store = store
        self._receive = receive
        self._send = send

    async def open(self, subprotocols: Iterable[str]) -> None:
        """Shake hands: subprotocol, then who it is.

        Raises:
            Closed: it is not to be served.
        """
        if (await self._receive())["type"] != "websocket.connect" or "prefect" not in subprotocols:
            raise Closed(1002, "the subprotocol must be prefect")
        await self._send({"type": "websocket.accept", "subprotocol": "prefect"})
        try:
            first = await asyncio.wait_for(self.receive(), _FIRST_MESSAGE_SECONDS)
        except TimeoutError as error:
            raise Closed(1008, "nobody said who it is") from error
        if not isinstance(first, dict) or first.get("type") != "auth":
            raise Closed(1008, "Expected 'auth' message")
        if not self.store.access.is_secret(str(first.get("token") or "")):
            raise Closed(1008, "Auth required")
        await self.send({"type": "auth_success"})

    async def receive(self) -> Any:
        """Return the next message.

        Raises:
            Closed: the client has gone, or sent no JSON.
        """
        message: Message = await self._receive()
        if message["type"] != "websocket.receive":
            raise Closed(1000)
        try:
            return orjson.loads(message.get("text") or message.get("bytes") or b"")
        except orjson.JSONDecodeError as error:
            raise Closed(1003, "not JSON") from error

    async def send(self, body: Any) -> None:
        """Send a message."""
        await self._send({"type": "websocket.send", "text": orjson.dumps(body).decode()})

    async def close(self, closed: Closed) -> None:
        """Say why it ends."""
        with contextlib.suppress(RuntimeError, OSError):
            await self._send({"type": "websocket.close", "code": closed.code, "reason": closed.reason[:100]})


async def serve_socket(
    store: Store, path: str, receive: Receive, send: Send, subprotocols: Iterable[str]
) -> None:
    """Serve one websocket until it ends."""
    settings = get_current_settings()
    handlers: dict[str, tuple[Callable[[Socket], Awaitable[None]], bool]] = {
        "/api/events/in": (_events_in, True),
        "/api/events/out": (_events_out, bool(settings.server_events_stream_out_enabled)),
        "/api/logs/out": (_logs_out, bool(settings.server_logs_stream_out_enabled)),
    }
    handler, is_on = handlers.get(path, (None, False))
    socket = Socket(store, receive, send)
    try:
        if handler is None or not is_on:
            await receive()
            raise Closed(1008, "there is no such stream here")
        await socket.open(subprotocols)
        await handler(socket)
    except Closed as closed:
        await socket.close(closed)


async def _events_in(socket: Socket) -> None:
    from penstock._store.bodies import Event
    from penstock._store.event_log import line_of, record
    from penstock._store.shape import model_of

    while True:
        message = await socket.receive()
        try:
            line = line_of(model_of(Event, message))
        except Refused as refused:
            raise Closed(1002, str(refused.body.get("exception_message"))) from refused
        await asyncio.wrap_future(socket.store.core.call(partial(record, lines=[line])))


async def _events_out(socket: Socket) -> None:
    from penstock._store.event_filter import EventFilter
    from penstock._store.event_log import show

    message = await _filter_message(socket)
    wanted = _model(EventFilter, message.get("filter") or {})
    seen: set[str] = set()

    async def pass_on(ids: list[str]) -> None:
        for row in await asyncio.to_thread(_events, socket.store, wanted, ids):
            if str(row["id"]) not in seen:
                seen.add(str(row["id"]))
                await socket.send({"type": "event", "event": show(row)})

    # Listening begins before the past is read, so that nothing falls between; what comes twice is sent once.
    async with _Listener(socket) as listener:
        if message.get("backfill", True):
            for row in await asyncio.to_thread(_recent, socket.store, wanted):
                seen.add(str(row["id"]))
                await socket.send({"type": "event", "event": show(row)})
        while True:
            lines = await listener.next()
            await pass_on([one for _, line in lines if (one := _event_id(line.kind, line.body)) is not None])


async def _logs_out(socket: Socket) -> None:
    from penstock._store import show
    from penstock._store.filters import LOGS, condition

    message = await _filter_message(socket)
    try:
        sql, values = condition(LOGS, message.get("filter"), "filter")
    except Refused as refused:
        raise Closed(1002, "the filter is not of the grammar") from refused
    query = f"FROM logs WHERE {sql} AND id IN (SELECT unnest(?::UUID[])) ORDER BY at_us, client, seq"
    async with _Listener(socket) as listener:
        while True:
            lines = await listener.next()
            ids = [str(UUID(_log_id(client, line.seq))) for client, line in lines if line.kind == "log"]
            if ids:
                for row in await asyncio.to_thread(socket.store.database.records, query, [*values, ids]):
                    await socket.send({"type": "log", "log": show.log(row)})


def _log_id(client: str, seq: int) -> str:
    return hashlib.md5(f"{client}:{seq}".encode(), usedforsecurity=False).hexdigest()  # as in the view


async def _filter_message(socket: Socket) -> dict[str, Any]:
    message = await socket.receive()
    if not isinstance(message, dict) or message.get("type") != "filter":
        raise Closed(1002, "Expected 'filter' message")
    return message


def _model(model: type[EventFilter], body: Any) -> EventFilter:
    from penstock._store.shape import model_of

    try:
        return model_of(model, body)
    except Refused as refused:
        raise Closed(1002, "the filter is not of the grammar") from refused


def _event_id(kind: str, body: dict[str, Any]) -> str | None:
    if kind == "event":
        return str(body.get("id"))
    identity = body.get("state_id")
    return str(identity) if identity else None


def _recent(store: Store, wanted: EventFilter) -> list[dict[str, Any]]:
    from penstock._store.event_filter import Occurred, source_of

    now = datetime.now(UTC)
    late = wanted.model_copy(update={"occurred": Occurred(since=now - _BACKFILL, until=now)})
    source, values = source_of(late)
    return store.database.records(f"FROM {source} ORDER BY occurred_us, id", values)


def _events(store: Store, wanted: EventFilter, ids: list[str]) -> list[dict[str, Any]]:
    from penstock._store.event_filter import Occurred, source_of

    if not ids:
        return []
    # A live stream has no end: what is to come was not yet when the filter was made.
    later = Occurred(since=wanted.occurred.since, until=datetime(9000, 1, 1, tzinfo=UTC))
    source, values = source_of(wanted.model_copy(update={"occurred": later}))
    query = f"FROM {source} WHERE id IN (SELECT unnest(?::UUID[])) ORDER BY occurred_us, id"
    return store.database.records(query, [*values, ids])


class _Listener:
    """The lines of commits as an asynchronous queue; it ends when the client says goodbye."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._queue: asyncio.Queue[list[Written] | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._listening = socket.store.core.feed.listening(self._hear)
        self._goodbye: asyncio.Task[None] | None = None

    async def __aenter__(self) -> _Listener:
        self._listening.__enter__()
        self._goodbye = asyncio.create_task(self._until_gone())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.__exit__(None, None, None)
        if self._goodbye is not None:
            self._goodbye.cancel()

    async def next(self) -> list[Written]:
        """Return the lines of the next commit.

        Raises:
            Closed: the client has gone, or is too slow.
        """
        lines = await self._queue.get()
        if lines is None:
            raise Closed(1000)
        if self._queue.qsize() > _WAITING:
            raise Closed(1013, "too slow")
        return lines

    def _hear(self, lines: list[Written]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended with the process
            self._loop.call_soon_threadsafe(self._queue.put_nowait, lines)

    async def _until_gone(self) -> None:
        while True:
            try:
                await self._socket.receive()
            except Closed:
                self._queue.put_nowait(None)
                return
