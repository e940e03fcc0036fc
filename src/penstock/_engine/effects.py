"""What a lifecycle asks its driver to do. A lifecycle itself never calls, sleeps or waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Call:
    """Call the user's function (and await it, if it is async), within a time limit."""

    fn: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    timeout: float | None = None


@dataclass(slots=True)
class Pull:
    """Take the next value of a generator, sync or async; answers `Pulled`."""

    source: Any
    #: What the generator gets as the value of its `yield`, or raised there.
    sent: Any = None
    error: BaseException | None = None
    #: Seconds it may take.
    timeout: float | None = None


@dataclass(slots=True)
class Pulled:
    """What a generator gave: its next value, or at its end what it returned."""

    ended: bool
    value: Any
    #: How long it took.
    seconds: float


class StreamClosed(BaseException):
    """Nobody wants the next value. (A GeneratorExit would close the generators of a lifecycle, not reach them.)"""


@dataclass(slots=True)
class Emit:
    """Hand a value to whoever iterates over the run; answers what they send back, raises what they throw."""

    value: Any


@dataclass(slots=True)
class Hook:
    """Call a state-change hook; it may be async too."""

    fn: Callable[..., Any]
    args: tuple[Any, ...]


@dataclass(slots=True)
class Sleep:
    """Let time pass, interruptibly."""

    seconds: float


@dataclass(slots=True)
class Ask:
    """Do something that may block: talk to the store, read a result, wait for a future."""

    fn: Callable[..., Any]
    args: tuple[Any, ...] = ()


Effect = Call | Pull | Emit | Hook | Sleep | Ask
