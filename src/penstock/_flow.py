"""Flows: functions whose runs are recorded, and inside which tasks run together.

Reference pages: concepts/flows, api-ref/python/prefect-flows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import update_wrapper
from typing import Any, Generic, Literal, ParamSpec, TypeVar, overload

from penstock._deploying import DeployMethods
from penstock._engine.definitions import (
    Definition,
    check_hooks,
    check_name,
    default_name,
    docstring,
    is_async,
    is_generator,
    plain_function,
)
from penstock._engine.drawing import draw_call, is_drawing
from penstock._engine.drivers import run_awaiting, run_blocking
from penstock._engine.execute import stream, stream_async
from penstock._engine.flow_lifecycle import flow_lifecycle
from penstock._engine.flow_run import FlowExecution
from penstock._engine.parameters import bind, check_reserved, keep_local_names, to_json, validate
from penstock._engine.run_logging import patch_print, setup_logging
from penstock._engine.runner_port import TaskRunner
from penstock._engine.signals import flow_signals
from penstock._engine.thread_runner import default_runner
from penstock._link.session import current_session
from penstock._results.storages import remember
from penstock._values.annotations import NotSet
from penstock._values.states import State
from penstock.exceptions import UnansweredPause
from penstock.task_runners import runner_class

P = ParamSpec("P")
R = TypeVar("R")
Hook = Callable[..., Any]
_OPTIONS = [
    "name",
    "version",
    "flow_run_name",
    "retries",
    "retry_delay_seconds",
    "task_runner",
    "description",
    "timeout_seconds",
    "validate_parameters",
    "persist_result",
    "result_storage",
    "result_serializer",
    "cache_result_in_memory",
    "log_prints",
    "on_completion",
    "on_failure",
    "on_cancellation",
    "on_crashed",
    "on_running",
]
_HOOKS = ("on_completion", "on_failure", "on_cancellation", "on_crashed", "on_running")


class Flow(Definition, DeployMethods, Generic[P, R]):
    """A function whose calls are recorded as flow runs. Made by the decorator `flow`.

    Args:
        fn: the function. `.fn` gives it back, for tests.
        name: from the function by default, underscores shown as dashes.
        version: a hash of the file the function is in by default; None where there is no file.
        flow_run_name: a template over the parameters, or a function of no arguments.
        retries: how often to try again after a failure.
        retry_delay_seconds: seconds before a retry.
        task_runner: where submitted tasks run: an instance, a class, or a word (``"threads"``, ``"dask"``, ``"ray"``).
        description: from the docstring by default.
        timeout_seconds: how long one attempt may take.
        validate_parameters: coerce arguments to their annotations.
        persist_result: store the result, and by default those of its tasks.
        result_storage: folder of the results.
        result_serializer: ``"pickle"``, ``"json"`` or an instance.
        cache_result_in_memory: keep the value in memory after the run.
        log_prints: turn prints into logs.
        on_completion, on_failure, on_cancellation, on_crashed, on_running: hooks ``(flow, flow_run, state)``.

    Raises:
        TypeError: an option has the wrong type. InvalidNameError: the name holds one of ``/ % & > <``.
        ReservedArgumentError: a parameter is called `wait_for` or `return_state`.
    """

    def __init__(
        self,
        fn: Callable[P, R],
        name: str | None = None,
        version: str | None = None,
        flow_run_name: str | Callable[..., str] | None = None,
        retries: int | None = None,
        retry_delay_seconds: float | None = None,
        task_runner: TaskRunner | type[TaskRunner] | str | None = None,
        description: str | None = None,
        timeout_seconds: float | None = None,
        validate_parameters: bool = True,
        persist_result: bool | None = None,
        result_storage: Any = None,
        result_serializer: Any = None,
        cache_result_in_memory: bool = True,
        log_prints: bool | None = None,
        on_completion: Iterable[Hook] | None = None,
        on_failure: Iterable[Hook] | None = None,
        on_cancellation: Iterable[Hook] | None = None,
        on_crashed: Iterable[Hook] | None = None,
        on_running: Iterable[Hook] | None = None,
    ) -> None:
        if not callable(plain_function(fn)):
            raise TypeError(f"'fn' must be callable; got {type(fn).__name__}.")
        self.raw_fn: Any = fn
        self.fn: Callable[P, R] = plain_function(fn)
        update_wrapper(self, self.fn)
        check_reserved(self.fn)
        keep_local_names(self.fn)
        self.isasync = is_async(fn)
        self.isgenerator = is_generator(fn)
        self.name = check_name(name or default_name(self.fn).replace("_", "-"), "Flow")
        if flow_run_name is not None and not isinstance(flow_run_name, str) and not callable(flow_run_name):
            raise TypeError(
                f"Expected string or callable for 'flow_run_name'; got {type(flow_run_name).__name__} instead."
            )
        self.flow_run_name = flow_run_name
        self._version = version
        self.description = description or docstring(self.fn)
        self.retries = retries
        self.retry_delay_seconds = retry_delay_seconds
        self.timeout_seconds = float(timeout_seconds) if timeout_seconds else None
        self._given_runner = task_runner
        self._runner = _made_runner(task_runner)
        self.should_validate_parameters = validate_parameters
        self.persist_result = (
            True if persist_result is None and (result_storage or result_serializer) else persist_result
        )
        remember(result_storage)
        self.result_storage = result_storage
        self.result_serializer = result_serializer
        self.cache_result_in_memory = cache_result_in_memory
        self.log_prints = log_prints
        self.on_completion_hooks = check_hooks(on_completion, "on_completion")
        self.on_failure_hooks = check_hooks(on_failure, "on_failure")
        self.on_cancellation_hooks = check_hooks(on_cancellation, "on_cancellation")
        self.on_crashed_hooks = check_hooks(on_crashed, "on_crashed")
        self.on_running_hooks = check_hooks(on_running, "on_running")

    @property
    def task_runner(self) -> TaskRunner:
        """The runner given, else the default one (threads, or what ``%runner`` chose)."""
        return self._runner or default_runner()

    @property
    def version(self) -> str | None:
        """The given version, else a hash of the source file, else None."""
        if self._version is None:
            self._version = _file_hash(self.fn) or ""
        return self._version or None

    @property
    def parameters(self) -> Any:
        """The JSON schema of the parameters."""
        from penstock._engine.parameter_schema import parameter_schema

        return parameter_schema(self.fn)

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
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Run the flow here and return its value (a coroutine of it, when the flow is async).

        A generator function runs lazily, from one value to the next; with `return_state` it runs to its end.

        Args:
            args, kwargs: the function's arguments; may hold futures when called inside a flow.
            return_state: return the final state instead, and do not raise the flow's exception.
            wait_for: futures that must complete first.

        Raises:
            whatever the flow raised; `ParameterTypeError` when an argument does not fit its annotation.
        """
        if is_drawing():
            return draw_call(self, args, kwargs, wait_for)
        given = bind(self.fn, args, kwargs, defaults=False)
        parameters = bind(self.fn, args, kwargs)
        execution = FlowExecution.prepare(self, parameters, given, tuple(wait_for or ()))
        setup_logging()
        patch_print()
        current_session().store.begin()
        if self.isgenerator and not return_state:
            made = execution, flow_lifecycle(execution)
            if self.isasync:
                return stream_async(lambda: made, _answer)
            return stream(lambda: made, _answer, flow_signals)
        if self.isasync:
            return _awaited(execution, return_state)
        with flow_signals():
            state = run_blocking(flow_lifecycle(execution), execution.token)
        return _answer(state, return_state)

    def with_options(self, **options: Any) -> Flow[P, R]:
        """Return the same flow with some options replaced; hooks given replace the old ones.

        Args:
            options: any option of the decorator.

        Raises:
            TypeError: there is no such option.
        """
        unknown = sorted(set(options) - set(_OPTIONS))
        if unknown:
            raise TypeError(f"with_options() got unexpected options: {', '.join(unknown)}")
        kept: dict[str, Any] = {name: getattr(self, f"{name}_hooks") or None for name in _HOOKS}
        kept |= {name: getattr(self, name) for name in _OPTIONS if name not in _HOOKS and hasattr(self, name)}
        kept |= {
            "version": self._version or None,
            "task_runner": self._given_runner,
            "validate_parameters": self.should_validate_parameters,
        }
        changed = {name: value for name, value in options.items() if value is not NotSet}
        twin: Flow[P, R] = type(self)(self.raw_fn, **{**kept, **changed})
        twin.fn = self.fn
        return twin

    def validate_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return parameters coerced to their annotations.

        Raises:
            ParameterTypeError: one does not fit.
        """
        return validate(self.fn, parameters)

    def serialize_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return parameters as JSON values; what has no JSON form is described instead."""
        return to_json(parameters)

    def on_cancellation(self, fn: Hook) -> Hook:
        """Register a hook for runs that are cancelled; returns it unchanged."""
        self.on_cancellation_hooks.append(fn)
        return fn

    def on_crashed(self, fn: Hook) -> Hook:
        """Register a hook for runs that crashed; returns it unchanged."""
        self.on_crashed_hooks.append(fn)
        return fn

    def visualize(self, *args: Any, **kwargs: Any) -> Any:
        """Draw the tasks that a call makes, without running them; see `penstock.utilities.visualization`."""
        from penstock._engine.drawing_output import visualize

        return visualize(self, args, kwargs)


