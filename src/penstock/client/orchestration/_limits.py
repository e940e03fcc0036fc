"""Client methods on concurrency limits. Reference page: api-ref prefect-client-orchestration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from penstock._values.limits import (
    ConcurrencyLeaseHolder,
    ConcurrencyLimit,
    GlobalConcurrencyLimitCreate,
    GlobalConcurrencyLimitResponse,
    GlobalConcurrencyLimitUpdate,
)
from penstock._values.requests import body_of
from penstock.client.orchestration._requests import Requests, listing, path_of
from penstock.exceptions import ObjectNotFound

if TYPE_CHECKING:
    import httpx

Mode = Literal["concurrency", "rate_limit"]
_GLOBAL, _TAGS = "/v2/concurrency_limits", "/concurrency_limits"


class LimitMethods(Requests):
    """Limits of tags, global limits, their slots and leases."""

    async def create_concurrency_limit(self, tag: str, concurrency_limit: int) -> UUID:
        """Set how many task runs with a tag may be running, and return the limit's id.

        Args:
            tag: of tasks, or of their surroundings.
            concurrency_limit: how many; 0 aborts them.
        """
        body = {"tag": tag, "concurrency_limit": concurrency_limit}
        return UUID((await self._json("POST", f"{_TAGS}/", body))["id"])

    async def read_concurrency_limit_by_tag(self, tag: str) -> ConcurrencyLimit:
        """Return the limit of a tag, with the task runs that hold its slots.

        Raises:
            ObjectNotFound: it has none.
        """
        return ConcurrencyLimit.model_validate(
            await self._json("GET", path_of("concurrency_limits", "tag", tag))
        )

    async def read_concurrency_limits(self, limit: int = 200, offset: int = 0) -> list[ConcurrencyLimit]:
        """Return the limits of tags, by tag."""
        body = listing(limit=limit, offset=offset)
        return ConcurrencyLimit.model_validate_list(await self._json("POST", f"{_TAGS}/filter", body))

    async def reset_concurrency_limit_by_tag(
        self, tag: str, slot_override: Sequence[UUID | str] | None = None
    ) -> None:
        """Free the slots of a tag, or give them to these task runs.

        Raises:
            ObjectNotFound: the tag has no limit.
        """
        runs = None if slot_override is None else [str(UUID(str(run))) for run in slot_override]
        await self._request(
            "POST", path_of("concurrency_limits", "tag", tag, "reset"), {"slot_override": runs}
        )

    async def delete_concurrency_limit_by_tag(self, tag: str) -> None:
        """Delete the limit of a tag.

        Raises:
            ObjectNotFound: it has none.
        """
        await self._request("DELETE", path_of("concurrency_limits", "tag", tag))

    async def increment_v1_concurrency_slots(self, names: list[str], task_run_id: UUID) -> httpx.Response:
        """Take a slot of each of these tags for a task run.

        Raises:
            PenstockHTTPStatusError: 423, there is none; its header Retry-After says when to try again.
        """
        body = {"names": names, "task_run_id": str(task_run_id)}
        return await self._request("POST", f"{_TAGS}/increment", body)

    async def decrement_v1_concurrency_slots(
        self, names: list[str], task_run_id: UUID, occupancy_seconds: float
    ) -> httpx.Response:
        """Give back the slots a task run holds by these tags; the store knows itself for how long it had them."""
        body = {"names": names, "task_run_id": str(task_run_id)}
        return await self._request("POST", f"{_TAGS}/decrement", body)

    async def increment_concurrency_slots(self, names: list[str], slots: int, mode: Mode) -> httpx.Response:
        """Take slots of limits, all or none, until they are released.

        Raises:
            PenstockHTTPStatusError: 423, they are taken; its header Retry-After says when to try again.
        """
        body = {"names": names, "slots": slots, "mode": mode}
        return await self._request("POST", f"{_GLOBAL}/increment", body)

    async def increment_concurrency_slots_with_lease(
        self,
        names: list[str],
        slots: int,
        mode: Mode,
        lease_duration: float,
        holder: ConcurrencyLeaseHolder | Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        """Take slots of limits, all or none, for `lease_duration` seconds (60 to 86400) that can be renewed.

        Raises:
            PenstockHTTPStatusError: 423, they are taken; its header Retry-After says when to try again.
        """
        body: dict[str, Any] = {
            "names": names,
            "slots": slots,
            "mode": mode,
            "lease_duration": lease_duration,
        }
        if holder is not None:
            body["holder"] = ConcurrencyLeaseHolder.model_validate(holder).model_dump(mode="json")
        return await self._request("POST", f"{_GLOBAL}/increment-with-lease", body)

    async def renew_concurrency_lease(self, lease_id: UUID, lease_duration: float) -> httpx.Response:
        """Let a lease go on for so many seconds from now.

        Raises:
            PenstockHTTPStatusError: 410, it has ended.
        """
        path = path_of("v2", "concurrency_limits", "leases", lease_id, "renew")
        return await self._request("POST", path, {"lease_duration": lease_duration})

    async def release_concurrency_slots(
        self, names: list[str], slots: int, occupancy_seconds: float
    ) -> httpx.Response:
        """Give back slots that were taken without a lease, and say for how many seconds they were held."""
        body = {"names": names, "slots": slots, "occupancy_seconds": occupancy_seconds}
        return await self._request("POST", f"{_GLOBAL}/decrement", body)

    async def release_concurrency_slots_with_lease(self, lease_id: UUID) -> httpx.Response:
        """End a lease; no error when it has ended."""
        return await self._request("POST", f"{_GLOBAL}/decrement-with-lease", {"lease_id": str(lease_id)})

    async def create_global_concurrency_limit(self, concurrency_limit: GlobalConcurrencyLimitCreate) -> UUID:
        """Make a concurrency limit and return its id.

        Raises:
            ObjectAlreadyExists: its name is taken.
        """
        return UUID((await self._json("POST", f"{_GLOBAL}/", body_of(concurrency_limit)))["id"])

    async def read_global_concurrency_limit_by_name(self, name: str) -> GlobalConcurrencyLimitResponse:
        """Return a concurrency limit.

        Raises:
            ObjectNotFound: there is none of this name.
        """
        found = await self._json("GET", path_of("v2", "concurrency_limits", name))
        return GlobalConcurrencyLimitResponse.model_validate(found)

    async def read_global_concurrency_limits(
        self, limit: int = 10, offset: int = 0
    ) -> list[GlobalConcurrencyLimitResponse]:
        """Return concurrency limits, by name."""
        body = listing(limit=limit, offset=offset)
        return GlobalConcurrencyLimitResponse.model_validate_list(
            await self._json("POST", f"{_GLOBAL}/filter", body)
        )

    async def update_global_concurrency_limit(
        self, name: str, concurrency_limit: GlobalConcurrencyLimitUpdate
    ) -> httpx.Response:
        """Change what was given of a concurrency limit.

        Raises:
            ObjectNotFound: there is none of this name.
        """
        return await self._request(
            "PATCH", path_of("v2", "concurrency_limits", name), body_of(concurrency_limit)
        )

    async def upsert_global_concurrency_limit_by_name(self, name: str, limit: int) -> None:
        """Set how many slots a limit has, making it when there is none. Two requests, not one."""
        try:
            known = await self.read_global_concurrency_limit_by_name(name)
        except ObjectNotFound:
            await self.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=limit))
            return
        if known.limit != limit:
            await self.update_global_concurrency_limit(name, GlobalConcurrencyLimitUpdate(limit=limit))

    async def delete_global_concurrency_limit_by_name(self, name: str) -> httpx.Response:
        """Delete a concurrency limit; whoever waits for it goes on.

        Raises:
            ObjectNotFound: there is none of this name.
        """
        return await self._request("DELETE", path_of("v2", "concurrency_limits", name))
