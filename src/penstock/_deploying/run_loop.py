"""Asking the store for due runs and seeing to them: what runners and workers have in common.

The main thread waits and hears signals; one thread asks the store for due runs by long poll, one a run waits for its
end. A run that was taken and not begun goes back to the store when this process dies; one that has begun goes on
without it.
"""

from __future__ import annotations

import logging
import signal
import threading
from abc import ABC, abstractmethod
from typing import Any

from penstock._deploying.children import LOOK, Child, ask_to_cancel, clock
from penstock._deploying.heartbeats import beat
from penstock._engine.log_setup import setup_logging
from penstock._engine.signals import stop_signals
from penstock._ids import short_hex
from penstock._link.session import Session, current_session
from penstock.exceptions import PenstockException

#: The pause after the store could not be asked, in seconds.
_AWAY = 1.0
_logger = logging.getLogger("penstock.runner")


class RunLoop(ABC):
    """Takes due runs, as many as it may, and has each seen to in a thread of its own.

    Args:
        name: for the log.
        query_seconds: how long the store is asked at a time; new runs are heard of at once.
        prefetch_seconds: how much ahead of its time a run is taken; it begins on time.
        heartbeat_seconds: between signs of life of each run; none by default.
        limit: how many runs at a time; None for any number.

    Raises:
        ValueError: the limit is less than 1.
    """

    def __init__(
        self,
        name: str,
        query_seconds: float,
        prefetch_seconds: float,
        heartbeat_seconds: float | None,
        limit: int | None,
    ) -> None:
        if limit is not None and limit < 1:
            raise ValueError(f"limit must be at least 1, or None for no limit; got {limit}.")
        self.limit = limit
        self._query = float(query_seconds)
        self._prefetch = float(prefetch_seconds)
        self._heartbeat = heartbeat_seconds
        self._children: dict[str, Child | None] = {}
        self._changed = threading.Condition()
        self._asker = f"{name} {short_hex(8)}"
        self._stopping = threading.Event()

    @abstractmethod
    def wanted(self) -> dict[str, Any]:
        """Return whose runs are asked for, as `/link/due` takes it."""

    @abstractmethod
    def execute(self, session: Session, found: dict[str, Any]) -> None:
        """See to a run that was taken, until it has ended.

        Args:
            session: of this process.
            found: the run as `/link/take` answers.
        """

    def leave(self, session: Session) -> None:  # noqa: B027  # most have nothing to do then
        """Do what is to be done when no more runs are taken, before those that go on are cancelled."""

    def look(self, session: Session) -> None:  # noqa: B027  # most have nothing to do then
        """Do what is to be done every few seconds."""

    def has_slots_available(self) -> bool:
        """Return whether another run may begin."""
        return self.limit is None or len(self._children) < self.limit

    def started(self, run_id: str, child: Child) -> None:
        """Note the process of a run, which is ended when the run is cancelled and it does not stop by itself."""
        with self._changed:
            self._children[run_id] = child

    def ask_to_stop(self) -> None:
        """Take no more runs; `work` cancels what goes on and returns."""
        self._stopping.set()

    def handle_sigterm(self, signum: int, frame: object) -> None:
        """Stop in good order; a second signal ends the process."""
        if self._stopping.is_set():
            signal.signal(signum, signal.SIG_DFL)
            signal.raise_signal(signum)
        self._stopping.set()

    def cancel_all(self) -> None:
        """Ask for all its runs to be cancelled, and wait until they have ended."""
        session = current_session()
        with self._changed:
            running = list(self._children)
        for run_id in running:
            ask_to_cancel(session, run_id)
        while True:
            with self._changed:
                left = [child for child in self._children.values() if child is not None]
                if not self._children:
                    return
                self._changed.wait(0.5)
            for child in left:
                child.look_after_cancelling(clock())

    def work(self, *, run_once: bool = False) -> None:
        """Run what is due until it is stopped; what goes on then is cancelled.

        Args:
            run_once: return when what is due now has ended.
        """
        setup_logging()
        session = current_session()
        try:
            self.look(session)
            if run_once:
                self._begin_all(session, self._due(session, 0.0)["runs"])
                with self._changed:
                    self._changed.wait_for(lambda: not self._children)
                return
            helpers = [
                threading.Thread(target=work, args=(session,), name=f"penstock-runner-{name}", daemon=True)
                for name, work in (("ask", self._ask), ("care", self._care))
            ]
            with stop_signals(self.handle_sigterm):
                for helper in helpers:
                    helper.start()
                self._stopping.wait()
                self.leave(session)
                self._release(session)
                self.cancel_all()
                for helper in helpers:
                    helper.join()
        finally:
            self._stopping.set()

    def _ask(self, session: Session) -> None:
        """Ask for due runs until told to stop."""
        timeout = self._query
        while self._wait_for_slot():
            try:
                found = self._due(session, timeout)
                self._begin_all(session, found["runs"])
            except PenstockException as error:
                _logger.warning("The store could not be asked for runs, trying again: %s", error)
                self._stopping.wait(_AWAY)
                continue
            soon = found["next"]
            timeout = self._query if soon is None else max(0.0, min(self._query, soon))

    def _wait_for_slot(self) -> bool:
        with self._changed:
            while not self._stopping.is_set() and not self.has_slots_available():
                self._changed.wait(0.5)
        return not self._stopping.is_set()

    def _due(self, session: Session, timeout: float) -> dict[str, Any]:
        body = {**self.wanted(), "ahead": self._prefetch, "timeout": timeout, "asker": self._asker}
        found: dict[str, Any] = session.store.request("POST", "/link/due", body, timeout=timeout + 30)
        return found

    def _begin_all(self, session: Session, run_ids: list[str]) -> None:
        for run_id in run_ids:
            if self._stopping.is_set() or not self.has_slots_available():
                return
            found = take(session, run_id)
            if found is None:
                continue  # somebody else was quicker
            with self._changed:
                self._children[run_id] = None
            name = f"penstock-run-{run_id}"
            threading.Thread(target=self._see_to, args=(session, found), name=name, daemon=True).start()

    def _see_to(self, session: Session, found: dict[str, Any]) -> None:
        try:
            self.execute(session, found)
        except Exception:
            _logger.exception("Flow run %s could not be run", found["id"])
        finally:
            with self._changed:
                self._children.pop(found["id"], None)
                self._changed.notify_all()

    def _care(self, session: Session) -> None:
        """Look after what goes on: cancellations that are not heeded, and signs of life."""
        last_beat = clock()
        while not self._stopping.wait(LOOK):
            with self._changed:
                running = {run_id: child for run_id, child in self._children.items() if child is not None}
            try:
                self.look(session)
                for run_id in _cancelling(session, list(running)) if running else ():
                    running[run_id].look_after_cancelling(clock())
            except PenstockException as error:
                _logger.warning("The store could not be asked for cancellations: %s", error)
            if self._heartbeat is not None and clock() - last_beat >= self._heartbeat:
                last_beat = clock()
                for run_id in running:
                    beat(session, run_id)

    def _release(self, session: Session) -> None:
        """End the question that the store keeps open."""
        try:
            session.store.request("POST", "/link/release", {"worker": self._asker})
        except PenstockException as error:
            _logger.warning("The store could not be told that no more runs are taken: %s", error)


def take(session: Session, run_id: str) -> dict[str, Any] | None:
    """Take a scheduled run, so that nobody else begins it; None when it is not to be had."""
    body = {"flow_run_id": run_id, "client": session.client}
    found = session.store.request("POST", "/link/take", body)["run"]
    return dict(found) if found is not None else None


def _cancelling(session: Session, run_ids: list[str]) -> list[str]:
    which = {"id": {"any_": run_ids}, "state": {"type": {"any_": ["CANCELLING"]}}}
    found = session.store.request("POST", "/api/flow_runs/filter", {"flow_runs": which})
    return [str(one["id"]) for one in found]
