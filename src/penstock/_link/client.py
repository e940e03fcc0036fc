"""The client of the store process that everything in the core uses."""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from penstock._journal.line import to_json
from penstock._link.endpoint import process_state, read_endpoint
from penstock._link.spawn import Starter
from penstock._workspace import Workspace, current_workspace
from penstock.exceptions import StoreRefused, StoreUnavailable
from penstock.settings import get_current_settings

if TYPE_CHECKING:
    from penstock._link.http import Transport


class StoreClient:
    """Talks to the store of one workspace, starting it when nobody answers.

    Args:
        workspace: which one.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._starter = Starter(workspace)
        self._transport: Transport | None = None
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Start the store if it is not running, without waiting for it; who needs it hears why there is none."""
        if self._transport is None:
            with self._lock, contextlib.suppress(StoreUnavailable):
                if self._transport is None:
                    self._starter.begin()

    def load(self) -> None:
        """Begin, and import whatever talking to the store needs."""
        self.begin()
        importlib.import_module("penstock._link.http")
        # Reading the settings files imports a parser.
        _ = get_current_settings().store_start_timeout

    def request(
        self,
        method: str,
        path: str,
        body: object | None = None,
        *,
        raw: bytes | None = None,
        query: dict[str, Any] | None = None,
        timeout: float = 30.0,
        start: bool = True,
    ) -> Any:
        """Send a request and return the decoded JSON answer.

        A store that was stopped meanwhile is started again and asked once more: every request is idempotent,
        by its ids or by its meaning.

        Args:
            method: the HTTP verb.
            path: from the slash on.
            body: sent as JSON.
            raw: sent as it is, instead of `body`.
            query: query parameters; None values are left out.
            timeout: seconds to wait for the answer.
            start: False to fail instead of starting a store.

        Raises:
            StoreUnavailable: nobody answers. ObjectNotFound, StoreRefused: it answered no.
        """
        data = raw if raw is not None else (None if body is None else to_json(body))
        target = path
        if query:
            target += "?" + urlencode({k: v for k, v in query.items() if v is not None})
        last: BaseException | None = None
        for _ in range(3):
            transport = self._connected(start)
            try:
                return transport.request(method, target, data, timeout)
            except TimeoutError as error:
                self._forget(transport)  # its answer may still come, and is not that of the next request
                raise StoreUnavailable(
                    f"{self._who()} did not answer {method} {path} within {timeout:g} s."
                ) from error
            except OSError as error:
                last = error
                self._forget(transport)
            except StoreRefused as error:
                if error.status != 401:
                    raise
                # Another store has taken the place of the one whose token this is.
                last = error
                self._forget(transport)
        raise StoreUnavailable(f"The store broke off three times at {method} {path}: {last!r}") from last

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            if self._transport is not None:
                self._transport.close()
                self._transport = None

    def _connected(self, start: bool) -> Transport:
        transport = self._transport
        if transport is not None:
            return transport
        with self._lock:
            if self._transport is None:
                if start:
                    endpoint = self._starter.wait()
                else:
                    found = read_endpoint(self.workspace)
                    if found is None:
                        raise StoreUnavailable(f"No store process runs for {self.workspace.home}.")
                    endpoint = found
                # Loaded here, while the store starts: HTTP, e-mail headers and TLS are a third of our import time.
                from penstock._link.http import Transport

                self._transport = Transport(endpoint.socket, endpoint.token)
            return self._transport

    def _who(self) -> str:
        """Name the process that does not answer, and what can be done about it."""
        endpoint = read_endpoint(self.workspace)
        if endpoint is None:
            return "The store process"
        who = f"The store process (pid {endpoint.pid})"
        if process_state(endpoint.pid, endpoint.start) == "T":
            return f"{who} is stopped (`kill -CONT {endpoint.pid}` lets it go on): it"
        return f"{who}, at which `penstock doctor` looks,"

    def _forget(self, broken: Transport) -> None:
        with self._lock:
            if self._transport is broken:
                self._transport = None
        time.sleep(0.01)


_clients: dict[tuple[int, Path], StoreClient] = {}
_clients_lock = threading.Lock()


def store(workspace: Workspace | None = None) -> StoreClient:
    """Return this process's client for a workspace, the current one by default."""
    place = workspace or current_workspace()
    key = (os.getpid(), place.home)
    client = _clients.get(key)
    if client is None:
        with _clients_lock:
            client = _clients.setdefault(key, StoreClient(place))
    return client


def path_of(*parts: object) -> str:
    """Join path parts, each quoted: ``path_of("api", "flow_runs", run_id)``."""
    return "/" + "/".join(quote(str(part), safe="") for part in parts)


def _after_fork() -> None:
    global _clients_lock
    _clients_lock = threading.Lock()
    _clients.clear()


os.register_at_fork(after_in_child=_after_fork)
