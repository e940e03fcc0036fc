"""Flows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from penstock._values.records import Flow
from penstock.client.orchestration._requests import Requests, listing, path_of

if TYPE_CHECKING:
    from penstock.client.orchestration._requests import Filter
    from penstock.client.schemas.sorting import FlowSort


class FlowMethods(Requests):
    """What a client does with flows."""

    async def create_flow(self, flow: Any) -> UUID:
        """Make sure the API knows a flow (the decorated function) and return its id."""
        return await self.create_flow_from_name(flow.name)

    async def create_flow_from_name(self, flow_name: str) -> UUID:
        """Make sure the API knows a flow of this name and return its id."""
        return UUID((await self._json("POST", "/flows/", {"name": flow_name}))["id"])

    async def read_flow(self, flow_id: UUID) -> Flow:
        """Return a flow.

        Raises:
            ObjectNotFound: there is none with this id.
        """
        return Flow.model_validate(await self._json("GET", path_of("flows", flow_id)))

    async def read_flow_by_name(self, flow_name: str) -> Flow:
        """Return the flow of a name.

        Raises:
            ObjectNotFound: there is none.
        """
        return Flow.model_validate(await self._json("GET", path_of("flows", "name", flow_name)))

    async def read_flows(
        self,
        *,
        flow_filter: Filter = None,
        flow_run_filter: Filter = None,
        task_run_filter: Filter = None,
        deployment_filter: Filter = None,
        sort: FlowSort | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Flow]:
        """Return flows; all filters must hold.

        Args:
            flow_filter: which flows.
            flow_run_filter: only those with such a run.
            task_run_filter: only those with such a task run.
            deployment_filter: only those with such a deployment.
            sort: by name unless told otherwise.
            limit: at most so many; 200 is the most.
            offset: leave out so many.
        """
        related: dict[str, Filter] = {
            "flow_runs": flow_run_filter,
            "task_runs": task_run_filter,
            "deployments": deployment_filter,
        }
        body = listing(sort, limit, offset, {"flows": flow_filter, **related})
        return Flow.model_validate_list(await self._json("POST", "/flows/filter", body))

    async def delete_flow(self, flow_id: UUID) -> None:
        """Delete a flow and its runs.

        Raises:
            ObjectNotFound: there is none with this id.
        """
        await self._request("DELETE", path_of("flows", flow_id))
