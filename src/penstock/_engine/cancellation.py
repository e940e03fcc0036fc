"""Stopping user code: one token a flow run, seen by every thread that works for it.

Setting the token makes every engine wait end at once, and raises `RunCancelled` in threads that are inside user
code. A thread that is inside a C call sees it when the call returns.
"""

from __future__ import annotations

import contextlib
import ctypes
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Protocol

from penstock.exceptions import RunCancelled

#: Waiting threads look at the token this often: an async exception cannot reach a thread inside a lock.
_TICK = 0.1
#: Starting a thread takes less, in seconds, also on a busy machine.
_LONGEST_START = 1.0
#: `Thread.start`, and how many frames from there to where it waits.
_START = threading.Thread.start.__code__
_DEPTH_OF_START = 5


class Waitable(Protocol):
    """Anything with the `wait` of `threading.Event`."""

    def wait(self, timeout: float | None = None) -> bool:
        """Return True when set."""
        ...


def raise_in_thread(ident: int, error: type[BaseException]) -> bool:
    """Raise `error` in another thread at its next bytecode; False when the thread is gone."""
    # While a thread starts another one, that one goes by the same number: it would get the error, die of it before
    # its first line, and leave the first one waiting for ever.
    arguments = ctypes.c_ulong(ident), ctypes.py_object(error)
    deadline = time.monotonic() + _LONGEST_START
    while (start := _start_under_way(ident)) is not None and time.monotonic() < deadline:
        start.wait(_TICK)
    found = bool(ctypes.pythonapi.PyThreadState_SetAsyncExc(*arguments))
    if found and ident == threading.main_thread().ident and hasattr(signal, "SIGURG"):
        # Out of a blocking system call, too; ignored where no flow listens to it (`flow_signals`).
        signal.pthread_kill(ident, signal.SIGURG)
    return found


def _start_under_way(ident: int) -> threading.Event | None:
    """Return what will be set once the thread that `ident` is starting runs; None when it is starting none."""
    frame = sys._current_frames().get(ident)
    for _ in range(_DEPTH_OF_START):
        if frame is None:
            return None
        if frame.f_code is _START:
            started: threading.Event = frame.f_locals["self"]._started
            return None if started.is_set() else started
        frame = frame.f_back
    return None


def cancel_raise(ident: int) -> None:
    """Take back what `raise_in_thread` was about to raise in a thread and did not yet."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), None)


class Token:
    """The cancellation of one flow run and all that runs inside it.

    Args:
        parent: the token of the flow run around this one; cancelling it cancels this one too.
    """

    def __init__(self, parent: Token | None = None) -> None:
        self._parent = parent
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._inside: dict[int, int] = {}
        self._children: list[Token] = []
        #: "interrupted" (a signal, the Stop button: the run crashes) or "cancelled" (somebody asked for it).
        self.reason: str | None = None
        #: Somebody suspended the run: it ends where its next task would begin, and goes on in another process.
        self.is_suspended = False
        if parent is not None:
            parent._children.append(self)
            if parent.is_set():
                self.set(parent.reason or "interrupted")

    def release(self) -> None:
        """Let the token around this one forget it: the run has ended."""
        if self._parent is not None and self in self._parent._children:
            self._parent._children.remove(self)

    def is_set(self) -> bool:
        """True once cancelled."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise `RunCancelled` if the run was cancelled."""
        if self._event.is_set():
            raise RunCancelled(f"run {self.reason}")

    def set(self, reason: str) -> None:
        """Cancel: wake the waiting, interrupt the working."""
        with self._lock:
            if self._event.is_set():
                return
            self.reason = reason
            self._event.set()
            here = threading.get_ident()
            for ident in self._inside:
                if ident != here:
                    raise_in_thread(ident, RunCancelled)
        for child in list(self._children):
            child.set(reason)

    def wait(self, what: Waitable, timeout: float | None = None) -> bool:
        """Wait for `what`; return False when the time is up.

        Raises:
            RunCancelled: the run was cancelled meanwhile.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            self.check()
            left = _TICK if deadline is None else min(_TICK, deadline - time.monotonic())
            if left <= 0:
                return what.wait(0)
            if what.wait(left):
                return True

    def sleep(self, seconds: float) -> None:
        """Sleep, or raise `RunCancelled` as soon as the run is cancelled."""
        if self._event.wait(seconds):
            self.check()

    @contextlib.contextmanager
    def user_code(self) -> Iterator[None]:
        """Mark this thread as being inside user code, so that `set` interrupts it."""
        ident = threading.get_ident()
        self.check()
        with self._lock:
            self._inside[ident] = self._inside.get(ident, 0) + 1
        try:
            yield
        finally:
            with self._lock:
                depth = self._inside[ident] - 1
                if depth:
                    self._inside[ident] = depth
                else:
                    del self._inside[ident]

    def busy_threads(self) -> int:
        """How many threads are inside user code."""
        with self._lock:
            return len(self._inside)


#: The token of the run this context works for; a fresh, never-set one outside any run.
current_token: ContextVar[Token | None] = ContextVar("penstock_token", default=None)


def token() -> Token:
    """Return the token in force here."""
    return current_token.get() or Token()
