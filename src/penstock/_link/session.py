"""What one process has open in one workspace: its journal, the sender that ships it, the client.

Made on first use, never at import; a forked child gets its own.
"""

from __future__ import annotations

import atexit
import os
import threading
from pathlib import Path
from typing import Any

from penstock._crashpoints import crashpoint
from penstock._journal.writer import Journal
from penstock._link.client import StoreClient, store
from penstock._link.limited_tags import LimitedTags
from penstock._link.sender import Sender
from penstock._workspace import Workspace, current_workspace

#: How long an ending process waits for the store to take its last events; the rest is swept.
_DRAIN_SECONDS = 2.0
#: How long events gather before they are shipped. A driver's are looked at while they happen. A worker's outcome goes
#: to its driver by another way, and many workers' small batches would keep the store busier than the tasks do.
_GATHER_SECONDS = {"driver": 0.02, "worker": 0.2}


class Session:
    """This process in one workspace.

    Args:
        workspace: which one.
        role: "driver", or "worker" for a process that runs tasks for another.
        parent: the driver's client name, for a worker.
    """

    def __init__(self, workspace: Workspace, role: str = "driver", parent: str | None = None) -> None:
        workspace.prepare()
        self.workspace = workspace
        self.store: StoreClient = store(workspace)
        self.limited_tags = LimitedTags(workspace)
        self.journal = Journal(workspace.journals, role, parent)
        crashpoint("session.journal")
        self._sender = Sender(self.journal, self.store, _GATHER_SECONDS[role])
        self._sender.start()
        crashpoint("session.open")

    @property
    def client(self) -> str:
        """This process's name in the store."""
        return self.journal.client

    def emit(self, kind: str, body: dict[str, Any], at: int | None = None, *, hold: bool = False) -> int:
        """Journal one event (with `hold`: together with the next); see `penstock._journal.line` for kinds and keys."""
        return self.journal.emit(kind, body, at, hold=hold)

    def hurry(self) -> None:
        """Ship what is written at once, without gathering more."""
        self._sender.hurry()

    def drain(self, timeout: float = _DRAIN_SECONDS) -> bool:
        """Wait until the store has committed everything emitted so far."""
        return self._sender.drain(timeout)

    def close(self) -> None:
        """Say goodbye, hand over what is left and stop the thread."""
        crashpoint("session.close")
        self.journal.emit("bye", {})
        self._sender.drain(_DRAIN_SECONDS)
        crashpoint("session.drained")
        self._sender.stop()
        self.journal.abandon()
        crashpoint("session.closed")
        self.store.close()

    def abandon(self) -> None:
        """Let go without a word (in a forked child, whose parent goes on)."""
        self.journal.abandon()


_sessions: dict[Path, Session] = {}
_lock = threading.Lock()


def current_session() -> Session:
    """Return this process's session in the current workspace, opening it on first use."""
    workspace = current_workspace()
    session = _sessions.get(workspace.home)
    if session is None:
        with _lock:
            session = _sessions.get(workspace.home)
            if session is None:
                session = _sessions[workspace.home] = Session(workspace)
    return session


def open_worker_session(workspace: Workspace, parent: str) -> Session:
    """Open the session of a worker process, unless this process has one already."""
    with _lock:
        session = _sessions.get(workspace.home)
        if session is None:
            session = _sessions[workspace.home] = Session(workspace, "worker", parent)
        return session


def close_sessions() -> None:
    """Close every session of this process (at exit, and between tests)."""
    with _lock:
        open_now = list(_sessions.values())
        _sessions.clear()
    for session in open_now:
        session.close()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    for session in _sessions.values():
        session.abandon()
    _sessions.clear()


atexit.register(close_sessions)
os.register_at_fork(after_in_child=_after_fork)
