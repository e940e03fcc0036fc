"""Threads without a limit, but no more than the work needs.

A pool that starts a thread for every task that finds none idle makes hundreds of them for hundreds of quick
tasks, and most of the time goes into starting them. Here a few threads take what is queued; only when nothing
was taken for a moment (all of them are inside long tasks, or wait for tasks of their own) their number is
doubled, again and again: a thousand sleeping tasks all run after less than a tenth of a second.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

#: How long the queue may stand still before more threads are started, in seconds: longer than two turns of the
#: interpreter's lock, since threads that merely wait for that take nothing either.
_MOMENT = 0.011

_Work = tuple[Callable[..., Any], tuple[Any, ...]]


class ElasticPool:
    """A pool of daemon threads.

    Args:
        max_workers: never more threads than this.
        name: of the threads.
    """

    def __init__(self, max_workers: int, name: str) -> None:
        self._limit = max_workers
        self._eager = min(max_workers, 2 * (os.cpu_count() or 1))
        self._name = name
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._taken = 0
        self._closed = False
        self._standing = threading.Event()
        self._watcher: threading.Thread | None = None

    def submit(self, fn: Callable[..., Any], *args: Any) -> bool:
        """Queue a call; `fn` must not raise. Return False when the pool is closed."""
        if self._closed:
            return False
        self._queue.put((fn, args))
        if self._idle == 0:
            if len(self._threads) < self._eager:
                self._start(1)
            elif not self._standing.is_set():
                self._watch()
        return True

    def close(self, *, wait: bool) -> None:
        """Take no more work; forget what is queued and, if asked to, wait for what runs."""
        with self._lock:
            self._closed = True
            threads, watcher = self._threads, self._watcher
        for _ in threads:
            self._queue.put(None)
        self._standing.set()
        if wait:
            for thread in threads:
                thread.join()
            if watcher is not None:
                watcher.join()

    def _start(self, count: int) -> None:
        with self._lock:
            room = self._limit - len(self._threads)
            if self._closed or room <= 0:
                return
            for _ in range(min(count, room)):
                number = len(self._threads)
                thread = threading.Thread(target=self._work, name=f"{self._name}-{number}", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _watch(self) -> None:
        with self._lock:
            if self._watcher is None and not self._closed and len(self._threads) < self._limit:
                self._watcher = threading.Thread(target=self._grow, name=f"{self._name}-watch", daemon=True)
                self._watcher.start()
        self._standing.set()

    def _grow(self) -> None:
        """Start threads while work stands still; sleep while there is none."""
        while True:
            self._standing.wait()
            self._standing.clear()
            taken = -1
            while not self._closed:
                waiting = self._queue.qsize()
                if waiting == 0:
                    break
                if taken == self._taken:
                    self._start(min(waiting, len(self._threads)))
                taken = self._taken
                threading.Event().wait(_MOMENT)
            if self._closed:
                return

    def _work(self) -> None:
        get = self._queue.get
        while True:
            self._idle += 1
            item = get()
            self._idle -= 1
            if item is None:
                return
            self._taken += 1
            fn, args = item
            if not self._closed:
                fn(*args)
            del item, fn, args
