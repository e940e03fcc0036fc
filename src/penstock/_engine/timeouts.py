"""Time limits around user code: by alarm in the main thread, by an exception thrown into any other."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from penstock._engine.cancellation import raise_in_thread


class RunTimeout(BaseException):
    """The time given to a run is up. A BaseException, so that user code does not mistake it for its own."""


class TimeUp(BaseException):
    """A limit rang; each limit has a subclass of its own.

    The limit it belongs to turns it into `RunTimeout`; for a limit inside that one it is an interruption.
    """

    def __str__(self) -> str:
        return "the time of the run around it was up"


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise `RunTimeout` in this thread when the block takes longer than `seconds`; None means no limit."""
    if seconds is None:
        yield
    elif threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
        with _alarm(seconds):
            yield
    else:
        with _watch(seconds):
            yield


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    mine: type[TimeUp] = type("TimeUp", (TimeUp,), {})

    def ring(_signum: int, _frame: FrameType | None) -> None:
        raise mine

    before = signal.signal(signal.SIGALRM, ring)
    began = time.monotonic()
    left_before = signal.setitimer(signal.ITIMER_REAL, seconds)[0]
    try:
        yield
    except mine:
        raise RunTimeout from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left_before:
            # The limit around this one went on meanwhile; if it is over, it rings at once.
            signal.setitimer(signal.ITIMER_REAL, max(1e-6, left_before - (time.monotonic() - began)))


@contextmanager
def _watch(seconds: float) -> Iterator[None]:
    mine: type[TimeUp] = type("TimeUp", (TimeUp,), {})
    ident = threading.get_ident()
    lock = threading.Lock()
    open_ = True

    def ring() -> None:
        with lock:
            if open_:
                raise_in_thread(ident, mine)

    timer = threading.Timer(seconds, ring)
    timer.daemon = True
    timer.start()
    try:
        yield
    except mine:
        raise RunTimeout from None
    finally:
        with lock:
            open_ = False
        timer.cancel()
