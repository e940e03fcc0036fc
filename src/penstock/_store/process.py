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
import traceback
from types import FrameType
from typing import Any, cast

import orjson

from penstock._crashpoints import crashpoint
from penstock._journal.writer import Journal, process_start
from penstock._store import durability
from penstock._store.report import Log, say
from penstock._workspace import PROTOCOL, Workspace
from penstock.settings import get_current_settings

#: Database, writer, sweeper and scheduler of an open store.
Parts = tuple[Any, Any, Any, Any]
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


#: A store's own first and last line are not worth a copy.
_OWN_LINES = 2
#: Exit code of a process that no other attempt would help: wrong settings, or files of a newer Penstock.
HOPELESS = 78


def serve(
    workspace: Workspace, lock: int, *, host: str, port: int, foreground: bool, keep_alive: float = 300.0
) -> int:
    """Serve until idle or stopped; the caller holds the lock on descriptor `lock`.

    Args:
        workspace: whose store this is.
        lock: descriptor of the lock file.
        host: a loopback address.
        port: of TCP; 0 takes a free one.
        foreground: stay when nobody asks for anything, and print the address.
        keep_alive: seconds a connection may be silent before it is closed.

    Returns:
        the exit code.
    """
    if host not in _LOOPBACK:
        say(f"--host {host} is refused: only loopback is served; use an SSH tunnel from outside.")
        return HOPELESS
    sys.stderr = Log(sys.stderr.fileno())
    # Answers pass between two threads: with the default of 5 ms each pass may cost that much.
    sys.setswitchinterval(0.0005)
    life = Life(workspace, foreground=foreground, keep_alive=keep_alive)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: life.stop())
    try:
        sockets = listen(workspace, host, port)
    except OSError as error:
        say(f"cannot listen on {host}:{port} for {workspace.home}: {error}")
        return HOPELESS if port else 70
    if foreground:
        sys.stdout.write(_banner(workspace, host, sockets[1].getsockname()[1]))
        sys.stdout.flush()
    return life.serve(lock, sockets)


def listen(workspace: Workspace, host: str, port: int) -> list[socket.socket]:
    """Return the Unix and the TCP socket, listening; nobody finds them before the endpoint file is written.

    Raises:
        OSError: the port is taken, or the folder of the socket cannot be written.
    """
    # A killed store leaves its endpoint behind; its token would be refused on our socket.
    workspace.endpoint.unlink(missing_ok=True)
    return [_unix_socket(workspace), _tcp_socket(host, port)]


def _banner(workspace: Workspace, host: str, port: int) -> str:
    url = f"http://{host}:{port}/api"
    return (
        f"Penstock store of {workspace.home}\nAPI: {url}\nOpenAPI document: {url}/openapi.json\n"
        f"Processes of this workspace find it by themselves; others: penstock config set PENSTOCK_API_URL={url}\n"
    )


