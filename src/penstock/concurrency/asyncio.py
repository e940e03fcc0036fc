"""Concurrency and rate limits for async code. Reference page: api-ref prefect-concurrency-asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from penstock._engine.slot_watch import watching
from penstock._engine.slots import Hold, Holder, holding, waited
from penstock.concurrency.context import listed
from penstock.exceptions._slots import (
    AcquireConcurrencySlotTimeoutError as AcquireConcurrencySlotTimeoutError,
)
from penstock.exceptions._slots import ConcurrencySlotAcquisitionError as ConcurrencySlotAcquisitionError


@asynccontextmanager
async def concurrency(
    names: str | list[str],
    occupy: int = 1,
    timeout_seconds: float | None = None,
    max_retries: int | None = None,
    lease_duration: float = 300,
    strict: bool = False,
    holder: Holder = None,
) -> AsyncIterator[None]:
    """Hold slots of concurrency limits during a block; await them before it.

    Arguments and errors are those of `penstock.concurrency.sync.concurrency`. Waiting takes no thread, so thousands
    of coroutines may wait at once.

    Example:
        >>> async def heavy() -> str:
        ...     async with concurrency("database", occupy=1):
        ...         return "one of the few"
        >>> asyncio.run(heavy())
        'one of the few'
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
            await taken(hold)
            async with _told_of_loss(hold) if strict else nullcontext():
                yield
        finally:
            await given_back(hold)


async def rate_limit(
    names: str | list[str],
    occupy: int = 1,
    timeout_seconds: float | None = None,
    strict: bool = False,
) -> None:
    """Wait until it is this caller's turn; see `penstock.concurrency.sync.rate_limit`.

    Example:
        >>> asyncio.run(rate_limit("some-api"))
    """
    hold = holding(names, occupy, mode="rate_limit", timeout=timeout_seconds, strict=strict)
    if hold is None:
        return
    done = False
    try:
        await taken(hold)
        done = True
    finally:
        if not done:
            await given_back(hold)


async def taken(hold: Hold) -> None:
    """Ask for slots and await them."""
    await asyncio.to_thread(hold.ask)
    await waited(hold)


async def given_back(hold: Hold) -> None:
    """Give slots back; a cancellation does not keep that from being done."""
    if not hold.asked:
        return
    try:
        await asyncio.shield(asyncio.to_thread(hold.give_back))
    except RuntimeError:
        hold.give_back()  # the loop ends and starts no more threads


@asynccontextmanager
async def _told_of_loss(hold: Hold) -> AsyncIterator[None]:
    """Cancel the block when the slots are lost, and raise the reason at its end."""
    loop, task, reasons = asyncio.get_running_loop(), asyncio.current_task(), list[str]()
    assert task is not None

    def cancel() -> None:
        if not ended:
            task.cancel()

    def tell(reason: str) -> None:
        reasons.append(reason)
        loop.call_soon_threadsafe(cancel)

    ended = False
    try:
        with watching(hold, tell):
            yield
    except asyncio.CancelledError:
        if not reasons or task.uncancel() > 0:
            raise
    finally:
        ended = True
    if reasons:
        raise hold.lost(reasons[0])


__all__ = [
    "AcquireConcurrencySlotTimeoutError",
    "ConcurrencySlotAcquisitionError",
    "concurrency",
    "rate_limit",
]
