"""What a task does to run in the background. Reference: api-ref prefect-tasks, advanced/background-tasks.

Nothing of it is loaded before it is used: most tasks never run in the background.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from penstock._engine.parameters import bind

if TYPE_CHECKING:
    from penstock._engine.futures import PenstockFuture
    from penstock._engine.stored_futures import PenstockDistributedFuture

P = ParamSpec("P")
R = TypeVar("R")


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
        from penstock._engine.given_task_runs import as_edges
        from penstock._engine.stored_futures import PenstockDistributedFuture

        bound = bind(self.fn, args or (), dict(kwargs or {}))
        run = defer(self, bound, wait_for, as_edges(dependencies))
        return PenstockDistributedFuture(run.id)

    def serve(self, task_runner: Any = None) -> None:
        """Run a task worker for this task in this process; returns when it is stopped.

        Args:
            task_runner: accepted for compatibility; runs are executed in threads.
        """
        from penstock._engine.task_worker import serve

        serve(self)
