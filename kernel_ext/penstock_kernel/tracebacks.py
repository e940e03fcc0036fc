"""Tracebacks that show the user's code: the engine's own frames are left out of what a cell raises."""

from __future__ import annotations

from types import TracebackType

from penstock.exceptions import PenstockException

_OURS = ("penstock", "penstock_kernel", "penstock_runners", "penstock_widgets")
#: Waiting for something of ours looks like this at the bottom of a traceback.
_BELOW_OURS = ("_queue", "asyncio", "concurrent", "contextlib", "queue", "selectors", "threading")


class UserFramesOnly:
    """Leaves the engine out of the traceback of whatever is raised inside; formatting it also gets faster.

    Not a generator: `contextlib` puts the traceback back that was there before.
    """

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            prune(error)


def prune(error: BaseException) -> None:
    """Leave the engine out of the tracebacks of an error and of what it came from."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        one.__traceback__ = _without_ours(one.__traceback__, told=isinstance(one, PenstockException))
        one = one.__cause__ or one.__context__


def _without_ours(trace: TracebackType | None, *, told: bool) -> TracebackType | None:
    """Return the traceback without the engine's entries.

    When nothing else would be left: nothing for an error whose message tells all, else the traceback as it is.
    """
    kept: list[TracebackType] = []
    hidden = False
    one = trace
    while one is not None:
        top = str(one.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
        hidden = top in _OURS or (hidden and top in _BELOW_OURS)
        if not hidden:
            kept.append(one)
        one = one.tb_next
    if not kept:
        return None if told else trace
    made: TracebackType | None = None
    for entry in reversed(kept):
        made = TracebackType(made, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return made
