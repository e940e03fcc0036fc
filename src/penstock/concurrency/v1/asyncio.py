"""Slots of tags in async code. Reference page: api-ref prefect-concurrency-v1-asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from penstock._engine.slots import holding_of_tags
from penstock.concurrency.asyncio import given_back, taken
from penstock.concurrency.context import listed
from penstock.exceptions._slots import (
    AcquireConcurrencySlotTimeoutError as AcquireConcurrencySlotTimeoutError,
)
from penstock.exceptions._slots import ConcurrencySlotAcquisitionError as ConcurrencySlotAcquisitionError


@asynccontextmanager
async def concurrency(
    names: str | list[str], task_run_id: UUID | None = None, timeout_seconds: float | None = None
) -> AsyncIterator[None]:
    """Hold a slot of each of these tags during a block; see `penstock.concurrency.v1.sync.concurrency`."""
    hold = holding_of_tags(names, task_run_id, timeout_seconds)
    if hold is None:
        yield
        return
    with listed(hold):
        try:
            await taken(hold)
            yield
        finally:
            await given_back(hold)


__all__ = ["AcquireConcurrencySlotTimeoutError", "ConcurrencySlotAcquisitionError", "concurrency"]
