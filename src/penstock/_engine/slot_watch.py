"""Looks after the slots of strict blocks: one thread a process, and only while there are any.

The store may end a lease while its block goes on: somebody reset the limit or set its slots by hand, or the store is
gone and does not come back. Where that must not pass unnoticed, the block is told.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from penstock._engine.slots import Hold
from penstock.exceptions import PenstockException

#: Seconds between looks.
_EVERY = 2.0


@dataclass(slots=True, eq=False)
class _Watched:
    hold: Hold
    tell: Callable[[str], None]


_watched: list[_Watched] = []
_changed = threading.Condition()
_thread: threading.Thread | None = None


@contextmanager
def watching(hold: Hold, tell: Callable[[str], None]) -> Iterator[None]:
    """Call `tell` with the reason, once and on another thread, when the slots are lost during the block."""
    global _thread
    one = _Watched(hold, tell)
    with _changed:
        _watched.append(one)
        if _thread is None:
            _thread = threading.Thread(target=_watch, name="penstock-lease-watch", daemon=True)
            _thread.start()
    try:
        yield
    finally:
        with _changed:
            if one in _watched:
                _watched.remove(one)
            _changed.notify_all()


def _watch() -> None:
    global _thread
    while True:
        with _changed:
            _changed.wait_for(lambda: not _watched, _EVERY)
            if not _watched:
                _thread = None
                return
            now = list(_watched)
        for one in now:
            if (reason := _loss(one.hold)) is not None:
                with _changed:
                    # Under the lock, so that nobody is told who has left the block.
                    if one in _watched:
                        _watched.remove(one)
                        one.tell(reason)


def _loss(hold: Hold) -> str | None:
    try:
        if hold.desk.lost([hold.ticket.id]):
            return "their lease was ended by somebody else."
    except PenstockException as error:
        return f"the store cannot be asked whether they are still held: {error}"
    return None


def _after_fork() -> None:
    global _thread, _changed
    _changed = threading.Condition()
    _watched.clear()
    _thread = None


os.register_at_fork(after_in_child=_after_fork)
