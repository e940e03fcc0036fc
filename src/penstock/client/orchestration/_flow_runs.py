"""Flow runs, their states and inputs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from penstock._engine.stored_futures import with_result
from penstock._values.documents import Document
from penstock._values.orchestration import OrchestrationResult
from penstock._values.records import FlowRunInput
from penstock._values.runs import FlowRun
from penstock._values.states import State
from penstock.client.orchestration._flows import FlowMethods
from penstock.client.orchestration._requests import listing, path_of, state_body

if TYPE_CHECKING:
    import httpx

    from penstock.client.orchestration._requests import Filter
    from penstock.client.schemas.sorting import FlowRunSort


class FlowRunMethods(FlowMethods):
    """What a client does with flow runs."""

    async def create_flow_run(
        self,
        flow: Any,
        name: str | None = None,
        parameters: dict[str, Any] | None = None,
        context: dict[str, Any] | None = None,
        tags: Iterable[str] | None = None,
        parent_task_run_id: UUID | None = None,
        state: State | None = None,
        work_pool_name: str | None = None,
        work_queue_name: str | None = None,
        job_variables: dict[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> FlowRun:
        """Make a flow run; nothing runs it by itself.

        Args:
            flow: the decorated function, or anything with a name.
            name: of the run; a slug by default.
            parameters: for the call; values as JSON.
            context: free to use.
            tags: of the run.
            parent_task_run_id: the task run that stands for it in another flow run.
            state: its first one; Pending by default.
            work_pool_name, work_queue_name, job_variables: for a worker.
            idempotency_key: a second run with the same key is the first one.
        """
        given = {
            "name": name,
            "flow_version": getattr(flow, "version", None),
            "parent_task_run_id": str(parent_task_run_id) if parent_task_run_id else None,
            "state": state_body(state) if state is not None else {"type": "PENDING"},
            "work_pool_name": work_pool_name,
            "work_queue_name": work_queue_name,
            "job_variables": job_variables,
            "idempotency_key": idempotency_key,
        }
        always = {"parameters": parameters or {}, "context": context or {}, "tags": list(tags or [])}
        body = {key: value for key, value in given.items() if value is not None} | always
        body["flow_id"] = str(await self.create_flow(flow))
        return FlowRun.model_validate(await self._json("POST", "/flow_runs/", body))

    async def read_flow_run(self, flow_run_id: UUID) -> FlowRun:
        """Return a flow run; ``.state.result()`` reads its result, where that is stored.

        Raises:
            ObjectNotFound: there is none with this id.
        """
        run = FlowRun.model_validate(await self._json("GET", path_of("flow_runs", flow_run_id)))
        if run.state is not None:
            run.state = with_result(run.state, "flow_run", run.id)
        return run

    async def read_flow_runs(
        self,
        *,
        flow_filter: Filter = None,
        flow_run_filter: Filter = None,
        task_run_filter: Filter = None,
        deployment_filter: Filter = None,
        sort: FlowRunSort | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[FlowRun]:
        """Return flow runs; all filters must hold. See `read_flows` for the arguments."""
        related: dict[str, Filter] = {
            "flows": flow_filter,
            "task_runs": task_run_filter,
            "deployments": deployment_filter,
        }
        body = listing(sort, limit, offset, {"flow_runs": flow_run_filter, **related})
        return FlowRun.model_validate_list(await self._json("POST", "/flow_runs/filter", body))

    async def count_flow_runs(
        self,
        *,
        flow_filter: Filter = None,
        flow_run_filter: Filter = None,
        task_run_filter: Filter = None,
        deployment_filter: Filter = None,
    ) -> int:
        """Count flow runs; all filters must hold."""
        related: dict[str, Filter] = {
            "flows": flow_filter,
            "task_runs": task_run_filter,
            "deployments": deployment_filter,
        }
        return int(
            await self._json(
                "POST", "/flow_runs/count", listing(filters={"flow_runs": flow_run_filter, **related})
            )
        )

    async def update_flow_run(
        self,
        flow_run_id: UUID,
        flow_version: str | None = None,
        parameters: dict[str, Any] | None = None,
        name: str | None = None,
        tags: Iterable[str] | None = None,
        empirical_policy: Document | None = None,
        infrastructure_pid: str | None = None,
        job_variables: dict[str, Any] | None = None,
    ) -> httpx.Response:
        """Change what is given of a flow run; None leaves a field as it is.

        Raises:
            ObjectNotFound: there is none with this id.
        """
        given = {
            "flow_version": flow_version,
            "parameters": parameters,
            "name": name,
            "tags": None if tags is None else list(tags),
            "empirical_policy": None
            if empirical_policy is None
            else empirical_policy.model_dump(mode="json"),
            "infrastructure_pid": infrastructure_pid,
            "job_variables": job_variables,
        }
        body = {key: value for key, value in given.items() if value is not None}
        return await self._request("PATCH", path_of("flow_runs", flow_run_id), body)

    async def update_flow_run_labels(self, flow_run_id: UUID, labels: dict[str, Any]) -> None:
        """Merge labels into those of a flow run."""
        await self._request("PATCH", path_of("flow_runs", flow_run_id, "labels"), labels)

    async def set_flow_run_name(self, flow_run_id: UUID, name: str) -> httpx.Response:
        """Rename a flow run."""
        return await self._request("PATCH", path_of("flow_runs", flow_run_id), {"name": name})

    async def delete_flow_run(self, flow_run_id: UUID) -> None:
        """Delete a flow run with all it has.

        Raises:
            ObjectNotFound: there is none with this id.
        """
        await self._request("DELETE", path_of("flow_runs", flow_run_id))

    async def set_flow_run_state(
        self, flow_run_id: UUID | str, state: State, force: bool = False
    ) -> OrchestrationResult:
        """Propose a state; the result says what became of it.

        Args:
            flow_run_id: which run.
            state: what is proposed.
            force: pass over the rules.
        """
        body = {"state": state_body(state), "force": force}
        path = path_of("flow_runs", flow_run_id, "set_state")
        return OrchestrationResult.model_validate(await self._json("POST", path, body))

    async def resume_flow_run(
        self, flow_run_id: UUID, run_input: dict[str, Any] | None = None
    ) -> OrchestrationResult:
        """Let a paused flow run go on; the status says whether it does."""
        path = path_of("flow_runs", flow_run_id, "resume")
        body = {} if run_input is None else {"run_input": run_input}
        return OrchestrationResult.model_validate(await self._json("POST", path, body))

    async def read_flow_run_states(self, flow_run_id: UUID) -> list[State]:
        """Return the states a flow run had, oldest first."""
        states = await self._json("GET", "/flow_run_states/", params={"flow_run_id": str(flow_run_id)})
        return State.model_validate_list(states)

    async def create_flow_run_input(
        self, flow_run_id: UUID, key: str, value: str, sender: str | None = None
    ) -> None:
        """Store a keyed input of a flow run.

        Raises:
            ObjectNotFound: there is no such run. ObjectAlreadyExists: the key is taken.
        """
        body = {"key": key, "value": value, "sender": sender}
        await self._request("POST", path_of("flow_runs", flow_run_id, "input"), body)

    async def filter_flow_run_input(
        self, flow_run_id: UUID, key_prefix: str, limit: int, exclude_keys: set[str]
    ) -> list[FlowRunInput]:
        """Return inputs whose keys begin so, oldest first."""
        body = {"prefix": key_prefix, "limit": limit, "exclude_keys": sorted(exclude_keys)}
        found = await self._json("POST", path_of("flow_runs", flow_run_id, "input", "filter"), body)
        return FlowRunInput.model_validate_list(found)

    async def read_flow_run_input(self, flow_run_id: UUID, key: str) -> str:
        """Return the text of an input.

        Raises:
            ObjectNotFound: there is none under this key.
        """
        return (await self._request("GET", path_of("flow_runs", flow_run_id, "input", key))).text

    async def delete_flow_run_input(self, flow_run_id: UUID, key: str) -> None:
        """Delete an input."""
        await self._request("DELETE", path_of("flow_runs", flow_run_id, "input", key))
