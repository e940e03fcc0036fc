"""Taking slots over the REST API, step by step. Reference page: api-ref prefect-concurrency-services.

`concurrency` and `rate_limit` do not need this: they wait in the store's queue. This is for code that asks a server by
`get_client`, and it waits as such clients do: it asks again when the server says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Literal, Self

from penstock.client.orchestration import get_client
from penstock.exceptions._slots import AcquireConcurrencySlotTimeoutError, ConcurrencySlotAcquisitionError

if TYPE_CHECKING:
    import httpx

    from penstock._values.limits import ConcurrencyLeaseHolder
    from penstock.client.orchestration import PenstockClient

Mode = Literal["concurrency", "rate_limit"]
_LOCKED = 423


class ConcurrencySlotAcquisitionService:
    """Takes slots of a set of limits.

    Args:
        concurrency_limit_names: names of the limits.

    Example:
        >>> async def take():
        ...     service = ConcurrencySlotAcquisitionService({"database"})
        ...     return (await service.acquire(1, "concurrency")).status_code
    """

    def __init__(self, concurrency_limit_names: Iterable[str]) -> None:
        self.concurrency_limit_names: list[str] = sorted(concurrency_limit_names)

    @classmethod
    def instance(cls, concurrency_limit_names: Iterable[str]) -> Self:
        """Return a service for these names."""
        return cls(concurrency_limit_names)

    async def acquire(
        self,
        slots: int,
        mode: Mode,
        timeout_seconds: float | None = None,
        max_retries: int | None = None,
    ) -> httpx.Response:
        """Take slots, asking again for as long as they are taken, and return the server's answer.

        Args:
            slots: how many of each limit.
            mode: ``"rate_limit"`` for limits whose slots come back by themselves.
            timeout_seconds: how long to try; without end by default.
            max_retries: how often to try again; without end by default.

        Raises:
            AcquireConcurrencySlotTimeoutError: a TimeoutError; the time is up.
            ConcurrencySlotAcquisitionError: so many tries were in vain.
        """
        return await tried(
            self.concurrency_limit_names,
            lambda client: client.increment_concurrency_slots(self.concurrency_limit_names, slots, mode),
            timeout_seconds,
            max_retries,
        )


class ConcurrencySlotAcquisitionWithLeaseService:
    """Takes slots of a set of limits with a lease, which the caller renews and ends.

    Args:
        concurrency_limit_names: names of the limits.
    """

    def __init__(self, concurrency_limit_names: frozenset[str]) -> None:
        self.concurrency_limit_names: list[str] = sorted(concurrency_limit_names)

    @classmethod
    def instance(cls, concurrency_limit_names: frozenset[str]) -> Self:
        """Return a service for these names."""
        return cls(concurrency_limit_names)

    async def acquire(
        self,
        slots: int,
        mode: Mode,
        timeout_seconds: float | None = None,
        max_retries: int | None = None,
        lease_duration: float = 300,
        strict: bool = False,
        holder: ConcurrencyLeaseHolder | None = None,
    ) -> httpx.Response:
        """Take slots with a lease; see `ConcurrencySlotAcquisitionService.acquire`.

        Args:
            slots, mode, timeout_seconds, max_retries: as there.
            lease_duration: seconds, 60 to 86400.
            strict: raise when none of the limits exists.
            holder: who is shown to hold them.
        """
        names = self.concurrency_limit_names
        answer = await tried(
            names,
            lambda client: client.increment_concurrency_slots_with_lease(
                names, slots, mode, lease_duration, holder
            ),
            timeout_seconds,
            max_retries,
        )
        known = {one["name"] for one in answer.json()["limits"]}
        if strict and (missing := [name for name in names if name not in known]):
            async with get_client() as client:
                await client.release_concurrency_slots_with_lease(answer.json()["lease_id"])
            raise ConcurrencySlotAcquisitionError(f"There is no concurrency limit named {missing[0]!r}.")
        return answer


async def tried(
    names: list[str],
    send: Callable[[PenstockClient], Awaitable[httpx.Response]],
    timeout_seconds: float | None,
    max_retries: int | None = None,
) -> httpx.Response:
    """Send a request again and again while it is answered with 423 and a time to come back."""
    tries = 0
    try:
        async with asyncio.timeout(timeout_seconds), get_client() as client:
            while True:
                answer = await _sent(client, send)
                if answer.status_code != _LOCKED or "retry-after" not in answer.headers:
                    return answer
                if max_retries is not None and tries >= max_retries:
                    raise ConcurrencySlotAcquisitionError(
                        f"No slots of {', '.join(names)} after {max_retries} retries."
                    )
                tries += 1
                await asyncio.sleep(float(answer.headers["retry-after"]))
    except TimeoutError as error:
        raise AcquireConcurrencySlotTimeoutError(
            f"No slots of {', '.join(names)} within {timeout_seconds:g} s."
        ) from error


async def _sent(
    client: PenstockClient, send: Callable[[PenstockClient], Awaitable[httpx.Response]]
) -> httpx.Response:
    from penstock.exceptions import PenstockHTTPStatusError

    try:
        return await send(client)
    except PenstockHTTPStatusError as error:
        if error.response.status_code == _LOCKED:
            return error.response
        raise


__all__ = ["ConcurrencySlotAcquisitionService", "ConcurrencySlotAcquisitionWithLeaseService"]
