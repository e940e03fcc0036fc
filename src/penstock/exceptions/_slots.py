"""Errors of concurrency limits. Reference pages: api-ref prefect-concurrency-sync, -asyncio."""

from __future__ import annotations

from penstock.exceptions._root import PenstockException
from penstock.exceptions._signals import PenstockSignal


class ConcurrencySlotAcquisitionError(PenstockException):
    """Slots of a concurrency limit could not be had, or (with `strict`) were lost."""


class AcquireConcurrencySlotTimeoutError(PenstockException, TimeoutError):
    """Nobody gave up a slot in time."""


class SlotsLost(PenstockSignal):
    """Ends a strict block whose slots are gone; it leaves the block as `ConcurrencySlotAcquisitionError`."""
