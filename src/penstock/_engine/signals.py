"""SIGTERM during a flow: an exception at the point where the flow is, so that its end is recorded."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from penstock.exceptions import TerminationSignal


@contextmanager
def sigterm_as_exception() -> Iterator[None]:
    """Raise `TerminationSignal` in the main thread when the process is asked to end; else do nothing.

    Somebody else's handler is left alone.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def terminate(signum: int, _frame: FrameType | None) -> None:
        raise TerminationSignal(signum)

    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
