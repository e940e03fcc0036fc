"""Where a process asks for slots of concurrency limits, and hears that its turn has come.

Asking is one request that is answered at once. Whoever has to wait waits here, on an event: one thread asks the store
by long poll on behalf of all who wait in this process, and only while somebody does. So a hundred waiting tasks cost
one connection, nobody asks again and again, and a wait ends as quickly as any other when the run is cancelled.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from penstock._ids import new_id, now_us
from penstock._link.session import Session
from penstock.exceptions import PenstockException

#: Short, so that the thread is gone soon after the last who waited.
_POLL_SECONDS = 2.0
#: Answers to giving back are not worth waiting for: the journal says it too.
_RELEASE_SECONDS = 5.0


@dataclass(slots=True, eq=False)
class Ticket:
    """One request for slots, and what became of it. Its id is that of the lease."""

    names: tuple[str, ...]
    slots: int = 1
    mode: str = "concurrency"
    holder_type: str | None = None
    holder_id: str | None = None
    task_run_id: str | None = None
    wait: bool = True
    id: str = field(default_factory=lambda: str(new_id()))
    asked_us: int = field(default_factory=now_us)
    #: The store's last word, None before the first; see `penstock._store.slot_decisions.acquire`.
    answer: dict[str, Any] | None = None
    #: Set when the answer is final.
    settled: threading.Event = field(default_factory=threading.Event)
    _listeners: list[Callable[[], None]] = field(default_factory=list)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` once the answer is final; at once, when it is."""
        self._listeners.append(listener)
        if self.settled.is_set():
            listener()

    def take(self, answer: dict[str, Any]) -> bool:
        """Take an answer; True when there is a final one. The desk does this under its lock."""
        if self.settled.is_set():
            return True
        self.answer = answer
        if answer["status"] == "waiting":
            return False
        self.settled.set()
        for listener in self._listeners:
            listener()
        return True


class Desk:
    """The one place of a process and workspace where slots are asked for.

    Args:
        session: of that process and workspace.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._waiting: dict[str, Ticket] = {}
        self._seen: list[str] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def ask(self, ticket: Ticket) -> None:
        """Ask for slots. The ticket is settled afterwards, or will be when its turn comes.

        Raises:
            StoreUnavailable: there is nobody to ask. StoreRefused: the request makes no sense.
        """
        # On the list before the store knows of it: the answer may come by the poll sooner than by the request.
        with self._lock:
            self._waiting[ticket.id] = ticket
        answer = self._asked(ticket)
        self._settle(ticket, answer)
        with self._lock:
            if self._waiting and self._thread is None:
                self._thread = threading.Thread(target=self._poll, name="penstock-slots", daemon=True)
                self._thread.start()

    def give_back(self, *tickets: Ticket) -> None:
        """End leases, or stop to wait for them. Never raises for want of a store: the journal says it as well."""
        ids = self._forget(tickets)
        try:
            self._session.store.request(
                "POST", "/link/slots/release", {"leases": ids}, timeout=_RELEASE_SECONDS, start=False
            )
        except BaseException as error:
            self._journal(ids)
            if not isinstance(error, PenstockException):
                raise

    def note(self, *tickets: Ticket) -> None:
        """Give back without waiting for the store, by lines of this process's journal."""
        self._journal(self._forget(tickets))

    def _forget(self, tickets: Iterable[Ticket]) -> list[str]:
        with self._lock:
            for ticket in tickets:
                self._waiting.pop(ticket.id, None)
        return [ticket.id for ticket in tickets]

    def _journal(self, ids: list[str]) -> None:
        for identity in ids:
            self._session.emit("lease_ended", {"id": identity, "why": "released"})
        self._session.hurry()

    def lost(self, ids: Iterable[str]) -> list[str]:
        """Return those leases that have ended without having been given back.

        Raises:
            StoreUnavailable: nobody answers.
        """
        answer = self._session.store.request("POST", "/link/slots/renew", {"leases": list(ids)}, timeout=10)
        return [str(one) for one in answer["lost"]]

    def _asked(self, ticket: Ticket) -> dict[str, Any]:
        body = {
            "client": self._session.client,
            **{name: getattr(ticket, name) for name in _SENT},
        }
        answer: dict[str, Any] = self._session.store.request("POST", "/link/slots/acquire", body)
        return answer

    def _poll(self) -> None:
        pause = 0.05
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                waiting, seen = list(self._waiting), self._seen
            try:
                self._hear(waiting, seen)
                pause = 0.05
            except PenstockException:
                time.sleep(pause)  # the store is away; the next request starts it
                pause = min(pause * 2, 2.0)

    def _hear(self, waiting: list[str], seen: list[str]) -> None:
        body = {"client": self._session.client, "seen": seen, "waiting": waiting, "timeout": _POLL_SECONDS}
        answer = self._session.store.request("POST", "/link/slots/wait", body, timeout=_POLL_SECONDS + 10)
        self._seen = list(answer["settled"])
        for identity, found in answer["settled"].items():
            if (ticket := self._waiting.get(identity)) is not None:
                self._settle(ticket, found)
        known = {*answer["waiting"], *answer["settled"]}
        for identity in waiting:
            ticket = self._waiting.get(identity)
            # Another store than the one that was asked: the queue is new, and the place is the old one.
            if identity not in known and ticket is not None:
                self._settle(ticket, self._asked(ticket))

    def _settle(self, ticket: Ticket, answer: dict[str, Any]) -> None:
        with self._lock:
            if ticket.take(answer):
                self._waiting.pop(ticket.id, None)


_SENT = (
    "id",
    "names",
    "slots",
    "mode",
    "holder_type",
    "holder_id",
    "task_run_id",
    "wait",
    "asked_us",
)
_desks: dict[str, Desk] = {}
_desks_lock = threading.Lock()


def desk_of(session: Session) -> Desk:
    """Return the desk of a session."""
    found = _desks.get(session.client)
    if found is None:
        with _desks_lock:
            found = _desks.setdefault(session.client, Desk(session))
    return found


def _after_fork() -> None:
    global _desks_lock
    _desks_lock = threading.Lock()
    _desks.clear()


os.register_at_fork(after_in_child=_after_fork)
