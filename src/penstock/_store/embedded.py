"""A store inside the process that needs it, where no other process can be started (hardened containers, some clusters).

The same code as the store process, in a thread. It is slower when the user's own code holds the interpreter, and it
ends with this process; others of the workspace use it meanwhile as they use any store.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from penstock._store.process import Life, listen
from penstock._workspace import Workspace, take_lock


class Embedded:
    """A store that serves from a thread of this process.

    Args:
        workspace: whose store this is.
        lock: descriptor that holds its lock.
    """

    def __init__(self, workspace: Workspace, lock: int) -> None:
        self._lock = lock
        self._life = Life(workspace, foreground=True)
        self._sockets = listen(workspace, "127.0.0.1", 0)
        self._thread = threading.Thread(target=self._serve, name="penstock-store", daemon=True)
        os.register_at_fork(after_in_child=self._let_go)
        self._thread.start()

    def end(self) -> None:
        """Stop, and wait until everything is closed."""
        self._life.stop()
        self._thread.join(20)

    def _serve(self) -> None:
        self._life.serve(self._lock, self._sockets)
        os.close(self._lock)

    def _let_go(self) -> None:
        """In a forked child: it shares lock, sockets and journal, and would keep them from our successor."""
        if self._life.is_open:
            self._life.abandon()
            os.close(self._lock)
            for sock in self._sockets:
                sock.close()


def embed(workspace: Workspace) -> Callable[[], None] | None:
    """Serve a workspace from a thread of this process.

    Returns:
        what ends it; None when another process has the workspace.

    Raises:
        ConfigurationError: the workspace is not private. OSError: its socket cannot be made.
    """
    lock = take_lock(workspace.prepare())
    return Embedded(workspace, lock).end if lock is not None else None
