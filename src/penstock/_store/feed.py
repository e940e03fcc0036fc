"""What has just been committed, for those who listen: live streams of events and logs.

Nothing is kept for nobody: without listeners a line costs one look at an empty set.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from penstock._journal.line import Line

#: A line and the client that wrote it.
Written = tuple[str, Line]
Listener = Callable[[list[Written]], None]

_KINDS = frozenset({"event", "state", "task_run", "log"})


class Feed:
    """Hands the lines of each commit to its listeners.

    `take` and `collect` are the writer thread's, `publish` is called by the one that commits.
    """

    def __init__(self) -> None:
        self._listeners: frozenset[Listener] = frozenset()
        self._lock = threading.Lock()
        self._lines: list[Written] = []

    def take(self, client: str, lines: Sequence[Line]) -> None:
        """Keep lines until they are committed, if somebody listens."""
        if self._listeners:
            self._lines += [(client, line) for line in lines if line.kind in _KINDS]

    def collect(self) -> list[Written]:
        """Return what was kept since the last call."""
        lines, self._lines = self._lines, []
        return lines

    def publish(self, lines: list[Written]) -> None:
        """Tell the listeners what was committed."""
        if lines:
            for listener in self._listeners:
                listener(lines)

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Call `listener` with the lines of every commit inside the `with` block, on the thread that commits."""
        with self._lock:
            self._listeners |= {listener}
        try:
            yield
        finally:
            with self._lock:
                self._listeners -= {listener}
