"""Tasks: functions whose runs are tracked, retried, cached and run anywhere.

Reference pages: concepts/tasks, api-ref/python/prefect-tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import update_wrapper
from hashlib import blake2b
from typing import Any, Literal, ParamSpec, TypeVar, overload

from penstock._engine.definitions import (
    Definition,
    TransactionHooks,
    check_hooks,
    default_name,
    docstring,
    home_module,
    is_async,
    is_generator,
    plain_function,
)
from penstock._engine.documented_options import TaskOptions as TaskOptions
from penstock._engine.documented_options import (
    TaskRunNameCallbackWithParameters as TaskRunNameCallbackWithParameters,
)
from penstock._engine.drawing import draw_call, draw_submission, is_drawing, refuse_to_draw
from penstock._engine.drivers import Lifecycle
from penstock._engine.execute import execute, execute_async, stream, stream_async, value_of
from penstock._engine.futures import PenstockFuture, PenstockFutureList
from penstock._engine.given_task_runs import BackgroundMethods, create_task_run
from penstock._engine.parameters import bind, check_reserved
from penstock._engine.retry_delays import Delays
from penstock._engine.retry_delays import exponential_backoff as exponential_backoff
from penstock._engine.runner_port import make_run, runner_here
from penstock._engine.task_checks import checked_delays, chosen_policy
from penstock._engine.task_lifecycle import task_lifecycle
from penstock._engine.task_run import TaskExecution
from penstock._results.policies import NO_CACHE, CachePolicy
from penstock._results.policies import task_input_hash as task_input_hash
from penstock._results.storages import remember
from penstock._values.annotations import NotSet
from penstock._values.states import State

P = ParamSpec("P")
R = TypeVar("R")
Hook = Callable[..., Any]
_OPTIONS = [
    "name",
    "description",
    "tags",
    "version",
    "cache_policy",
    "cache_key_fn",
    "cache_expiration",
    "task_run_name",
    "retries",
    "retry_delay_seconds",
    "retry_jitter_factor",
    "persist_result",
    "result_storage",
    "result_storage_key",
    "result_serializer",
    "cache_result_in_memory",
    "timeout_seconds",
    "log_prints",
    "refresh_cache",
    "on_completion",
    "on_failure",
    "on_running",
    "retry_condition_fn",
    "viz_return_value",
    "asset_deps",
]


class Task(Definition, TransactionHooks, BackgroundMethods[P, R]):
    """A function that runs as a tracked task. Made by the decorator `task`.

    Args:
        fn: the function. `.fn` gives it back, for tests.
        name: from the function by default.
        description: from the docstring by default.
        tags, version: labels, and a text, kept with each run.
        cache_policy: what makes the cache key; inputs, source and flow run by default.
        cache_key_fn: ``(context, parameters) -> key or None`` instead of a policy.
        cache_expiration: how long a cached result is valid; for ever by default.
        task_run_name: a template over the parameters, or a function.
        retries: how often to try again after a failure.
        retry_delay_seconds: seconds before a retry: one number, one each, or ``retries -> list``.
        retry_jitter_factor: spreads the delays, up to this share over.
        persist_result: store results; on its own switched on by the caching and result options.
        result_storage: folder of the results.
        result_storage_key: template of the file name.
        result_serializer: ``"pickle"``, ``"json"`` or an instance.
        cache_result_in_memory: keep the value in memory after the run.
        timeout_seconds: how long one attempt may take.
        log_prints: turn prints into logs.
        refresh_cache: compute again and overwrite.
        on_completion, on_failure, on_running: hooks ``(task, task_run, state)``.
        on_rollback, on_commit: hooks ``(transaction)``, not for the decorator.
        retry_condition_fn: ``(task, task_run, state) -> bool``; False ends the retries.
        viz_return_value: stands in for the value when the flow is drawn.
        asset_deps: assets this task reads.

    Raises:
        TypeError, ValueError: an option has the wrong type or range.
        ReservedArgumentError: a parameter is called `wait_for` or `return_state`.
    """

    def __init__(
        self,
        fn: Callable[P, R],
        name: str | None = None,
        description: str | None = None,
        tags: Iterable[str] | None = None,
        version: str | None = None,
        cache_policy: CachePolicy | type[NotSet] | None = NotSet,
        cache_key_fn: Callable[[Any, dict[str, Any]], str | None] | None = None,
        cache_expiration: timedelta | None = None,
        task_run_name: str | Callable[..., str] | None = None,
        retries: int | None = None,
        retry_delay_seconds: Delays | Callable[[int], list[float]] = None,
        retry_jitter_factor: float | None = None,
        persist_result: bool | None = None,
        result_storage: Any = None,
        result_serializer: Any = None,
        result_storage_key: str | None = None,
        cache_result_in_memory: bool = True,
        timeout_seconds: float | None = None,
        log_prints: bool | None = None,
        refresh_cache: bool | None = None,
        on_completion: Iterable[Hook] | None = None,
        on_failure: Iterable[Hook] | None = None,
        on_running: Iterable[Hook] | None = None,
        on_rollback: Iterable[Hook] | None = None,
        on_commit: Iterable[Hook] | None = None,
        retry_condition_fn: Hook | None = None,
        viz_return_value: Any = None,
        asset_deps: Any = None,
    ) -> None:
        if not callable(plain_function(fn)):
            raise TypeError(f"'fn' must be callable; got {type(fn).__name__}.")
        self.raw_fn: Any = fn
        self.fn: Callable[P, R] = plain_function(fn)
        update_wrapper(self, self.fn)
        check_reserved(self.fn)
        self.isasync = is_async(fn)
        self.isgenerator = is_generator(fn)
        self._home = home_module(self.fn)
        self.name = name or default_name(self.fn)
        self.description = description or docstring(self.fn)
        self.tags: frozenset[str] = frozenset(tags or ())
        self.version = version
        self.task_run_name = task_run_name
        if task_run_name is not None and not isinstance(task_run_name, str) and not callable(task_run_name):
            raise TypeError("Expected string or callable for 'task_run_name'.")
        self.retries = retries
        self.retry_delay_seconds = checked_delays(retry_delay_seconds, retries)
        if retry_jitter_factor is not None and retry_jitter_factor < 0:
            raise ValueError("`retry_jitter_factor` must be >= 0.")
        self.retry_jitter_factor = retry_jitter_factor
        if retry_condition_fn is not None and not callable(retry_condition_fn):
            raise TypeError(
                f"Expected `retry_condition_fn` to be callable, got {type(retry_condition_fn).__name__} instead."
            )
        self.retry_condition_fn = retry_condition_fn
        self.cache_key_fn = cache_key_fn
        self.cache_expiration = cache_expiration
        self.cache_policy = chosen_policy(cache_policy, cache_key_fn, persist_result, self.name)
        storing = (result_storage, result_storage_key, result_serializer, cache_key_fn)
        explicit = self.cache_policy not in (NotSet, None, NO_CACHE)
        if persist_result is None and (explicit or any(option is not None for option in storing)):
            persist_result = True
        self.persist_result = persist_result
        remember(result_storage)
        self.result_storage = result_storage
        self.result_serializer = result_serializer
        self.result_storage_key = result_storage_key
        self.cache_result_in_memory = cache_result_in_memory
        self.timeout_seconds = float(timeout_seconds) if timeout_seconds else None
        self.log_prints = log_prints
        self.refresh_cache = refresh_cache
        self.on_completion_hooks = check_hooks(on_completion, "on_completion")
        self.on_failure_hooks = check_hooks(on_failure, "on_failure")
        self.on_running_hooks = check_hooks(on_running, "on_running")
        self.on_rollback_hooks = check_hooks(on_rollback, "on_rollback")
        self.on_commit_hooks = check_hooks(on_commit, "on_commit")
        self.viz_return_value = viz_return_value
        self.asset_deps = asset_deps
        self._given = {
            "retry_delay_seconds": retry_delay_seconds,
            "cache_policy": cache_policy,
            "persist_result": persist_result if explicit or storing != (None,) * 4 else self.persist_result,
            "on_completion": on_completion,
            "on_failure": on_failure,
            "on_running": on_running,
        }

    @property
    def task_key(self) -> str:
        """Identity of the task: its name and a hash of where its function is defined."""
        place = f"{self._home}.{getattr(self.fn, '__qualname__', type(self.fn).__qualname__)}"
        return f"{self.name}-{blake2b(f'{self.name}:{place}'.encode(), digest_size=4).hexdigest()}"

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    def __call__(
        self, *args: Any, return_state: Literal[True], wait_for: Any = None, **kwargs: Any
    ) -> State: ...
    @overload
    def __call__(self, *args: Any, return_state: bool = False, wait_for: Any = None, **kwargs: Any) -> R: ...
    def __call__(  # type: ignore[misc]  # the first overload is the function's own signature
        self,
        /,
        *args: Any,
        return_state: bool = False,
        wait_for: Iterable[PenstockFuture[Any]] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Run the task in this thread and return its value (a coroutine of it, when the task is async).

        A generator function runs lazily, from one value to the next; with `return_state` it runs to its end.

        Args:
            args, kwargs: the function's arguments; may hold futures.
            return_state: return the final state instead, and do not raise the task's exception.
            wait_for: futures that must complete first.
        """
        if is_drawing():
            return draw_call(self, args, kwargs, wait_for)
        parameters = bind(self.fn, args, kwargs)
        if self.isgenerator and not return_state:
            return self._stream(parameters, wait_for)
        if self.isasync:
            return self._call_async(parameters, wait_for, return_state)
        execution = make_run(self, parameters, wait_for, runner=None)
        return value_of(execute(execution), return_state=return_state)

    async def _call_async(
        self, parameters: dict[str, Any], wait_for: Iterable[Any] | None, return_state: bool
    ) -> Any:
        execution = make_run(self, parameters, wait_for, runner=None)
        return value_of(await execute_async(execution), return_state=return_state)

    def _stream(self, parameters: dict[str, Any], wait_for: Iterable[Any] | None) -> Any:
        def begin() -> tuple[TaskExecution, Lifecycle[State]]:
            execution = make_run(self, parameters, wait_for, runner=None)
            return execution, task_lifecycle(execution)

        return (stream_async if self.isasync else stream)(begin, State.result)

    def submit(
        self,
        /,
        *args: Any,
        return_state: bool = False,
        wait_for: Iterable[PenstockFuture[Any]] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Hand the task to the flow's runner and return a future at once.

        Args:
            args, kwargs: the function's arguments; may hold futures.
            return_state: wait, and return the final state instead of a future.
            wait_for: futures that must complete first.

        Raises:
            RuntimeError: called outside a flow.

        Example:
            >>> @flow
            ... def total():
            ...     return sum(f.result() for f in [square.submit(n) for n in range(3)])
        """
        if is_drawing():
            return draw_submission(self, args, kwargs, wait_for)
        runner = runner_here("submit", self.name)
        future = runner.submit(self, bind(self.fn, args, kwargs), wait_for=wait_for)
        if return_state:
            future.wait()
            return future.state
        return future

    def map(
        self,
        /,
        *args: Any,
        return_state: bool = False,
        wait_for: Iterable[PenstockFuture[Any]] | None = None,
        deferred: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Hand over one run for each element of the iterable arguments; return futures in their order.

        Args:
            args, kwargs: iterables of one length; text, bytes and everything in `unmapped` goes to every run.
            return_state: wait, and return the final states instead.
            wait_for: futures that must complete first.
            deferred: queue the runs for a task worker; works outside a flow, too.

        Raises:
            MappingMissingIterable: nothing to iterate over.
            MappingLengthMismatch: iterables of different lengths.
            RuntimeError: called outside a flow, and not deferred.
        """
        if is_drawing():
            refuse_to_draw(f"{self.name}.map")
        bound = bind(self.fn, args, kwargs, defaults=False)
        if deferred:
            from penstock._engine.background import defer_all

            futures: PenstockFutureList[Any] = defer_all(self, bound, wait_for)
        else:
            futures = runner_here("map", self.name).map(self, bound, wait_for=wait_for)
        if return_state:
            futures.wait()
            return [future.state for future in futures]
        return futures

    def with_options(self, **options: Any) -> Task[P, R]:
        """Return the same task with some options replaced; hooks and tags given replace the old ones.

        Args:
            options: any option of the decorator.

        Raises:
            TypeError: there is no such option.
        """
        unknown = sorted(set(options) - set(_OPTIONS))
        if unknown:
            raise TypeError(f"with_options() got unexpected options: {', '.join(unknown)}")
        kept: dict[str, Any] = {}
        for option in _OPTIONS:
            if option.startswith("on_"):
                kept[option] = getattr(self, f"{option}_hooks") or None
            elif option in self._given:
                kept[option] = self._given[option]
            else:
                kept[option] = getattr(self, option)
        changed = {
            key: value for key, value in options.items() if value is not NotSet or key == "cache_policy"
        }
        if "cache_key_fn" in changed or "cache_policy" in changed:
            kept.update(cache_key_fn=None, cache_policy=NotSet)
        kept.update(on_commit=self.on_commit_hooks, on_rollback=self.on_rollback_hooks)
        twin: Task[P, R] = type(self)(self.raw_fn, **{**kept, **changed})
        twin.fn = self.fn
        return twin

    def serve(self, task_runner: Any = None) -> None:
        """Run a task worker for this task until it is stopped; `task_runner` is accepted for compatibility."""
        from penstock._engine.task_worker import serve

        serve(self)

    create_run = create_local_run = create_task_run


@overload
def task(fn: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(fn: None = None, /, **options: Any) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def task(fn: Any = None, /, **options: Any) -> Any:
    """Make a function a task.

    Usable bare (``@task``), with options (``@task(retries=2)``) or as a function (``task(fn)``).

    Args:
        fn: the function.
        options: see `Task`.

    Example:
        >>> @task(retries=2, retry_delay_seconds=1)
        ... def fetch(url: str) -> str:
        ...     return url
        >>> fetch.name
        'fetch'
    """
    for hook in ("on_commit", "on_rollback"):
        if hook in options:
            raise TypeError(f"task() got an unexpected keyword argument {hook!r}; use @my_task.{hook}")
    if fn is None:
        return lambda wrapped: Task(wrapped, **options)
    if isinstance(fn, (classmethod, staticmethod)) or callable(fn):
        return Task(fn, **options)  # pyright: ignore[reportArgumentType]  # descriptors are unwrapped inside
    raise TypeError(f"'fn' must be callable; got {type(fn).__name__}.")


__all__ = [
    "Task",
    "TaskOptions",
    "TaskRunNameCallbackWithParameters",
    "exponential_backoff",
    "task",
    "task_input_hash",
]
