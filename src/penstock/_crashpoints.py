"""Named places at which a test may kill the process, as `kill -9` at that very moment would.

`PENSTOCK_CRASHPOINT=NAME` kills it the first time it comes by, `NAME:N` the N-th time. Without the variable, which
is always outside tests, a place costs the call of an empty function (40 ns).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable


def _pass(name: str) -> None:
    """Go on."""


def _deadly(wanted: str) -> Callable[[str], None]:
    name, _, times = wanted.partition(":")
    left = int(times or 1)

    def die_here(place: str) -> None:
        nonlocal left
        if place == name:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return die_here


_wanted = os.environ.get("PENSTOCK_CRASHPOINT")
crashpoint: Callable[[str], None] = _deadly(_wanted) if _wanted else _pass
