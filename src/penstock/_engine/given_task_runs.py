"""Task runs that are made first and executed later, by whoever has them. Reference: api-ref prefect-task_engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar
from uuid import UUID

from penstock._engine.cancellation import Token, current_token
from penstock._engine.contexts import FlowRunContext, TaskRunContext
from penstock._engine.inputs import is_linked
from penstock._engine.parameters import bind, unbind
from penstock._engine.runner_port import make_run, options_of
from penstock._engine.task_run import TaskExecution
from penstock._values.awaited import awaitable_too
from penstock._values.run_inputs import RunInput, TaskRunResult
from penstock._values.runs import TaskRun

if TYPE_CHECKING:
    from penstock._engine.futures import PenstockFuture
    from penstock._engine.stored_futures import PenstockDistributedFuture

P = ParamSpec("P")
R = TypeVar("R")
Dependencies = Mapping[str, Iterable[RunInput | Mapping[str, str]]]


@awaitable_too
def create_task_run(
    task: Any,
    client: Any = None,
    id: UUID | None = None,
    parameters: Mapping[str, Any] | None = None,
    flow_run_context: FlowRunContext | None = None,
    parent_task_run_context: TaskRunContext | None = None,
    wait_for: Any = None,
    extra_task_inputs: Dependencies | None = None,
    deferred: bool = False,
) -> TaskRun:
    """Make and record a Pending run of a task that `run_task` can execute later; may be awaited.

    Args:
        task: what is to run.
        client: accepted for compatibility.
        id: of the run; a new one by default.
        parameters: arguments by name; futures among them become edges of the graph.
        flow_run_context: the flow run it belongs to; the active one by default.
        parent_task_run_context: the task run it is made in, which becomes an edge.
        wait_for: futures that must complete first.
        extra_task_inputs: further edges, by parameter name.
        deferred: queue the run for a task worker, instead of executing it here.
    """
    extra = as_edges(extra_task_inputs)
    if parent_task_run_context is not None:
        parent = TaskRunResult(id=parent_task_run_context.task_run.id)
        extra["__parents__"] = [parent.model_dump(mode="json")]
    with flow_run_context or nullcontext():
        if deferred:
            from penstock._engine.background import defer

            return defer(task, dict(parameters or {}), as_waits(wait_for), extra, id)
        execution = make_run(
            task, dict(parameters or {}), as_waits(wait_for), runner=None, dependencies=extra, run_id=id
        )
    return execution.task_run


def execution_of(
    task: Any,
    task_run: TaskRun | None,
    task_run_id: UUID | None,
    parameters: Mapping[str, Any] | None,
    wait_for: Any,
    dependencies: Dependencies | None,
) -> TaskExecution:
    """Return the execution of a run that was made before, or of one that is made now."""
    args, kwargs = unbind(task.fn, parameters or {})
    bound = bind(task.fn, args, kwargs)
    waits = as_waits(wait_for)
    if task_run is None:
        edges = as_edges(dependencies)
        return make_run(task, bound, waits, runner=None, dependencies=edges, run_id=task_run_id)
    return execution_of_run(task, task_run, bound, waits)


def execution_of_run(
    task: Any, task_run: TaskRun, bound: dict[str, Any], waits: tuple[Any, ...]
) -> TaskExecution:
    """Return the execution of a run that was made before.

    Args:
        task: what runs.
        task_run: its run.
        bound: all its arguments by name, defaults included.
        waits: futures that must complete first.
    """
    context = FlowRunContext.get()
    execution = TaskExecution(
        task=task,
        task_run=task_run,
        parameters=bound,
        options=options_of(task, context),
        wait_for=waits,
        token=context.cancellation if context is not None else (current_token.get() or Token()),
        flow_context=context,
        linked=bool(waits) or is_linked(bound),
    )
    if context is not None:
        execution.session = context.session
    return execution


def as_waits(wait_for: Any) -> tuple[Any, ...]:
    """Return what to wait for as a tuple; one future may stand for itself."""
    if wait_for is None:
        return ()
    return tuple(wait_for) if isinstance(wait_for, (list, tuple, set, frozenset)) else (wait_for,)


def as_edges(dependencies: Dependencies | None) -> dict[str, list[dict[str, Any]]]:
    """Return documented inputs of a run as its record keeps them."""
    return {
        name: [one.model_dump(mode="json") if isinstance(one, RunInput) else dict(one) for one in found]
        for name, found in (dependencies or {}).items()
    }


class BackgroundMethods(Generic[P, R]):
    """What a task does to run in the background."""

    fn: Callable[P, R]

    def delay(self, *args: P.args, **kwargs: P.kwargs) -> PenstockDistributedFuture[R]:
        """Queue a run for a task worker and return its future; the signature is that of the function.

        Example:
            >>> @task
            ... def greet(name: str) -> str:
            ...     return f"hello {name}"
            >>> greet.delay("marvin").task_run_id.version
            7
        """
        return self.apply_async(args, kwargs)

    def apply_async(
        self,
        args: tuple[Any, ...] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        wait_for: Iterable[PenstockFuture[Any]] | None = None,
        dependencies: Mapping[str, Iterable[Any]] | None = None,
    ) -> PenstockDistributedFuture[R]:
        """Queue a run for a task worker, whether one runs already or is started later.

        The result is stored unless the task says ``persist_result=False``, so that it can be read here.

        Args:
            args, kwargs: the function's arguments; must be picklable.
            wait_for: futures that must complete before the run begins.
            dependencies: edges of the graph beside those found in the arguments, by parameter name.

        Raises:
            ParameterBindError: the arguments do not fit. SerializationError: one cannot be pickled.
            UpstreamTaskError: a future of this process failed.
        """
        from penstock._engine.background import defer
        from penstock._engine.stored_futures import PenstockDistributedFuture

        bound = bind(self.fn, args or (), dict(kwargs or {}))
        run = defer(self, bound, wait_for, as_edges(dependencies))
        return PenstockDistributedFuture(run.id)