def _answer(state: State, return_state: bool = False) -> Any:
    if return_state:
        return state
    if state.is_paused() and isinstance(state.data, UnansweredPause):
        raise state.data
    return state.result()


async def _awaited(execution: FlowExecution, return_state: bool) -> Any:
    return _answer(await run_awaiting(flow_lifecycle(execution), execution.token), return_state)


def _made_runner(runner: TaskRunner | type[TaskRunner] | str | None) -> TaskRunner | None:
    if isinstance(runner, str):
        return runner_class(runner)()
    return runner() if isinstance(runner, type) else runner


def _file_hash(fn: Any) -> str | None:
    from hashlib import md5
    from pathlib import Path

    code = getattr(fn, "__code__", None)
    try:
        source = Path(code.co_filename).read_bytes() if code else None
    except OSError:
        return None
    return md5(source, usedforsecurity=False).hexdigest() if source is not None else None


@overload
def flow(fn: Callable[P, R], /) -> Flow[P, R]: ...
@overload
def flow(fn: None = None, /, **options: Any) -> Callable[[Callable[P, R]], Flow[P, R]]: ...
def flow(fn: Any = None, /, **options: Any) -> Any:
    """Make a function a flow.

    Usable bare (``@flow``), with options (``@flow(retries=2)``) or as a function (``flow(fn)``).

    Args:
        fn: the function.
        options: see `Flow`.

    Example:
        >>> @flow(log_prints=True)
        ... def hello(name: str = "world") -> None:
        ...     print(f"Hello, {name}!")
        >>> hello.name
        'hello'
    """
    if fn is None:
        return lambda wrapped: Flow(wrapped, **options)
    if isinstance(fn, (classmethod, staticmethod)) or callable(fn):
        return Flow(fn, **options)  # pyright: ignore[reportArgumentType]  # descriptors are unwrapped inside
    raise TypeError(f"'fn' must be callable; got {type(fn).__name__}.")


__all__ = ["Flow", "flow"]
