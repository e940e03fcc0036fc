"""Finding the store process of a workspace, starting it, and serving in this process where none can be started."""

from __future__ import annotations

import atexit
import importlib
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from penstock._link.endpoint import Endpoint, answers, read_endpoint
from penstock._link.standing import Standing, standing
from penstock._workspace import PROTOCOL, Workspace, lock_holder
from penstock.exceptions import StoreUnavailable
from penstock.settings import get_current_settings

_log = logging.getLogger("penstock.store")
#: What the store process inherits from our environment; nothing that changes which code it runs.
_ENVIRONMENT = (
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "VIRTUAL_ENV",
    "LD_LIBRARY_PATH",
    "TZ",
)
#: Exit code of a store process that will not start however often it is tried; its log says why.
HOPELESS = 78
#: Store processes we started and have not seen the end of: asked for at each contact, so that none stays a zombie.
_started: list[subprocess.Popen[bytes]] = []


def launch(workspace: Workspace, *options: str) -> subprocess.Popen[bytes]:
    """Start a store process in its own session and return at once.

    Args:
        workspace: which one.
        options: of the store process, beside `--home`.

    Raises:
        OSError: no process can be started here.
    """
    workspace.prepare()
    log = os.open(workspace.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "penstock._store", "--home", str(workspace.home), *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=_environment(workspace),
            start_new_session=True,
            close_fds=True,
        )
    finally:
        os.close(log)


def _environment(workspace: Workspace) -> dict[str, str]:
    environment = {
        k: v for k, v in os.environ.items() if k in _ENVIRONMENT or k.startswith(("LC_", "PENSTOCK_"))
    }
    # The store runs elsewhere than the caller, whose files may hold settings too.
    environment |= get_current_settings().to_environment_variables(exclude_unset=True)
    environment["PENSTOCK_HOME"] = str(workspace.home)
    environment.pop("PENSTOCK__FLOW_RUN_ID", None)
    # The code we run ourselves, wherever it was imported from; never the caller's current folder.
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    return environment


class Starter:
    """Starts a store at most once at a time, and waits for it.

    `begin` returns at once, so that a caller can do something useful while the store starts.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._child: subprocess.Popen[bytes] | None = None
        self._asked_to_go: int | None = None

    def begin(self) -> Endpoint | None:
        """Return the endpoint of a running store, or start one and return None."""
        endpoint = self._found()
        if endpoint is None and (self._child is None or self._child.poll() is not None):
            self._start()
        return endpoint

    def wait(self, timeout: float | None = None) -> Endpoint:
        """Return the endpoint of a store that answers, starting one when needed.

        Raises:
            StoreUnavailable: none answered in time, or none can; says why and where its log is.
        """
        seconds = get_current_settings().store_start_timeout if timeout is None else timeout
        deadline = time.monotonic() + seconds
        started_at = -1.0
        pause = 0.002
        while True:
            endpoint = self._found()
            if endpoint is not None:
                return endpoint
            child = self._child
            # A child that lost the race for the lock (75) leaves us waiting for the winner; any other end,
            # or a winner that never shows up, is a reason to try again.
            ended = child is None or child.poll() is not None
            if child is not None and child.returncode == HOPELESS:
                self._child = None
                raise StoreUnavailable(
                    f"The store of {self._workspace.home} cannot start: {self._last_words()}"
                )
            if ended and time.monotonic() - started_at > 1.0:
                self._start()
                started_at = time.monotonic()
            if time.monotonic() > deadline:
                self._give_up(seconds)
            time.sleep(pause)
            pause = min(pause * 1.3, 0.05)

    def _found(self) -> Endpoint | None:
        """Return the endpoint of a store that serves us; one that is older than we are is asked to go."""
        _bury()
        endpoint = read_endpoint(self._workspace)
        if endpoint is None or not answers(endpoint):
            return None
        match standing(endpoint.protocol):
            case Standing.SERVES:
                return endpoint
            case Standing.OUTDATED:
                self._ask_to_go(endpoint)
                return None
            case Standing.TOO_NEW:
                raise StoreUnavailable(
                    f"The store of {self._workspace.home} is of Penstock {endpoint.version} (process "
                    f"{endpoint.pid}, protocol {endpoint.protocol}); this one speaks protocol {PROTOCOL} only. "
                    "Upgrade Penstock here, or set PENSTOCK_HOME to another folder."
                )

    def _ask_to_go(self, endpoint: Endpoint) -> None:
        """Let an older store finish and exit; whoever waits starts one of ours then."""
        if self._asked_to_go == endpoint.pid:
            return
        from penstock._link.http import Transport

        self._asked_to_go = endpoint.pid
        _log.info(
            "The store process %d is of Penstock %s: it hands over to a newer one.",
            endpoint.pid,
            endpoint.version,
        )
        transport = Transport(endpoint.socket, endpoint.token)
        try:
            transport.request("POST", "/link/stop", b"{}", 5.0)
        except OSError as error:
            _log.info("It did not answer: %s", error)
        finally:
            transport.close()

    def _start(self) -> None:
        try:
            self._child = launch(self._workspace)
            _started.append(self._child)
        except OSError as error:
            if not serve_here(self._workspace, error):
                raise StoreUnavailable(
                    f"No store process can be started for {self._workspace.home}: {error}"
                ) from error

    def _give_up(self, seconds: float) -> NoReturn:
        holder = lock_holder(self._workspace)
        who = (
            f" Process {holder.get('pid', '?')} holds its lock and does not answer."
            if holder is not None
            else ""
        )
        raise StoreUnavailable(
            f"No store process for {self._workspace.home} answered within {seconds:g} s.{who} "
            f"Its log is {self._workspace.log}; `penstock doctor` looks at the workspace."
        )

    def _last_words(self) -> str:
        """Return the last line of the store's log."""
        try:
            lines = self._workspace.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return f"see {self._workspace.log}"
        return lines[-1].removeprefix("store: ") if lines else f"see {self._workspace.log}"


def _bury() -> None:
    """Take note of store processes that have ended."""
    _started[:] = [child for child in _started if child.poll() is None]


def _let_go() -> None:
    """Leave the store processes that still run to themselves: they are meant to outlive us."""
    for child in _started:
        if child.poll() is None:
            child.returncode = 0
    _started.clear()


# ---- a store in this process ------------------------------------------------------------------------------

_here: dict[Path, Callable[[], None]] = {}
_here_lock = threading.Lock()


def serve_here(workspace: Workspace, reason: OSError) -> bool:
    """Run the workspace's store in this process, because no process can be started; True when that will do.

    The store is named, not imported: it and this room know each other only through files and HTTP.
    """
    with _here_lock:
        if workspace.home in _here:
            return True
        end: Callable[[], None] | None = importlib.import_module("penstock._store.embedded").embed(workspace)
        if end is None:
            return lock_holder(workspace) is not None
        _here[workspace.home] = end
    _log.warning(
        "No store process can be started (%s): the store of %s runs in this process and ends with it.",
        reason.strerror or reason,
        workspace.home,
    )
    return True


def end_here() -> None:
    """End the stores that run in this process, after its sessions have been closed."""
    with _here_lock:
        ending = list(_here.values())
        _here.clear()
    for end in ending:
        end()


def _after_fork() -> None:
    global _here_lock
    _here_lock = threading.Lock()
    _here.clear()
    for child in _started:
        child.returncode = 0  # our parent's
    _started.clear()


# Registered before the sessions' own, so it runs after it: they hand over what is left first.
atexit.register(_let_go)
atexit.register(end_here)
os.register_at_fork(after_in_child=_after_fork)
