"""Connections that cost too much: too many at once over TCP, or one that never finishes what it asks.

Other users of this machine can connect to the TCP port, though nothing is answered without the token. They must not be
able to use up what the owner needs; the Unix socket, which only the owner can open, has no such limits.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any
from weakref import WeakSet

from uvicorn.protocols.http.h11_impl import H11Protocol

#: Seconds in which the head of a request has to arrive.
HEAD_SECONDS = 5.0
#: Connections over TCP at a time.
MOST = 256

_over_tcp: WeakSet[Any] = WeakSet()


class PatientProtocol(H11Protocol):  # type: ignore[misc]  # uvicorn is untyped to mypy here
    """HTTP as uvicorn speaks it, for a limited number of connections and a limited time each."""

    _impatience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Count a connection, and close it at once when there are too many."""
        super().connection_made(transport)
        if transport.get_extra_info("socket").family == socket.AF_UNIX:
            return
        if sum(not other.is_closing() for other in _over_tcp) >= MOST:
            transport.abort()
            return
        _over_tcp.add(transport)
        self._impatience = self.loop.call_later(HEAD_SECONDS, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Take bytes; the time for the next head begins with its first byte."""
        super().data_received(data)
        if self.transport not in _over_tcp:
            return
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering or self.transport.get_protocol() is not self:
            self._calm()
        elif self._impatience is None:
            self._impatience = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._calm()
        super().connection_lost(exc)

    def _calm(self) -> None:
        if self._impatience is not None:
            self._impatience.cancel()
            self._impatience = None
