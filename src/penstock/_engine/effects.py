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


Effect = Call | Hook | Sleep | Ask
