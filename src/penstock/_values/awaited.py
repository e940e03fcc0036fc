"""Functions that are called plainly and may be awaited all the same.

The reference has names that give a value in sync code and a coroutine under a running loop, so that a plain call in a
notebook silently gives a coroutine. Here a plain call gives the value everywhere. Only a call that is awaited on the
spot, ``await f(x)``, gets a coroutine: the compiler puts the instruction that asks for an awaitable right behind the
call, and that is looked up. Where Python is not CPython the async twin of the name is the way.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def call_is_awaited(depth: int = 1) -> bool:
    """Say whether the call of the function that asks is awaited on the spot.

    Args:
        depth: how many frames to skip between the one that asks and the function in question.
    """
    asyncio = sys.modules.get("asyncio")  # where it was never imported, no loop runs
    if asyncio is None or asyncio._get_running_loop() is None:
        return False
    import dis

    caller = sys._getframe(depth + 1)
    code, at = caller.f_code.co_code, caller.f_lasti + 2
    while at < len(code) and code[at] == 0:  # the call's own inline caches
        at += 2
    return at < len(code) and code[at] == dis.opmap.get("GET_AWAITABLE")


def awaitable_too(fn: Callable[P, R]) -> Callable[P, R]:
    """Let a function that does not wait for anything be awaited as well.

    Example:
        >>> @awaitable_too
        ... def double(x: int) -> int:
        ...     return 2 * x
        >>> double(2)
        4
    """

    @wraps(fn)
    def either(*args: P.args, **kwargs: P.kwargs) -> Any:
        value = fn(*args, **kwargs)
        return at_once(value) if call_is_awaited() else value

    return either


async def at_once(value: R) -> R:
    """Return the value of a coroutine that has nothing to wait for."""
    return value
