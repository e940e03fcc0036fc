"""Taking slots of concurrency limits for a block of code: what the blocking and the awaiting form share.

A lease is held by this process living, which the store sees by the lock of its journal. So nothing has to be renewed,
and code that keeps the interpreter to itself for an hour keeps its slots. Blocks that are strict also look now and
then whether somebody took the slots away (`slot_watch`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from penstock._engine.cancellation import Token, token
from penstock._engine.contexts import FlowRunContext, TaskRunContext
from penstock._engine.run_logging import RunLogAdapter, flow_run_logger, task_run_logger
from penstock._link.session import current_session
from penstock._link.slot_desk import Desk, Ticket, desk_of
from penstock._rules.slots import TAG
from penstock._values.limits import ConcurrencyLeaseHolder
from penstock.exceptions import StoreRefused, StoreUnavailable
from penstock.exceptions._slots import AcquireConcurrencySlotTimeoutError, ConcurrencySlotAcquisitionError

LONGEST_LEASE, SHORTEST_LEASE = 86_400, 60
#: How long a try lasts where only the number of tries is given, in seconds: as long as the store lets a client wait.
_TRY_SECONDS = 30.0
#: Seconds between looks at whether the run was cancelled.
_TICK = 0.1

Holder = ConcurrencyLeaseHolder | Mapping[str, Any] | None


@dataclass(slots=True)
class Hold:
    """Slots that a block asks for, holds, and gives back."""

    ticket: Ticket
    desk: Desk
    token: Token
    strict: bool = False
    timeout: float | None = None
    max_retries: int | None = None
    asked: bool = False

    @property
    def patience(self) -> float | None:
        """How many seconds may be waited; None for any number."""
        if self.max_retries is None:
            return self.timeout
        tries = self.max_retries * _TRY_SECONDS
        return tries if self.timeout is None else min(tries, self.timeout)

    def ask(self) -> None:
        """Ask the store; from here on there may be something to give back.

        Raises:
            ConcurrencySlotAcquisitionError: there is no store, or it refuses.
        """
        self.asked = True
        try:
            self.desk.ask(self.ticket)
        except (StoreUnavailable, StoreRefused) as error:
            raise ConcurrencySlotAcquisitionError(
                f"Slots of {_quoted(self.ticket.names)} could not be asked for: {error}"
            ) from error
        self._tell_missing()

    def wait(self) -> None:
        """Block until the slots are there.

        Raises:
            AcquireConcurrencySlotTimeoutError: they are not, in time. ConcurrencySlotAcquisitionError: they never
            will be. RunCancelled: the run was cancelled meanwhile.
        """
        if not self.token.wait(self.ticket.settled, self.patience):
            raise self.too_late()
        self.check()

    def check(self) -> None:
        """Do nothing when the slots are held; raise why not otherwise."""
        answer = self.ticket.answer or {}
        if answer.get("status") != "granted":
            taken = "all are taken." if answer.get("status") == "full" else "they were given up."
            reason = answer.get("reason") or taken
            raise ConcurrencySlotAcquisitionError(
                f"Slots of {_quoted(self.ticket.names)} cannot be had: {reason}"
            )

    def too_late(self) -> Exception:
        """Return the error for a wait that was too long."""
        what = f"No {self.ticket.slots} slot(s) of {_quoted(self.ticket.names)} became free"
        hint = "`penstock gcl inspect NAME` shows how many are taken."
        if self.timeout is not None and self.patience == self.timeout:
            return AcquireConcurrencySlotTimeoutError(f"{what} within {self.timeout:g} s. {hint}")
        return ConcurrencySlotAcquisitionError(f"{what} after {self.max_retries} retries. {hint}")

    def lost(self, reason: str) -> ConcurrencySlotAcquisitionError:
        """Return the error for slots that were taken away."""
        return ConcurrencySlotAcquisitionError(f"Slots of {_quoted(self.ticket.names)} were lost: {reason}")

    def give_back(self) -> None:
        """End the lease, or stop waiting for it. May be called whatever happened before, and more than once."""
        if self.asked:
            self.asked = False
            self.desk.give_back(self.ticket)

    def _tell_missing(self) -> None:
        names = [*(self.ticket.answer or {}).get("missing", ())]
        if not names:
            return
        what = f"There is no concurrency limit named {_quoted(names)}"
        how = f"`penstock gcl create {names[0]} --limit N` makes it."
        if self.strict:
            raise ConcurrencySlotAcquisitionError(f"{what}. {how}")
        _logger().warning("%s, so nothing is limited by it. %s", what, how)


async def waited(hold: Hold) -> None:
    """Await the slots; takes no thread. Raises what `Hold.wait` raises."""
    import asyncio

    loop = asyncio.get_running_loop()
    settled: asyncio.Future[None] = loop.create_future()

    def settle() -> None:
        if not settled.done():
            settled.set_result(None)

    def tell() -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile; nobody waits any more
            loop.call_soon_threadsafe(settle)

    hold.ticket.listen(tell)
    end = None if hold.patience is None else loop.time() + hold.patience
    while not settled.done():
        hold.token.check()
        left = _TICK if end is None else min(_TICK, end - loop.time())
        if left <= 0:
            raise hold.too_late()
        await asyncio.wait({settled}, timeout=left)
    hold.check()


def holding(
    names: str | Sequence[str],
    slots: int,
    *,
    mode: str = "concurrency",
    timeout: float | None = None,
    max_retries: int | None = None,
    lease_duration: float = 300,
    strict: bool = False,
    holder: Holder = None,
) -> Hold | None:
    """Return what a block is to hold; None when no limits are named.

    Raises:
        ValueError: a number is out of its bounds.
    """
    wanted = (names,) if isinstance(names, str) else tuple(dict.fromkeys(names))
    if not wanted:
        return None
    if slots < 1:
        raise ValueError(f"At least one slot must be occupied, not {slots}.")
    if not SHORTEST_LEASE <= lease_duration <= LONGEST_LEASE:
        raise ValueError(
            f"lease_duration must be between {SHORTEST_LEASE} and {LONGEST_LEASE} seconds, not {lease_duration}."
        )
    kind, identity = _holder(holder)
    wait = max_retries is None or max_retries > 0
    ticket = Ticket(wanted, slots, mode, kind, identity, wait=wait)
    return Hold(ticket, desk_of(current_session()), token(), strict, timeout, max_retries)


def holding_of_tags(
    names: str | Sequence[str], task_run_id: UUID | None = None, timeout: float | None = None
) -> Hold | None:
    """Return a hold of one slot of each of these tags, for a task run; None when no tags are named."""
    tags = (names,) if isinstance(names, str) else names
    run = {"type": "task_run", "id": task_run_id} if task_run_id is not None else None
    hold = holding([TAG + tag for tag in tags], 1, timeout=timeout, holder=run)
    if hold is not None and hold.ticket.holder_type == "task_run":
        hold.ticket.task_run_id = hold.ticket.holder_id
    return hold


def _holder(given: Holder) -> tuple[str | None, str | None]:
    """Return type and id of the holder: the one that was given, else the run this is part of."""
    if given is not None:
        valid = ConcurrencyLeaseHolder.model_validate(given)
        return valid.type, str(valid.id)
    task, flow = TaskRunContext.get(), FlowRunContext.get()
    found: UUID | None = task.task_run.id if task is not None else flow.flow_run.id if flow else None
    return (None, None) if found is None else ("task_run" if task is not None else "flow_run", str(found))


def _logger() -> logging.Logger | RunLogAdapter:
    task, flow = TaskRunContext.get(), FlowRunContext.get()
    if task is not None:
        return task_run_logger(
            task.task_run, task.task, flow.flow_run if flow else None, flow.flow if flow else None
        )
    if flow is not None:
        return flow_run_logger(flow.flow_run, flow.flow)
    return logging.getLogger("penstock.concurrency")


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
