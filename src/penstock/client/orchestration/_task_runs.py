"""Task runs and their states."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from penstock._engine.stored_futures import with_result
from penstock._values.documents import Document
from penstock._values.orchestration import OrchestrationResult
from penstock._values.runs import TaskRun
from penstock._values.states import State
from penstock.client.orchestration._requests import Requests, listing, path_of, state_body

if TYPE_CHECKING:
    import httpx

    from penstock.client.orchestration._requests import Filter
    from penstock.client.schemas.sorting import TaskRunSort


class TaskRunMethods(Requests):
    """What a client does with task runs."""

    async def create_task_run(
        self,
        task: Any,
        flow_run_id: UUID | None,
        dynamic_key: str,
        id: UUID | None = None,
        name: str | None = None,
        extra_tags: Iterable[str] | None = None,
        state: State | None = None,
        task_inputs: dict[str, list[Document]] | None = None,
    ) -> TaskRun:
        """Make a task run; nothing runs it by itself.

        Args:
            task: the decorated function.
            flow_run_id: where it belongs; None for a background task.
            dynamic_key: tells runs of one task within one flow run apart.
            id: chosen by the caller.
            name: of the run; a slug by default.
            extra_tags: beside those of the task.
            state: its first one; Pending by default.
            task_inputs: where its arguments come from, by name.
        """
        tags = {*(getattr(task, "tags", None) or ()), *(extra_tags or ())}
        given = {
            "id": str(id) if id else None,
            "name": name,
            "flow_run_id": str(flow_run_id) if flow_run_id else None,
            "task_version": getattr(task, "version", None),
        }
        sources = {
            key: [one.model_dump(mode="json") for one in values]
            for key, values in (task_inputs or {}).items()
        }
        body = {
            **{key: value for key, value in given.items() if value is not None},
            "task_key": task.task_key,
            "dynamic_key": dynamic_key,
            "tags": sorted(tags),
            "state": state_body(state) if state is not None else {"type": "PENDING"},
            "empirical_policy": _policy(task),
            "task_inputs": sources,
        }
        return TaskRun.model_validate(await self._json("POST", "/task_runs/", body))

    async def read_task_run(self, task_run_id: UUID) -> TaskRun:
        """Return a task run; ``.state.result()`` reads its result, where that is stored.

        Raises:
            ObjectNotFound: there is none with this id.
        """
        run = TaskRun.model_validate(await self._json("GET", path_of("task_runs", task_run_id)))
        if run.state is not None:
            run.state = with_result(run.state, "task_run", run.id)
        return run

    async def read_task_runs(
        self,
        *,
        flow_filter: Filter = None,
        flow_run_filter: Filter = None,
        task_run_filter: Filter = None,
        deployment_filter: Filter = None,
        sort: TaskRunSort | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[TaskRun]:
        """Return task runs; all filters must hold. See `read_flows` for the arguments."""
        related: dict[str, Filter] = {
            "flows": flow_filter,
            "flow_runs": flow_run_filter,
            "deployments": deployment_filter,
        }
        body = listing(sort, limit, offset, {"task_runs": task_run_filter, **related})
        return TaskRun.model_validate_list(await self._json("POST", "/task_runs/filter", body))

    async def set_task_run_name(self, task_run_id: UUID, name: str) -> httpx.Response:
        """Rename a task run."""
        return await self._request("PATCH", path_of("task_runs", task_run_id), {"name": name})

    async def delete_task_run(self, task_run_id: UUID) -> None:
        """Delete a task run.

        Raises:
            ObjectNotFound: there is none with this id.
        """
        await self._request("DELETE", path_of("task_runs", task_run_id))

    async def set_task_run_state(
        self, task_run_id: UUID, state: State, force: bool = False
    ) -> OrchestrationResult:
        """Propose a state; the result says what became of it."""
        body = {"state": state_body(state), "force": force}
        path = path_of("task_runs", task_run_id, "set_state")
        return OrchestrationResult.model_validate(await self._json("POST", path, body))

    async def read_task_run_states(self, task_run_id: UUID) -> list[State]:
        """Return the states a task run had, oldest first."""
        states = await self._json("GET", "/task_run_states/", params={"task_run_id": str(task_run_id)})
        return State.model_validate_list(states)


def _policy(task: Any) -> dict[str, Any]:
    delay = getattr(task, "retry_delay_seconds", None)
    given = {
        "retries": getattr(task, "retries", None),
        "retry_delay": list(delay) if isinstance(delay, (list, tuple)) else delay,
        "retry_jitter_factor": getattr(task, "retry_jitter_factor", None),
    }
    return {key: value for key, value in given.items() if value is not None and not callable(value)}
