"""Concurrency and rate limits for code that blocks. Reference page: api-ref prefect-concurrency-sync."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from penstock._engine.cancellation import cancel_raise, raise_in_thread
from penstock._engine.slot_watch import watching
from penstock._engine.slots import Hold, Holder, holding
from penstock.concurrency.context import listed
from penstock.exceptions._slots import (
    AcquireConcurrencySlotTimeoutError as AcquireConcurrencySlotTimeoutError,
)
from penstock.exceptions._slots import ConcurrencySlotAcquisitionError as ConcurrencySlotAcquisitionError
from penstock.exceptions._slots import SlotsLost


@contextmanager
def concurrency(
    names: str | list[str],
    occupy: int = 1,
    timeout_seconds: float | None = None,
    max_retries: int | None = None,
    lease_duration: float = 300,
    strict: bool = False,
    holder: Holder = None,
) -> Iterator[None]:
    """Hold slots of concurrency limits during a block; wait for them before it.

    They are held for as long as this process lives and the block goes on, whatever the block does; nothing has to be
    renewed. When the process dies they are free again within a second or two.

    Args:
        names: of the limits; slots of all of them are taken together. Those that do not exist, or are not active,
            limit nothing.
        occupy: how many slots of each.
        timeout_seconds: how long to wait for them; without end by default.
        max_retries: 0 not to wait; otherwise wait this many times as long as a client waits between two tries
            (30 seconds).
        lease_duration: seconds, 60 to 86400. Kept for compatibility: a lease of this machine ends with its process.
        strict: raise when a limit does not exist, and when the slots are lost during the block (somebody reset the
            limit; the store is gone for good), instead of logging or going on.
        holder: ``type`` (flow_run, task_run or deployment) and ``id`` of who is shown to hold them; the current run
            by default.

    Raises:
        AcquireConcurrencySlotTimeoutError: a TimeoutError; no slot became free in time.
        ConcurrencySlotAcquisitionError: the slots can never be had, or `strict` says so.

    Example:
        >>> with concurrency("database", occupy=1):
        ...     print("one of the few")
        one of the few
    """
    hold = holding(
        names,
        occupy,
        timeout=timeout_seconds,
        max_retries=max_retries,
        lease_duration=lease_duration,
        strict=strict,
        holder=holder,
    )
    if hold is None:
        yield
        return
    with listed(hold):
        try:
            hold.ask()
            hold.wait()
            with _told_of_loss(hold) if strict else nullcontext():
                yield
        finally:
            hold.give_back()


@contextmanager
def _told_of_loss(hold: Hold) -> Iterator[None]:
    """Raise in this thread when the slots are lost."""
    thread, reasons = threading.get_ident(), list[str]()

    def tell(reason: str) -> None:
        reasons.append(reason)
        raise_in_thread(thread, SlotsLost)

    try:
        with watching(hold, tell):
            yield
    except SlotsLost:
        raise hold.lost(reasons[0]) from None
    if reasons:
        # Told in the last moment: what was about to be raised must not hit whatever comes next.
        cancel_raise(thread)
        raise hold.lost(reasons[0])


def rate_limit(
    names: str | list[str],
    occupy: int = 1,
    timeout_seconds: float | None = None,
    strict: bool = False,
) -> None:
    """Wait until it is this caller's turn, so that things happen no more often than their limits say.

    Args:
        names: of the limits; each needs a `slot_decay_per_second`. Those that do not exist limit nothing.
        occupy: how many slots of each.
        timeout_seconds: how long to wait; without end by default.
        strict: raise when a limit does not exist.

    Raises:
        AcquireConcurrencySlotTimeoutError: a TimeoutError; it was not this caller's turn in time.
        ConcurrencySlotAcquisitionError: a limit does not decay, or has too few slots, or `strict` says so.

    Example:
        >>> rate_limit("some-api")
    """
    hold = holding(names, occupy, mode="rate_limit", timeout=timeout_seconds, strict=strict)
    if hold is None:
        return
    done = False
    try:
        hold.ask()
        hold.wait()
        done = True
    finally:
        if not done:
            hold.give_back()


__all__ = [
    "AcquireConcurrencySlotTimeoutError",
    "ConcurrencySlotAcquisitionError",
    "concurrency",
    "rate_limit",
]
