"""Types of what `task` takes, for annotations of users' own code. Reference page: api-ref prefect-tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Protocol, TypedDict, TypeGuard, runtime_checkable


@runtime_checkable
class TaskRunNameCallbackWithParameters(Protocol):
    """A function that names task runs and wants to see their parameters."""

    @classmethod
    def is_callback_with_parameters(
        cls, callable: Callable[..., str]
    ) -> TypeGuard[TaskRunNameCallbackWithParameters]:
        """Say whether a function takes `parameters`.

        Example:
            >>> TaskRunNameCallbackWithParameters.is_callback_with_parameters(lambda parameters: "x")
            True
        """
        from penstock._engine.signatures import signature_of

        return "parameters" in signature_of(callable).parameters

    def __call__(self, parameters: dict[str, Any]) -> str:
        """Return the name of a run."""
        ...


@runtime_checkable
class FlowStateHook(Protocol):
    """A function that is called when a run of a flow enters a state."""

    def __call__(self, flow: Any, flow_run: Any, state: Any) -> Any:
        """Do something about it; may be async."""
        ...


@runtime_checkable
class FlowDecorator(Protocol):
    """What `flow` is: called with a function, or with options only."""

    def __call__(self, fn: Any = None, /, **options: Any) -> Any:
        """Return a flow, or a decorator that makes one."""
        ...


class TaskOptions(TypedDict, total=False):
    """Every option of `task`; use it with `Unpack` to annotate ``**options``.

    Example:
        >>> options: TaskOptions = {"retries": 2, "log_prints": True}
    """

    name: str
    description: str
    tags: Iterable[str]
    version: str
    cache_policy: Any
    cache_key_fn: Callable[[Any, dict[str, Any]], str | None]
    cache_expiration: timedelta
    task_run_name: str | Callable[..., str]
    retries: int | None
    retry_delay_seconds: float | list[float] | Callable[[int], list[float]] | None
    retry_jitter_factor: float
    persist_result: bool
    result_storage: Any
    result_storage_key: str
    result_serializer: Any
    cache_result_in_memory: bool
    timeout_seconds: float
    log_prints: bool
    refresh_cache: bool
    on_completion: list[Callable[..., Any]]
    on_failure: list[Callable[..., Any]]
    on_running: list[Callable[..., Any]]
    on_rollback: list[Callable[..., Any]]
    on_commit: list[Callable[..., Any]]
    retry_condition_fn: Callable[..., bool]
    viz_return_value: Any
    asset_deps: list[Any]
