"""Taking slots of tags over the REST API. Reference page: api-ref prefect-concurrency-v1-services."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Self
from uuid import UUID

from penstock.concurrency.services import tried
from penstock.exceptions._slots import ConcurrencySlotAcquisitionError

if TYPE_CHECKING:
    import httpx


class ConcurrencySlotAcquisitionServiceError(ConcurrencySlotAcquisitionError):
    """Slots of tags could not be had."""


class ConcurrencySlotAcquisitionService:
    """Takes a slot of each of some tags.

    Args:
        concurrency_limit_names: the tags.
    """

    def __init__(self, concurrency_limit_names: Iterable[str]) -> None:
        self.concurrency_limit_names: list[str] = sorted(concurrency_limit_names)

    @classmethod
    def instance(cls, concurrency_limit_names: Iterable[str]) -> Self:
        """Return a service for these tags."""
        return cls(concurrency_limit_names)

    async def acquire(self, task_run_id: UUID, timeout_seconds: float | None = None) -> httpx.Response:
        """Take the slots for a task run, asking again for as long as they are taken.

        Args:
            task_run_id: whose they are.
            timeout_seconds: how long to try; without end by default.

        Raises:
            AcquireConcurrencySlotTimeoutError: a TimeoutError; the time is up.
            ConcurrencySlotAcquisitionServiceError: a limit is 0.
        """
        answer = await tried(
            self.concurrency_limit_names,
            lambda client: client.increment_v1_concurrency_slots(self.concurrency_limit_names, task_run_id),
            timeout_seconds,
        )
        if answer.is_error:
            raise ConcurrencySlotAcquisitionServiceError(answer.json()["detail"])
        return answer


__all__ = ["ConcurrencySlotAcquisitionService", "ConcurrencySlotAcquisitionServiceError"]
