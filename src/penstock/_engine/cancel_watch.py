"""Hears of cancellations and suspensions from outside: `penstock flow-run cancel`, the REST API, another notebook.

One thread a process asks the store for them by long poll, and only while there are flow runs that have been going
for a while: most are over before anybody could want to cancel them.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from penstock._engine.cancellation import Token
from penstock._link.session import Session
from penstock.exceptions import PenstockException

#: How long a flow run has to go on before the store is asked about it, in seconds.
_AFTER = 0.5
#: Short, so that the thread is gone soon after the last flow.
_POLL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Watched:
    token: Token
    session: Session
    since: float


_watched: dict[str, _Watched] = {}
_changed = threading.Condition()
_thread: threading.Thread | None = None


@contextmanager
def cancellable(run_id: UUID, token: Token, session: Session) -> Iterator[None]:
    """Set `token` when somebody asks the store to cancel the run, while the block goes on."""
    global _thread
    key = str(run_id)
    with _changed:
        _watched[key] = _Watched(token, session, time.monotonic() + _AFTER)
        if _thread is None:
            _thread = threading.Thread(target=_watch, name="penstock-cancel-watch", daemon=True)
            _thread.start()
    try:
        yield
    finally:
        with _changed:
            _watched.pop(key, None)


def _watch() -> None:
    global _thread
    seen: set[str] = set()
    left: set[str] = set()
    while True:
        with _changed:
            due = [one for one in _watched.values() if one.since <= time.monotonic()]
            if not due:
                waits = [one.since - time.monotonic() for one in _watched.values()]
                _changed.wait(max(0.01, min(waits, default=_AFTER)))
                if not _watched:
                    _thread = None
                    return
                continue
            seen &= _watched.keys()
            left &= _watched.keys()
        try:
            found, suspended = _ask(due[-1].session, seen, left)
        except PenstockException:
            time.sleep(_AFTER)  # the store is away; whoever needs it will start it
            continue
        with _changed:
            told = [(run_id, _watched[run_id].token) for run_id in found if run_id in _watched]
            leave = [(run_id, _watched[run_id].token) for run_id in suspended if run_id in _watched]
        for run_id, token in told:
            seen.add(run_id)
            token.set("cancelled")
        for run_id, token in leave:
            left.add(run_id)
            token.is_suspended = True


def _ask(session: Session, seen: set[str], left: set[str]) -> tuple[list[str], list[str]]:
    """Return the runs that are to be cancelled and those that were suspended, without those known before."""
    body = {"client": session.client, "seen": sorted(seen), "left": sorted(left), "timeout": _POLL_SECONDS}
    answer = session.store.request("POST", "/link/cancelling", body, timeout=_POLL_SECONDS + 10, start=False)
    runs, suspended = answer["runs"], answer.get("suspended") or ()
    return [str(run_id) for run_id in runs], [str(run_id) for run_id in suspended]


def _after_fork() -> None:
    global _thread, _changed
    _changed = threading.Condition()
    _watched.clear()
    _thread = None


os.register_at_fork(after_in_child=_after_fork)
