"""HTTP to the store over its Unix socket, one kept-alive connection a thread."""

from __future__ import annotations

import http.client
import os
import threading
from typing import Any
from weakref import WeakSet

import orjson

from penstock._link.peer import connect
from penstock.exceptions import ObjectNotFound, StoreRefused


class UnixConnection(http.client.HTTPConnection):
    """An HTTP connection over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = connect(self._path, self.timeout)

    def __del__(self) -> None:
        """Close the socket of a thread that has ended, or that went on to another store."""
        sock = getattr(self, "sock", None)
        if sock is not None:  # nothing of this module may be left where the interpreter ends
            sock.close()


class Transport:
    """Requests to one running store.

    Args:
        path: the Unix socket.
        token: sent with every request.
    """

    def __init__(self, path: str, token: str) -> None:
        self._path = path
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._local = threading.local()
        self._all: WeakSet[UnixConnection] = WeakSet()
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def request(self, method: str, path: str, body: bytes | None, timeout: float) -> Any:
        """Send one request and return the decoded answer.

        Raises:
            OSError: the store could not be reached or broke off.
            ObjectNotFound: 404. StoreRefused: any other status from 400 on.
        """
        connection = self._connection(timeout)
        try:
            connection.request(method, path, body=body, headers=self._headers)
            response = connection.getresponse()
            data = response.read()
        except http.client.HTTPException as error:
            self._drop(connection)
            raise ConnectionResetError(f"the store broke off: {error!r}") from error
        except BaseException:
            self._drop(connection)
            raise
        kind = response.headers.get("content-type", "")
        decoded = orjson.loads(data) if data and "json" in kind else (data.decode() if data else None)
        if response.status >= 400:
            raise _refusal(response.status, decoded, f"{method} {path}")
        return decoded

    def _drop(self, connection: UnixConnection) -> None:
        connection.close()
        self._local.connection = None

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            open_now = list(self._all)
            self._all.clear()
        for connection in open_now:
            connection.close()

    def _connection(self, timeout: float) -> UnixConnection:
        connection: UnixConnection | None = getattr(self._local, "connection", None)
        if connection is None or self._pid != os.getpid():
            connection = UnixConnection(self._path, timeout)
            self._pid = os.getpid()
            self._local.connection = connection
            with self._lock:
                self._all.add(connection)
        connection.timeout = timeout
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        return connection


def _refusal(status: int, body: Any, what: str) -> Exception:
    reason = body
    if isinstance(body, dict):
        reason = body.get("exception_message") or body.get("detail") or body.get("reason") or body
    message = f"{what}: {reason}" if not isinstance(reason, str) else reason
    if status == 404:
        return ObjectNotFound(help_message=message)
    refused = StoreRefused(status, message)
    refused.add_note(f"request: {what}")
    refused.body = body  # type: ignore[attr-defined]  # for callers that need the whole answer
    return refused
