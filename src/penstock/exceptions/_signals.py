"""Signals that end a run; ordinary `except Exception` lets them through."""

from __future__ import annotations

from typing import Any


class PenstockSignal(BaseException):
    """Root of the control signals; derives from BaseException so that user code cannot swallow it."""


PrefectSignal = PenstockSignal


class Abort(PenstockSignal):
    """The store refused a transition; the run must stop where it is."""


class Pause(PenstockSignal):
    """The run was suspended; its process must end."""

    def __init__(self, *args: object, state: Any = None) -> None:
        super().__init__(*args)
        self.state = state


class RunCancelled(PenstockSignal):
    """Raised inside user code when the run it belongs to is interrupted or cancelled."""


class ExternalSignal(PenstockSignal):
    """Root of signals that come from outside the process."""


class TerminationSignal(ExternalSignal):
    """The process was asked to terminate.

    Args:
        signal: the signal number.
    """

    def __init__(self, signal: int) -> None:
        super().__init__(signal)
        self.signal = signal
