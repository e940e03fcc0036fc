"""Slots of tags in blocking code. Reference page: api-ref prefect-concurrency-v1-sync."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from penstock._engine.slots import holding_of_tags
from penstock.concurrency.context import listed
from penstock.exceptions._slots import (
    AcquireConcurrencySlotTimeoutError as AcquireConcurrencySlotTimeoutError,
)
from penstock.exceptions._slots import ConcurrencySlotAcquisitionError as ConcurrencySlotAcquisitionError


@contextmanager
def concurrency(
    names: str | list[str], task_run_id: UUID | None = None, timeout_seconds: float | None = None
) -> Iterator[None]:
    """Hold a slot of each of these tags during a block, in the name of a task run.

    The engine does this for the tags a task has; a block is for what is not a task.

    Args:
        names: tags. Those without a limit limit nothing.
        task_run_id: of the task run that is shown to hold the slots; the current one by default.
        timeout_seconds: how long to wait; without end by default.

    Raises:
        AcquireConcurrencySlotTimeoutError: a TimeoutError; no slot became free in time.
        ConcurrencySlotAcquisitionError: a limit is 0.

    Example:
        >>> with concurrency("database"):
        ...     print("one of the few")
        one of the few
    """
    hold = holding_of_tags(names, task_run_id, timeout_seconds)
    if hold is None:
        yield
        return
    with listed(hold):
        try:
            hold.ask()
            hold.wait()
            yield
        finally:
            hold.give_back()


__all__ = ["AcquireConcurrencySlotTimeoutError", "ConcurrencySlotAcquisitionError", "concurrency"]