class _Opening:
    """The database, the writer, the sweeper and the scheduler, made on another thread."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._result: Parts | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._open, name="penstock-open", daemon=True)
        self._thread.start()

    def result(self) -> Parts:
        """Wait for it and return its parts."""
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


def _open_store(workspace: Workspace) -> Parts:
    from penstock._store.core import Core
    from penstock._store.recovery import open_database
    from penstock._store.scheduler import Scheduler
    from penstock._store.sql import clear
    from penstock._store.sweeper import Sweeper

    clear(workspace.transfer)
    database = open_database(workspace)
    journal = Journal(workspace.journals, role="store")
    try:
        core = Core(database, journal, workspace.journals)
    except BaseException:
        database.close(checkpoint=False)
        raise
    core.start()
    sweeper = Sweeper(core, workspace)
    # Decisions that a killed store had journalled but not committed come before any new ones.
    sweeper.sweep(role="store")
    return database, core, sweeper, Scheduler(core)


class Life:
    """What has to be undone at the end, and when the end is.

    Args:
        workspace: whose store this is.
        foreground: never end for being idle.
        keep_alive: seconds a connection may be silent before it is closed.
    """

    def __init__(self, workspace: Workspace, *, foreground: bool, keep_alive: float = 300.0) -> None:
        self.exit_code = 0
        #: False once the files are closed and the endpoint is gone.
        self.is_open = True
        self._keep_alive = keep_alive
        self._workspace = workspace
        self._foreground = foreground
        self._token = os.urandom(32).hex()
        self._server: Any = None
        self._ending = False
        self._is_idle = False
        self._parts: Parts | None = None
        self._requests = 0
        self._last_heard = time.monotonic()

    def serve(self, lock: int, sockets: list[socket.socket]) -> int:
        """Open the store, serve it on these sockets until the end, close everything; returns the exit code."""
        try:
            opening = _Opening(self._workspace)
            server = self._make_server(opening)
            crashpoint("store.opened")
            _write_lock_text(lock)
            self._publish(sockets[1].getsockname()[:2])
            asyncio.run(self._run(server, sockets))
        except (OSError, RuntimeError) as error:
            say(f"cannot serve {self._workspace.home}: {error}")
            return HOPELESS if _is_hopeless(error) else 70
        finally:
            self._end()
        return self.exit_code

    def abandon(self) -> None:
        """Forget everything without closing it: this is a forked child, and the store is its parent's."""
        self.is_open = False
        if self._parts is not None:
            self._parts[1].journal.abandon()
        self._parts = self._server = None

    def _make_server(self, opening: _Opening) -> Any:
        """Make the web server around the opened store."""
        import uvicorn.server
        from uvicorn.config import Config

        from penstock._store.access import access_of_settings
        from penstock._store.app import Application
        from penstock._store.connections import PatientProtocol
        from penstock._store.guard import BODY_LIMIT, Guard
        from penstock._store.service import Store
        from penstock._store.sockets import websocket_protocol

        self._parts = database, core, sweeper, scheduler = opening.result()
        core.on_death = self._writer_died
        access = access_of_settings(self._token)
        store = Store(self._workspace, database, core, sweeper, self.stop, self.stopping, access)
        app: Any = Guard(Application(store), access, self._heard)
        config = Config(
            app,
            loop="asyncio",
            http=PatientProtocol,
            ws=cast("Any", websocket_protocol),
            ws_max_size=BODY_LIMIT,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=int(self._keep_alive),
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
        scheduler.start()
        return self._server

    async def _run(self, server: Any, sockets: list[socket.socket]) -> None:
        """Serve, and watch for idleness."""
        watch = asyncio.create_task(self._watch())
        try:
            await server.serve(sockets=sockets)
        finally:
            watch.cancel()

    def _publish(self, address: tuple[str, int]) -> None:
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
            threading.Thread(target=self._parts[1].watching.wake_all, daemon=True).start()

    def stopping(self) -> bool:
        """True once the end has begun."""
        return self._ending or (self._server is not None and bool(self._server.should_exit))

    def _end(self) -> None:
        """Let clients find nobody, then close what is open."""
        crashpoint("store.ending")
        self.is_open = False
        self._workspace.endpoint.unlink(missing_ok=True)
        self._workspace.socket.unlink(missing_ok=True)
        if self._parts is None:
            return
        database, core, sweeper, scheduler = self._parts
        scheduler.stop()
        sweeper.stop()
        if self._is_idle:
            self._take_last_snapshot()
        core.stop()
        durability.sync_journals(self._workspace.journals)
        crashpoint("store.synced")
        database.close()
        crashpoint("store.closed")
        core.journal.close()
        self._parts = None

    def _take_last_snapshot(self) -> None:
        """Leave a copy behind when there is time for it, unless there is nothing new."""
        from penstock._store import snapshots

        _, core, sweeper, _ = cast("Parts", self._parts)
        newest = next(iter(snapshots.existing(self._workspace)), None)
        if newest is not None and core.lines <= newest.lines + _OWN_LINES:
            return
        try:
            sweeper.snapshot()
        except Exception:
            traceback.print_exc()

    async def _watch(self) -> None:
        idle = get_current_settings().store_idle_seconds
        while not self.stopping():
            await asyncio.sleep(min(1.0, max(idle / 4, 0.05)))
            if self._foreground or self._requests or time.monotonic() - self._last_heard < idle:
                continue
            assert self._parts is not None
            if await asyncio.to_thread(self._parts[2].living) == 0:
                self._is_idle = True
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


def _is_hopeless(error: Exception) -> bool:
    from penstock._store.database import NewerSchema

    return isinstance(error, NewerSchema)


def _version() -> str:
    from penstock._store.version import version

    return version()
