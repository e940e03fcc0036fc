"""The life of the store process: open, catch up, serve, stop.

Runs only while the lock is held (`__main__`). DuckDB is opened on a second thread while the web server is imported,
since both take a tenth of a second. Whoever reads the endpoint file finds a socket that answers.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading
import time
from types import FrameType
from typing import Any, cast

import orjson

from penstock._journal.writer import Journal, process_start
from penstock._store import durability
from penstock._store.report import say
from penstock._workspace import PROTOCOL, Workspace
from penstock.settings import get_current_settings

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def serve(workspace: Workspace, lock: int, *, host: str, port: int, foreground: bool) -> int:
    """Serve until idle or stopped; the caller holds the lock on descriptor `lock`."""
    if host not in _LOOPBACK:
        say(f"--host {host} is refused: only loopback is served; use an SSH tunnel from outside.")
        return 78
    # Answers pass between two threads: with the default of 5 ms each pass may cost that much.
    sys.setswitchinterval(0.0005)
    life = _Life(workspace, foreground=foreground)
    try:
        opening = _Opening(workspace)
        # A killed store leaves its endpoint behind; its token would be refused on our socket.
        workspace.endpoint.unlink(missing_ok=True)
        sockets = [_unix_socket(workspace), _tcp_socket(host, port)]
        server = life.server(opening)
        address = sockets[1].getsockname()[:2]
        _write_lock_text(lock)
        life.publish(address)
        if foreground:
            sys.stdout.write(f"Penstock store of {workspace.home}\nAPI: http://{host}:{address[1]}/api\n")
            sys.stdout.flush()
        asyncio.run(life.run(server, sockets))
    except (OSError, RuntimeError) as error:
        say(f"cannot serve {workspace.home}: {error}")
        return 70
    finally:
        life.end()
    return life.exit_code


class _Opening:
    """The database, the writer and the sweeper, made on another thread."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._result: tuple[Any, Any, Any] | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._open, name="penstock-open", daemon=True)
        self._thread.start()

    def result(self) -> tuple[Any, Any, Any]:
        """Wait for it and return database, core and sweeper."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def _open(self) -> None:
        try:
            self._result = _open_store(self._workspace)
        except BaseException as error:
            self._error = error


def _open_store(workspace: Workspace) -> tuple[Any, Any, Any]:
    from penstock._store.core import Core
    from penstock._store.recovery import open_database
    from penstock._store.sweeper import Sweeper

    database = open_database(workspace)
    journal = Journal(workspace.journals, role="store")
    core = Core(database, journal, workspace.journals)
    core.start()
    sweeper = Sweeper(core, workspace)
    # Decisions that a killed store had journalled but not committed come before any new ones.
    sweeper.sweep(role="store")
    return database, core, sweeper


class _Life:
    """What has to be undone at the end, and when the end is."""

    def __init__(self, workspace: Workspace, *, foreground: bool) -> None:
        self.exit_code = 0
        self._workspace = workspace
        self._foreground = foreground
        self._token = os.urandom(32).hex()
        self._server: Any = None
        self._ending = False
        self._parts: tuple[Any, Any, Any] | None = None
        self._requests = 0
        self._last_heard = time.monotonic()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())

    def server(self, opening: _Opening) -> Any:
        """Make the web server around the opened store."""
        import uvicorn.server
        from uvicorn.config import Config

        from penstock._store.access import access_of_settings
        from penstock._store.app import Application
        from penstock._store.guard import BODY_LIMIT, Guard
        from penstock._store.service import Store
        from penstock._store.sockets import websocket_protocol

        self._parts = database, core, sweeper = opening.result()
        core.on_death = self._writer_died
        access = access_of_settings(self._token)
        store = Store(self._workspace, database, core, sweeper, self.stop, self.stopping, access)
        app: Any = Guard(Application(store), access, self._heard)
        config = Config(
            app,
            loop="asyncio",
            http="h11",
            ws=cast("Any", websocket_protocol),
            ws_max_size=BODY_LIMIT,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=300,
            timeout_graceful_shutdown=5,
            limit_concurrency=1024,
            backlog=256,
        )
        self._server = uvicorn.server.Server(config)
        self._server.should_exit = self._ending
        forward = self._server.handle_exit

        def heard(number: int, frame: FrameType | None) -> None:
            """Uvicorn takes the signals over; who waits with a long poll must be answered all the same."""
            self.stop()
            forward(number, frame)

        self._server.handle_exit = heard
        sweeper.start()
        return self._server

    async def run(self, server: Any, sockets: list[socket.socket]) -> None:
        """Serve, and watch for idleness."""
        watch = asyncio.create_task(self._watch())
        try:
            await server.serve(sockets=sockets)
        finally:
            watch.cancel()

    def publish(self, address: tuple[str, int]) -> None:
        """Write the endpoint file; the sockets listen already."""
        about = {
            "socket": str(self._workspace.socket),
            "tcp_host": address[0],
            "tcp_port": address[1],
            "token": self._token,
            "pid": os.getpid(),
            "start": process_start(),
            "version": _version(),
            "protocol": PROTOCOL,
        }
        durability.replace_text(self._workspace.endpoint, orjson.dumps(about).decode())

    def stop(self) -> None:
        """Drain and exit. Any thread, also a signal handler."""
        self._ending = True
        if self._server is not None:
            self._server.should_exit = True
        if self._parts is not None:
            threading.Thread(target=self._parts[1].wake_all, daemon=True).start()

    def stopping(self) -> bool:
        """True once the end has begun."""
        return self._ending or (self._server is not None and bool(self._server.should_exit))

    def end(self) -> None:
        """Let clients find nobody, then close what is open."""
        self._workspace.endpoint.unlink(missing_ok=True)
        self._workspace.socket.unlink(missing_ok=True)
        if self._parts is None:
            return
        database, core, sweeper = self._parts
        sweeper.stop()
        core.stop()
        durability.sync_journals(self._workspace.journals)
        database.close()
        core.journal.close()

    async def _watch(self) -> None:
        idle = get_current_settings().store_idle_seconds
        while not self.stopping():
            await asyncio.sleep(min(1.0, max(idle / 4, 0.05)))
            if self._foreground or self._requests or time.monotonic() - self._last_heard < idle:
                continue
            assert self._parts is not None
            if await asyncio.to_thread(self._parts[2].living) == 0:
                self.stop()

    def _heard(self, change: int) -> None:
        self._requests += change
        self._last_heard = time.monotonic()

    def _writer_died(self) -> None:
        """Nothing can be promised any more: go, and let the next one read the journals."""
        self.exit_code = 74
        self.stop()


def _unix_socket(workspace: Workspace) -> socket.socket:
    """Listen on the Unix socket; one that is left over is ours to remove, since we hold the lock."""
    workspace.socket.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(workspace.socket))
    listener.listen(256)
    return listener


def _tcp_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(256)
    return listener


def _write_lock_text(lock: int) -> None:
    """Say in the lock file who holds it; the lock is the truth, the text is for people."""
    os.ftruncate(lock, 0)
    os.pwrite(lock, orjson.dumps({"pid": os.getpid(), "start": process_start(), "protocol": PROTOCOL}), 0)


def _version() -> str:
    from penstock._store.version import version

    return version()
