"""Where the code that runs now belongs: its flow run, its task run, its tags. Reference: api-ref prefect-context."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from penstock._engine.cancellation import Token as CancelToken
from penstock._values.runs import FlowRun, TaskRun
from penstock._values.states import State, utc_now
from penstock.exceptions import MissingContextError

if TYPE_CHECKING:
    from datetime import datetime

    from penstock._link.session import Session
    from penstock._results.store import ResultStore

C = TypeVar("C", bound="_Context")


class _Context:
    """A context is entered with `with` and found with `get`; each class has its own variable."""

    _variable: ClassVar[ContextVar[Any]]

    @classmethod
    def get(cls: type[C]) -> C | None:
        """Return the context of this kind that is active here, or None."""
        found: C | None = cls._variable.get()
        return found

    def __enter__(self: C) -> C:
        object.__setattr__(self, "_token", self._variable.set(self))
        return self

    def __exit__(self, *_: object) -> None:
        token: Token[Any] = self._token  # type: ignore[attr-defined]
        self._variable.reset(token)


@dataclass(slots=True)
class Children:
    """Child flow runs that completed, by flow, arguments and how many such calls came before in the attempt."""

    completed: dict[tuple[str, str, int], State] = field(default_factory=dict)
    _calls: Counter[tuple[str, str]] = field(default_factory=Counter)

    def begin_attempt(self) -> None:
        """Count calls from the start again."""
        self._calls.clear()

    def key(self, flow: str, arguments: str) -> tuple[str, str, int]:
        """Return what the next such call is known by in every attempt."""
        self._calls[flow, arguments] += 1
        return flow, arguments, self._calls[flow, arguments]


@dataclass(eq=False)
class FlowRunContext(_Context):
    """What is known inside a flow run."""

    _variable: ClassVar[ContextVar[Any]] = ContextVar("penstock_flow_run", default=None)

    flow: Any
    flow_run: FlowRun
    parameters: dict[str, Any]
    #: A `penstock.task_runners.TaskRunner`.
    task_runner: Any
    cancellation: CancelToken
    session: Session
    result_store: ResultStore | None = None
    persist_result: bool = False
    log_prints: bool = False
    start_time: datetime = field(default_factory=utc_now)
    #: States by the id of the result they produced; the object is kept so that its id is not used again.
    run_results: dict[int, tuple[Any, State]] = field(default_factory=dict)
    #: How many pauses this run has come to; the Nth pause has key N.
    observed_flow_pauses: int = 0
    task_counter: Iterator[int] = field(default_factory=itertools.count)
    #: The context of the flow run this one was called in.
    parent: FlowRunContext | None = None
    #: Child runs that completed in an earlier attempt, and those of this one; None when there is no other attempt.
    children: Children | None = None
    #: What the options of a task came to in this run.
    task_options: dict[Any, Any] = field(default_factory=dict)


EngineContext = FlowRunContext


@dataclass(eq=False)
class TaskRunContext(_Context):
    """What is known inside a task run."""

    _variable: ClassVar[ContextVar[Any]] = ContextVar("penstock_task_run", default=None)

    task: Any
    task_run: TaskRun
    parameters: dict[str, Any]
    result_store: ResultStore | None = None
    persist_result: bool = False
    log_prints: bool = False
    start_time: datetime = field(default_factory=utc_now)


@dataclass(eq=False)
class TagsContext(_Context):
    """Tags added to every run made inside."""

    _variable: ClassVar[ContextVar[Any]] = ContextVar("penstock_tags", default=None)

    current_tags: frozenset[str] = frozenset()

    @classmethod
    def tags(cls) -> frozenset[str]:
        """Return the tags in force."""
        found = cls.get()
        return found.current_tags if found is not None else frozenset()


@contextmanager
def tags(*new_tags: str) -> Iterator[set[str]]:
    """Add tags to every flow run and task run made inside the `with` block.

    Args:
        new_tags: added to those of the blocks around.

    Yields:
        all tags in force.

    Example:
        >>> with tags("nightly") as now:
        ...     sorted(now)
        ['nightly']
    """
    combined = TagsContext.tags() | frozenset(new_tags)
    with TagsContext(current_tags=combined):
        yield set(combined)


def get_run_context() -> FlowRunContext | TaskRunContext:
    """Return the innermost run context.

    Raises:
        MissingContextError: no run is active.
    """
    context = TaskRunContext.get() or FlowRunContext.get()
    if context is None:
        raise MissingContextError(
            "No run context available. You are not in a flow or task run context: call this inside one."
        )
    return context
