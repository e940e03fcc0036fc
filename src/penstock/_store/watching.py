"""Who waits for news of a run, a client or a channel, and is woken after the commit that brings some."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable


class Watching:
    """Callbacks by the name they wait for. Any thread."""

    def __init__(self) -> None:
        self._watchers: dict[str, set[Callable[[], None]]] = {}
        self._lock = threading.Lock()

    def watch(self, name: str, wake: Callable[[], None]) -> None:
        """Call `wake` after each change of the run `name` or when a run of client `name` begins to be cancelled."""
        with self._lock:
            self._watchers.setdefault(name, set()).add(wake)

    def unwatch(self, name: str, wake: Callable[[], None]) -> None:
        """Stop calling `wake`."""
        with self._lock:
            watchers = self._watchers.get(name, set())
            watchers.discard(wake)
            if not watchers:
                self._watchers.pop(name, None)

    def wake(self, names: Iterable[str]) -> None:
        """Wake those who watch one of the names."""
        with self._lock:
            waiting = [wake for name in names for wake in self._watchers.get(name, ())]
        for wake in waiting:
            wake()

    def wake_all(self) -> None:
        """Wake everybody, because the store stops."""
        with self._lock:
            names = list(self._watchers)
        self.wake(names)
