"""Logs, artifacts, variables and events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from penstock._values.records import Artifact, ArtifactCollection, Log, Variable
from penstock._values.requests import (
    ArtifactCreate,
    ArtifactUpdate,
    LogCreate,
    VariableCreate,
    VariableUpdate,
    body_of,
)
from penstock.client.orchestration._requests import Requests, listing, path_of
from penstock.exceptions import ObjectNotFound

if TYPE_CHECKING:
    from penstock.client.orchestration._requests import Filter
    from penstock.client.schemas.sorting import ArtifactCollectionSort, ArtifactSort, LogSort


class RecordMethods(Requests):
    """What a client does with what runs leave behind."""

    async def create_logs(self, logs: Iterable[LogCreate | dict[str, Any]]) -> None:
        """Send log lines."""
        await self._request(
            "POST", "/logs/", [one if isinstance(one, dict) else body_of(one) for one in logs]
        )

    async def read_logs(
        self,
        log_filter: Filter = None,
        limit: int | None = None,
        offset: int | None = None,
        sort: LogSort | None = None,
    ) -> list[Log]:
        """Return log lines, oldest first unless told otherwise."""
        body = listing(sort, limit, offset, {"logs": log_filter})
        return Log.model_validate_list(await self._json("POST", "/logs/filter", body))

    async def create_artifact(self, artifact: ArtifactCreate) -> Artifact:
        """Make an artifact."""
        return Artifact.model_validate(await self._json("POST", "/artifacts/", body_of(artifact)))

    async def update_artifact(self, artifact_id: UUID, artifact: ArtifactUpdate) -> None:
        """Change what is given of an artifact.

        Raises:
            ObjectNotFound: there is none with this id.
        """
        await self._request("PATCH", path_of("artifacts", artifact_id), body_of(artifact))

    async def delete_artifact(self, artifact_id: UUID) -> None:
        """Delete an artifact.

        Raises:
            ObjectNotFound: there is none with this id.
        """
        await self._request("DELETE", path_of("artifacts", artifact_id))

    async def read_artifacts(
        self,
        *,
        artifact_filter: Filter = None,
        flow_run_filter: Filter = None,
        task_run_filter: Filter = None,
        sort: ArtifactSort | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Artifact]:
        """Return artifacts; all filters must hold."""
        related: dict[str, Filter] = {"flow_runs": flow_run_filter, "task_runs": task_run_filter}
        body = listing(sort, limit, offset, {"artifacts": artifact_filter, **related})
        return Artifact.model_validate_list(await self._json("POST", "/artifacts/filter", body))

    async def read_latest_artifacts(
        self,
        *,
        artifact_filter: Filter = None,
        flow_run_filter: Filter = None,
        task_run_filter: Filter = None,
        sort: ArtifactCollectionSort | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[ArtifactCollection]:
        """Return the newest artifact of each key; all filters must hold."""
        related: dict[str, Filter] = {"flow_runs": flow_run_filter, "task_runs": task_run_filter}
        body = listing(sort, limit, offset, {"artifacts": artifact_filter, **related})
        return ArtifactCollection.model_validate_list(
            await self._json("POST", "/artifacts/latest/filter", body)
        )

    async def create_variable(self, variable: VariableCreate) -> Variable:
        """Make a variable.

        Raises:
            ObjectAlreadyExists: its name is taken.
        """
        return Variable.model_validate(await self._json("POST", "/variables/", body_of(variable)))

    async def update_variable(self, variable: VariableUpdate) -> None:
        """Change the variable of that name.

        Raises:
            ObjectNotFound: there is none.
        """
        body = body_of(variable)
        await self._request("PATCH", path_of("variables", "name", body.pop("name")), body)

    async def read_variable_by_name(self, name: str) -> Variable | None:
        """Return the variable of a name, None when there is none."""
        try:
            return Variable.model_validate(await self._json("GET", path_of("variables", "name", name)))
        except ObjectNotFound:
            return None

    async def read_variables(self, limit: int | None = None) -> list[Variable]:
        """Return variables by name."""
        return Variable.model_validate_list(
            await self._json("POST", "/variables/filter", listing(limit=limit))
        )

    async def delete_variable_by_name(self, name: str) -> None:
        """Delete the variable of a name.

        Raises:
            ObjectNotFound: there is none.
        """
        await self._request("DELETE", path_of("variables", "name", name))

    async def read_events(self, filter: Mapping[str, Any] | None = None, limit: int = 50) -> dict[str, Any]:
        """Return a page of events: events, total and the address of the next page.

        Args:
            filter: which events; of the last 180 days by default.
            limit: at most so many; 50 is the most.
        """
        body = {"filter": dict(filter) if filter is not None else None, "limit": min(limit, 50)}
        page: dict[str, Any] = await self._json("POST", "/events/filter", body)
        return page

    async def read_events_page(self, next_page_url: str) -> dict[str, Any]:
        """Return the page of events at an address, as `read_events` gave it."""
        page: dict[str, Any] = await self._json("GET", next_page_url)
        return page
