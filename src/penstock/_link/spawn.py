"""Finding the store process of a workspace, and starting it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock._workspace import Workspace
from penstock.exceptions import StoreUnavailable
from penstock.settings import get_current_settings

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


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a running store listens."""

    socket: str
    token: str
    pid: int
    tcp_port: int | None = None
    version: str = ""


def read_endpoint(workspace: Workspace) -> Endpoint | None:
    """Return what `endpoint.json` says, None when there is none."""
    try:
        data: dict[str, Any] = json.loads(workspace.endpoint.read_bytes())
        return Endpoint(
            data["socket"], data["token"], data["pid"], data.get("tcp_port"), data.get("version", "")
        )
    except (FileNotFoundError, ValueError, KeyError):
        return None


def answers(endpoint: Endpoint) -> bool:
    """True when something accepts connections there."""
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(2)
        try:
            sock.connect(endpoint.socket)
        except OSError:
            return False
        return True


def launch(workspace: Workspace) -> subprocess.Popen[bytes]:
    """Start a store process in its own session and return at once.

    Raises:
        StoreUnavailable: it cannot be started here.
    """
    workspace.prepare()
    environment = {
        k: v for k, v in os.environ.items() if k in _ENVIRONMENT or k.startswith(("LC_", "PENSTOCK_"))
    }
    # The store runs elsewhere than the caller, whose files may hold settings too.
    environment |= get_current_settings().to_environment_variables(exclude_unset=True)
    environment["PENSTOCK_HOME"] = str(workspace.home)
    environment.pop("PENSTOCK__FLOW_RUN_ID", None)
    # The code we run ourselves, wherever it was imported from; never the caller's current folder.
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    try:
        return _start(workspace, environment)
    except OSError as error:
        raise StoreUnavailable(f"No store process can be started for {workspace.home}: {error}") from error


def _start(workspace: Workspace, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    log = os.open(workspace.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "penstock._store", "--home", str(workspace.home)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=environment,
            start_new_session=True,
            close_fds=True,
        )
    finally:
        os.close(log)


class Starter:
    """Starts a store at most once at a time, and waits for it.

    `begin` returns at once, so that a caller can do something useful while the store starts.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._child: subprocess.Popen[bytes] | None = None

    def begin(self) -> Endpoint | None:
        """Return the endpoint of a running store, or start one and return None."""
        endpoint = read_endpoint(self._workspace)
        if endpoint is not None and answers(endpoint):
            return endpoint
        if self._child is None or self._child.poll() is not None:
            self._child = launch(self._workspace)
        return None

    def wait(self, timeout: float | None = None) -> Endpoint:
        """Return the endpoint of a store that answers, starting one when needed.

        Raises:
            StoreUnavailable: none answered in time; says where its log is.
        """
        seconds = get_current_settings().store_start_timeout if timeout is None else timeout
        deadline = time.monotonic() + seconds
        started_at = -1.0
        pause = 0.002
        while True:
            endpoint = read_endpoint(self._workspace)
            if endpoint is not None and answers(endpoint):
                return endpoint
            child = self._child
            # A child that lost the race for the lock (75) leaves us waiting for the winner; any other end,
            # or a winner that never shows up, is a reason to try again.
            ended = child is None or child.poll() is not None
            if ended and time.monotonic() - started_at > 1.0:
                self._child = launch(self._workspace)
                started_at = time.monotonic()
            if time.monotonic() > deadline:
                raise StoreUnavailable(
                    f"No store process for {self._workspace.home} answered within {seconds:g} s. "
                    f"Its log is {self._workspace.log}; `penstock doctor` looks at the workspace."
                )
            time.sleep(pause)
            pause = min(pause * 1.3, 0.05)
