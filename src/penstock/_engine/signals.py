"""Signals in the main thread: during a flow, and in a process that serves until it is told to stop.

SIGTERM raises an exception at the point where the flow is, so that its end is recorded. SIGURG (which otherwise does
nothing) gets the thread out of a blocking system call, so that a cancellation is seen at once.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from penstock.exceptions import TerminationSignal


@contextmanager
def flow_signals() -> Iterator[None]:
    """Raise `TerminationSignal` in the main thread when the process is asked to end, and let `rouse` reach it.

    Somebody else's handlers are left alone; other threads have none.
    """
    taken: list[signal.Signals] = []
    if threading.current_thread() is threading.main_thread():
        for number, handler in _HANDLERS.items():
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, handler)
                taken.append(number)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def stop_signals(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Call `handler` when the process is asked to end (SIGTERM, Ctrl-C); only the main thread hears of it.

    Args:
        handler: gets the signal's number and the frame it came in.
    """
    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _terminate(signum: int, _frame: FrameType | None) -> None:
    raise TerminationSignal(signum)


def _look(_signum: int, _frame: FrameType | None) -> None:
    """Run Python code in the main thread: an exception that waits for it is raised here."""


_HANDLERS: dict[signal.Signals, Callable[[int, FrameType | None], None]] = {signal.SIGTERM: _terminate}
if hasattr(signal, "SIGURG"):
    _HANDLERS[signal.SIGURG] = _look
