"""A workspace of their own for tests; `penstock.testing.utilities` has the names."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from penstock._link import client as clients
from penstock._link import session as sessions
from penstock._link.spawn import Starter
from penstock._workspace import Workspace
from penstock.exceptions import PenstockException
from penstock.settings import get_current_settings, temporary_settings
from penstock.settings._layers import scope_variable

#: Seconds a store may take to end before it is killed.
_STOP_SECONDS = 20.0
#: Variables that would lead out of the temporary workspace.
_LEAD_OUT = (
    "PENSTOCK_PROFILES_PATH",
    "PENSTOCK_RESULTS_LOCAL_STORAGE_PATH",
    "PENSTOCK_LOCAL_STORAGE_PATH",
    "PENSTOCK__FLOW_RUN_ID",
)


@contextmanager
def penstock_test_harness(server_startup_timeout: float | None = 30) -> Iterator[None]:
    """Run flows against a temporary workspace with a store process of its own.

    The workspace counts for this whole process and for those it starts, whatever thread or event loop runs the
    flows. At the end, also after an error, settings are what they were, and store process and files are gone. It can
    be nested, and it can be a fixture for one test or for a session; starting the store is what takes time.

    Args:
        server_startup_timeout: seconds to wait for the store to start; the setting
            `server.ephemeral.startup_timeout_seconds` when None.

    Raises:
        StoreUnavailable: the store has not started in time.

    Example:
        >>> with penstock_test_harness():
        ...     flow(lambda: "Done!")()
        'Done!'
    """
    if server_startup_timeout is None:
        server_startup_timeout = get_current_settings().server_ephemeral_startup_timeout_seconds
    # A short path: that of a Unix socket is limited.
    home = Path(tempfile.mkdtemp(prefix="penstock-test-"))
    workspace = Workspace(home)
    starter = Starter(workspace)
    with ExitStack() as stack:
        stack.callback(_remove, workspace, starter)
        starter.wait(server_startup_timeout)
        stack.enter_context(_environment(home))
        if scope_variable.get() is not None:  # a block around may have chosen a workspace
            stack.enter_context(temporary_settings({"home": home}))
        yield


prefect_test_harness = penstock_test_harness


@contextmanager
def _environment(home: Path) -> Iterator[None]:
    changes: dict[str, str | None] = {
        **dict.fromkeys(_LEAD_OUT),
        "PENSTOCK_HOME": str(home),
        "PENSTOCK_TESTING_TEST_MODE": "true",
    }
    before = {name: os.environ.get(name) for name in changes}
    _put(changes)
    try:
        yield
    finally:
        _put(before)


def _put(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _remove(workspace: Workspace, starter: Starter) -> None:
    """Close this process's session, end the store, delete the files."""
    with sessions._lock:
        session = sessions._sessions.pop(workspace.home, None)
    if session is not None:
        session.close()
    client = clients.StoreClient(workspace)
    with contextlib.suppress(PenstockException, OSError):
        client.request("POST", "/link/stop", {}, start=False, timeout=_STOP_SECONDS)
    client.close()
    used = clients._clients.pop((os.getpid(), workspace.home), None)
    for child in (starter._child, used._starter._child if used is not None else None):
        _end(child)
    workspace.socket.unlink(missing_ok=True)
    shutil.rmtree(workspace.home, ignore_errors=True)


def _end(child: subprocess.Popen[bytes] | None) -> None:
    """Wait for a process of ours; one that does not end is killed."""
    if child is None:
        return
    try:
        child.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
