"""Where the code that runs now belongs: its flow run, its task run, its tags. Reference: api-ref prefect-context."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from penstock._engine.cancellation import Token as CancelToken
from penstock._values.runs import FlowRun, TaskRun
from penstock._values.states import State, utc_now
from penstock.exceptions import MissingContextError

if TYPE_CHECKING:
    from datetime import datetime

    from penstock._engine.task_options import TaskOptions
    from penstock._engine.task_run import TaskExecution
    from penstock._link.session import Session
    from penstock._results.store import ResultStore


class ContextModel:
    """Base of contexts: entered with `with`, found with `get`, and never changed.

    Each kind has a variable of its own, that holds the active context and the one around it: entering and leaving
    need no token, so a context can be entered in several threads, and inside itself.
    """

    _variable: ClassVar[ContextVar[Any]] = ContextVar("penstock_context", default=None)
    #: Fields that mean nothing outside this process.
    _local: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def get(cls) -> Self | None:
        """Return the context of this kind that is active here, or None."""
        found = cls._variable.get()
        return None if found is None else found[0]

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self:
        """Return a copy with some fields replaced.

        Args:
            update: new values by name.
        """
        return replace(self, **(update or {}))  # type: ignore[type-var]  # every subclass is a dataclass

    def serialize(self, include_secrets: bool = True) -> dict[str, Any]:
        """Return the fields that make sense in another process, to be pickled with cloudpickle.

        Args:
            include_secrets: False to mask secret values, such as pydantic's `SecretStr`.
        """
        names = [field.name for field in fields(self) if field.name not in self._local]  # type: ignore[arg-type]
        values = {name: getattr(self, name) for name in names}
        return values if include_secrets else {name: _masked(value) for name, value in values.items()}

    def __enter__(self) -> Self:
        self._variable.set((self, self._variable.get()))
        return self

    def __exit__(self, *_: object) -> None:
        found = self._variable.get()
        if found is not None and found[0] is self:
            self._variable.set(found[1])


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


def _masked(value: Any) -> Any:
    from penstock._values.collections import visit

    return visit(value, lambda leaf: str(leaf) if hasattr(leaf, "get_secret_value") else leaf)


@dataclass(frozen=True, eq=False, kw_only=True)
class RunContext(ContextModel):
    """What flow runs and task runs have in common."""

    start_time: datetime = field(default_factory=utc_now)
    #: Keys of the inputs the run was given when it was resumed.
    input_keyset: dict[str, str] | None = None

    @classmethod
    def get(cls) -> Self | None:
        """Return the active context of this kind; of `RunContext` itself, the innermost of any kind."""
        if cls is RunContext:
            return TaskRunContext.get() or FlowRunContext.get()  # type: ignore[return-value]
        return super().get()


@dataclass(frozen=True, eq=False, kw_only=True)
class FlowRunContext(RunContext):
    """What is known inside a flow run."""

    _variable: ClassVar[ContextVar[Any]] = ContextVar("penstock_flow_run", default=None)
    _local: ClassVar[frozenset[str]] = frozenset(
        {"task_runner", "cancellation", "session", "run_results", "task_counter", "parent", "task_options"}
    )

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
    #: True when it was carried here from the process the run is in.
    detached: bool = False
    #: States by the id of the result they produced; the object is kept so that its id is not used again.
    run_results: dict[int, tuple[Any, State]] = field(default_factory=dict)
    #: The newest run of each task, by the task's key.
    task_run_dynamic_keys: dict[str, str] = field(default_factory=dict)
    #: ``{"counter": n}``: how many pauses this run has come to; the Nth pause has key N.
    observed_flow_pauses: dict[str, int] = field(default_factory=lambda: {"counter": 0})
    task_counter: Iterator[int] = field(default_factory=itertools.count)
    #: The context of the flow run this one was called in.
    parent: FlowRunContext | None = None
    #: Child runs that completed in an earlier attempt, and those of this one; None when there is no other attempt.
    children: Children | None = None
    #: Parent and root of this run, where the parent's context is in another process.
    origin: tuple[str | None, str] | None = None
    #: What the options of a task came to in this run.
    task_options: dict[Any, Any] = field(default_factory=dict)

    def count_pause(self) -> int:
        """Count one more pause and return its number."""
        self.observed_flow_pauses["counter"] += 1
        return self.observed_flow_pauses["counter"]

    def ancestry(self) -> tuple[str | None, str]:
        """Return the ids of the flow run this one was called in, None for one that was not, and of the outermost."""
        if self.parent is not None:
            return str(self.parent.flow_run.id), self.parent.ancestry()[1]
        return self.origin or (None, str(self.flow_run.id))

    def serialize(self, include_secrets: bool = True) -> dict[str, Any]:
        """Return the fields that make sense in another process."""
        return {**super().serialize(include_secrets), "origin": self.ancestry()}


EngineContext = FlowRunContext


@dataclass(frozen=True, eq=False, init=False)
class TaskRunContext(RunContext):
    """What is known inside a task run."""

    _variable: ClassVar[ContextVar[Any]] = ContextVar("penstock_task_run", default=None)
    _local: ClassVar[frozenset[str]] = frozenset({"execution"})

    task: Any
    task_run: TaskRun
    parameters: dict[str, Any]
    persist_result: bool
    log_prints: bool
    #: What the options of the task came to.
    options: TaskOptions | None
    #: The run itself, where it is executed.
    execution: TaskExecution | None

    def __init__(
        self,
        *,
        task: Any,
        task_run: TaskRun,
        parameters: dict[str, Any],
        persist_result: bool = False,
        log_prints: bool = False,
        options: TaskOptions | None = None,
        execution: TaskExecution | None = None,
        start_time: datetime | None = None,
        input_keyset: dict[str, str] | None = None,
    ) -> None:
        # One is made for every task run: a frozen dataclass sets its fields one by one, which takes twice as long.
        self.__dict__.update(
            task=task,
            task_run=task_run,
            parameters=parameters,
            persist_result=persist_result,
            log_prints=log_prints,
            options=options,
            execution=execution,
            start_time=start_time or utc_now(),
            input_keyset=input_keyset,
        )

    @property
    def result_store(self) -> ResultStore | None:
        """Where results of this run go."""
        return self.options.store if self.options is not None else None


@dataclass(frozen=True, eq=False, kw_only=True)
class TagsContext(ContextModel):
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
