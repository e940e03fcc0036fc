"""Deployments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from penstock._values.deployments import Deployment, DeploymentSchedule
from penstock._values.runs import FlowRun
from penstock._values.states import State
from penstock.client.orchestration._requests import Requests, listing, path_of, state_body

if TYPE_CHECKING:
    from datetime import datetime

    from penstock.client.orchestration._requests import Filter


class DeploymentMethods(Requests):
    """What a client does with deployments."""

    async def create_deployment(self, flow_id: UUID, name: str, **fields: Any) -> UUID:
        """Make a deployment, or bring the one of this flow and name up to date, and return its id.

        Args:
            flow_id: whose deployment it is.
            name: its name.
            fields: further fields of the request, such as `entrypoint`, `parameters`, `schedules` and `tags`.
        """
        body = {"flow_id": str(flow_id), "name": name, **_given(fields)}
        return UUID((await self._json("POST", "/deployments/", body))["id"])

    async def read_deployment(self, deployment_id: UUID | str) -> Deployment:
        """Return a deployment.

        Raises:
            ObjectNotFound: there is none with this id.
        """
        return Deployment.model_validate(await self._json("GET", path_of("deployments", deployment_id)))

    async def read_deployment_by_name(self, name: str) -> Deployment:
        """Return the deployment that ``"flow name/deployment name"`` names.

        Raises:
            ObjectNotFound: there is none.
        """
        flow, _, own = name.partition("/")
        return Deployment.model_validate(await self._json("GET", path_of("deployments", "name", flow, own)))

    async def read_deployments(
        self,
        *,
        flow_filter: Filter = None,
        flow_run_filter: Filter = None,
        task_run_filter: Filter = None,
        deployment_filter: Filter = None,
        sort: Any = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Deployment]:
        """Return deployments by name; all filters must hold. See `read_flows` for the arguments."""
        related: dict[str, Filter] = {
            "flows": flow_filter,
            "flow_runs": flow_run_filter,
            "task_runs": task_run_filter,
            "deployments": deployment_filter,
        }
        found = await self._json("POST", "/deployments/filter", listing(sort, limit, offset, related))
        return Deployment.model_validate_list(found)

    async def update_deployment(self, deployment_id: UUID, deployment: Mapping[str, Any]) -> None:
        """Change the fields that are given.

        Raises:
            ObjectNotFound: there is none with this id.
        """
        await self._request("PATCH", path_of("deployments", deployment_id), dict(deployment))

    async def delete_deployment(self, deployment_id: UUID) -> None:
        """Delete a deployment and its runs that have not begun.

        Raises:
            ObjectNotFound: there is none with this id.
        """
        await self._request("DELETE", path_of("deployments", deployment_id))

    async def pause_deployment(self, deployment_id: UUID) -> None:
        """Stop the schedules of a deployment."""
        await self._request("POST", path_of("deployments", deployment_id, "pause_deployment"), {})

    async def resume_deployment(self, deployment_id: UUID) -> None:
        """Start the schedules of a deployment again."""
        await self._request("POST", path_of("deployments", deployment_id, "resume_deployment"), {})

    async def create_flow_run_from_deployment(
        self,
        deployment_id: UUID,
        *,
        parameters: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        state: State | None = None,
        name: str | None = None,
        tags: Iterable[str] | None = None,
        idempotency_key: str | None = None,
        parent_task_run_id: UUID | None = None,
        work_queue_name: str | None = None,
        job_variables: Mapping[str, Any] | None = None,
    ) -> FlowRun:
        """Make a run of a deployment, due now unless its state says otherwise, and return it.

        Raises:
            ObjectNotFound: there is no such deployment. ObjectAlreadyExists: the parameters do not fit its schema.
        """
        fields = {
            "parameters": parameters,
            "context": context,
            "state": state_body(state) if state is not None else None,
            "name": name,
            "tags": list(tags) if tags is not None else None,
            "idempotency_key": idempotency_key,
            "parent_task_run_id": str(parent_task_run_id) if parent_task_run_id else None,
            "work_queue_name": work_queue_name,
            "job_variables": job_variables,
        }
        path = path_of("deployments", deployment_id, "create_flow_run")
        return FlowRun.model_validate(await self._json("POST", path, _given(fields)))

    async def get_scheduled_flow_runs_for_deployments(
        self,
        deployment_ids: Iterable[UUID],
        scheduled_before: datetime | None = None,
        limit: int | None = None,
    ) -> list[FlowRun]:
        """Return the runs of deployments that are due, the earliest first."""
        fields = {
            "deployment_ids": [str(one) for one in deployment_ids],
            "scheduled_before": scheduled_before.isoformat() if scheduled_before else None,
            "limit": limit,
        }
        found = await self._json("POST", "/deployments/get_scheduled_flow_runs", _given(fields))
        return FlowRun.model_validate_list(found)

    async def read_deployment_schedules(self, deployment_id: UUID) -> list[DeploymentSchedule]:
        """Return the schedules of a deployment."""
        found = await self._json("GET", path_of("deployments", deployment_id, "schedules"))
        return DeploymentSchedule.model_validate_list(found)

    async def create_deployment_schedules(
        self, deployment_id: UUID, schedules: Iterable[tuple[Any, bool]]
    ) -> list[DeploymentSchedule]:
        """Give a deployment more schedules, each with whether it is active; return them."""
        body = [{"schedule": one.model_dump(mode="json"), "active": active} for one, active in schedules]
        found = await self._json("POST", path_of("deployments", deployment_id, "schedules"), body)
        return DeploymentSchedule.model_validate_list(found)

    async def update_deployment_schedule(
        self, deployment_id: UUID, schedule_id: UUID, active: bool | None = None, schedule: Any = None
    ) -> None:
        """Change a schedule."""
        fields = {
            "active": active,
            "schedule": schedule.model_dump(mode="json") if schedule is not None else None,
        }
        path = path_of("deployments", deployment_id, "schedules", schedule_id)
        await self._request("PATCH", path, _given(fields))

    async def delete_deployment_schedule(self, deployment_id: UUID, schedule_id: UUID) -> None:
        """Delete a schedule."""
        await self._request("DELETE", path_of("deployments", deployment_id, "schedules", schedule_id))


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
