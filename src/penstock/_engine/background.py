"""Tasks whose runs wait for a task worker, in whatever process. Reference: advanced/background-tasks, api-ref prefect-tasks.

The arguments go to the result storage first, then the store is told of the run and answers after its commit: a run
that was acknowledged has its arguments, and is there for a worker that is started later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from penstock._engine import inputs
from penstock._engine.contexts import FlowRunContext, TagsContext, TaskRunContext
from penstock._engine.futures import PenstockFuture, PenstockFutureList
from penstock._engine.mapping import expand
from penstock._ids import new_id, short_hex
from penstock._link.client import store
from penstock._results.store import ResultStore
from penstock._values.collections import visit
from penstock._values.runs import TaskRun
from penstock._values.states import State, StateDetails, StateType


def defer(
    task: Any,
    parameters: Mapping[str, Any],
    wait_for: Iterable[Any] | None = None,
    edges: Mapping[str, list[dict[str, Any]]] | None = None,
    run_id: UUID | None = None,
) -> TaskRun:
    """Record a run of a task for a task worker; returns when the store has it.

    Futures of this process are waited for, since a worker could not; futures of runs elsewhere are waited for there.

    Args:
        task: what is to run.
        parameters: arguments by name.
        wait_for: futures that must complete first.
        edges: of the graph, beside those found in the parameters.
        run_id: of the run; a new one by default.

    Raises:
        UpstreamTaskError: a future of this process failed. SerializationError: an argument cannot be pickled.
        StoreUnavailable: the run is not recorded.
    """
    context = FlowRunContext.get()
    waits = [_elsewhere(one) for one in wait_for or ()]
    details = StateDetails(deferred=True, task_parameters_id=new_id())
    made_id = run_id or new_id()
    upstream = {**inputs.edges(parameters, wait_for, context), **(edges or {})}
    parents = _parents()
    if parents:
        upstream["__parents__"] = parents
    run = TaskRun(
        id=made_id,
        name=f"{task.name}-{short_hex(3)}",
        tags=sorted(task.tags | TagsContext.tags()),
        state=State(StateType.SCHEDULED, state_details=details),
        task_key=task.task_key,
        dynamic_key=str(made_id),
        task_name=task.name,
        task_inputs=upstream,
    )
    assert details.task_parameters_id is not None
    given = {"parameters": _portable(parameters), "wait_for": waits}
    store_parameters(ResultStore(), details.task_parameters_id, given)
    store().request("POST", "/api/task_runs/", _body(run, details))
    return run


def defer_all(
    task: Any, parameters: dict[str, Any], wait_for: Iterable[Any] | None
) -> PenstockFutureList[Any]:
    """Record one run for each element of the iterable parameters, as `.map` has them."""
    from penstock._engine.stored_futures import PenstockDistributedFuture

    expansion = expand(task, parameters)
    waits = list(wait_for or ())
    runs = [defer(task, item, waits, expansion.edges) for item in expansion.runs]
    return PenstockFutureList(PenstockDistributedFuture(run.id) for run in runs)


def store_parameters(result_store: ResultStore, identifier: UUID, parameters: dict[str, Any]) -> None:
    """Store the arguments of a task run.

    Args:
        result_store: where.
        identifier: what they are read by.
        parameters: anything that can be pickled.

    Raises:
        SerializationError: it cannot.
    """
    ResultStore(result_store.folder, "pickle").write(parameters, f"parameters/{identifier}")


def read_parameters(result_store: ResultStore, identifier: UUID) -> dict[str, Any]:
    """Return what `store_parameters` stored.

    Raises:
        MissingResult: nothing is stored there under this identifier.
    """
    found: dict[str, Any] = result_store.read(f"parameters/{identifier}").result
    return found


def _parents() -> list[dict[str, str]]:
    """Return the run that is active here; the new one does not belong to it, but comes from it."""
    task_run, flow_run = TaskRunContext.get(), FlowRunContext.get()
    if task_run is not None:
        return [{"input_type": "task_run", "id": str(task_run.task_run.id)}]
    if flow_run is not None:
        return [{"input_type": "flow_run", "id": str(flow_run.flow_run.id)}]
    return []


def _portable(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments as another process can use them: futures of this one are replaced by their values."""
    from penstock._engine.stored_futures import StoredFuture

    def leaf(value: Any) -> Any:
        local = isinstance(value, (PenstockFuture, State)) and not isinstance(value, StoredFuture)
        return inputs.resolve_value(value) if local else value

    return {name: visit(value, leaf) for name, value in parameters.items()}


def _elsewhere(future: Any) -> Any:
    """Return a future that means the same run in another process."""
    from penstock._engine.stored_futures import PenstockDistributedFuture, PenstockFlowRunFuture, StoredFuture

    if not isinstance(future, PenstockFuture) or isinstance(future, StoredFuture):
        return future
    kind, run_id = future.edge
    return (PenstockFlowRunFuture if kind == "flow_run" else PenstockDistributedFuture)(run_id)


def _body(run: TaskRun, details: StateDetails) -> dict[str, Any]:
    return {
        "id": str(run.id),
        "name": run.name,
        "task_key": run.task_key,
        "dynamic_key": run.dynamic_key,
        "tags": run.tags,
        "task_inputs": run.task_inputs,
        "state": {"type": "SCHEDULED", "state_details": details.to_json()},
    }
