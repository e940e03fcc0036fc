"""Taking the present context to another process. Reference: api-ref prefect-context, concepts/runtime-context.

Two ways. `serialize_context` and `hydrated_context` are the documented pair: everything, for code of one's own that
starts processes. A task that goes to a cluster takes only `FlowRunFacts` along, once for all runs of the task: what
`penstock.runtime.flow_run` shows there.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from penstock._engine.cancellation import Token
from penstock._engine.contexts import ContextModel, FlowRunContext, TagsContext, TaskRunContext
from penstock._link.session import current_session

#: Parameters of a flow travel with its facts up to this size (pickled); bigger ones are asked for in the store.
_PARAMETER_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class FlowRunFacts:
    """What a task on a worker can know of its flow run; a snapshot taken when the task was handed over."""

    id: str
    name: str
    flow_name: str
    flow_version: str | None
    tags: tuple[str, ...]
    run_count: int
    expected_start_time: datetime | None
    parent_flow_run_id: str | None
    root_flow_run_id: str
    deployment_id: str | None = None
    #: Pickled; None when they are too big to travel, or cannot.
    parameters: bytes | None = None

    @classmethod
    def of(cls, context: FlowRunContext) -> FlowRunFacts:
        """Return the facts of the flow run of a context."""
        run = context.flow_run
        parent, root = context.ancestry()
        return cls(
            id=str(run.id),
            name=run.name,
            flow_name=context.flow.name,
            flow_version=context.flow.version,
            tags=tuple(run.tags),
            run_count=run.run_count,
            expected_start_time=run.expected_start_time,
            parent_flow_run_id=parent,
            root_flow_run_id=root,
            deployment_id=str(run.deployment_id) if run.deployment_id else None,
            parameters=_small(run.parameters),
        )

    def read_parameters(self) -> dict[str, Any]:
        """Return the flow run's parameters; big ones as the store has them, that is as JSON."""
        if self.parameters is not None:
            found: dict[str, Any] = pickle.loads(self.parameters)
            return found
        from penstock._link.client import path_of

        stored = current_session().store.request("GET", path_of("api", "flow_runs", self.id))
        return dict(stored["parameters"])


@dataclass(frozen=True, eq=False, kw_only=True)
class FlowRunFactsContext(ContextModel):
    """The flow run that a worker works for."""

    _variable: ClassVar[ContextVar[Any]] = ContextVar("penstock_flow_run_facts", default=None)

    facts: FlowRunFacts


def _small(parameters: dict[str, Any]) -> bytes | None:
    import cloudpickle

    try:
        blob: bytes = cloudpickle.dumps(parameters, protocol=5)
    except Exception:
        return None
    return blob if len(blob) <= _PARAMETER_BYTES else None


def flow_run_facts() -> FlowRunFacts | None:
    """Return the facts of the flow run that is active here, in this process or for it; None outside one."""
    context = FlowRunContext.get()
    if context is not None:
        return FlowRunFacts.of(context)
    carried = FlowRunFactsContext.get()
    return carried.facts if carried is not None else None


def serialize_context(asset_ctx_kwargs: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the present context as a dict, for `hydrated_context` in another process.

    It holds the flow run, the task run, tags and temporary settings, whatever of them is active. Send it with
    cloudpickle: flows and parameters may be of a notebook.

    Args:
        asset_ctx_kwargs: fields of an asset context; handed through as they are.

    Example:
        >>> sorted(serialize_context())
        ['asset_context', 'flow_run_context', 'settings_context', 'tags_context', 'task_run_context']
    """
    from penstock.settings._layers import EMPTY, scope_variable

    flow_run, task_run = FlowRunContext.get(), TaskRunContext.get()
    return {
        "flow_run_context": flow_run.serialize() if flow_run is not None else {},
        "task_run_context": task_run.serialize() if task_run is not None else {},
        "tags_context": {"current_tags": TagsContext.tags()},
        "settings_context": dict((scope_variable.get() or EMPTY).overrides),
        "asset_context": dict(asset_ctx_kwargs or {}),
    }


@contextmanager
def hydrated_context(
    serialized_context: Mapping[str, Any] | None = None, client: Any = None
) -> Iterator[None]:
    """Work inside a context that was taken from another process (or thread).

    Tasks called inside belong to the flow run it was taken from; they run in a runner of their own, which is closed
    at the end.

    Args:
        serialized_context: what `serialize_context` gave; nothing is changed without it.
        client: accepted for compatibility; every process has its own connection to the store.

    Example:
        >>> with tags("nightly"):
        ...     taken = serialize_context()
        >>> with hydrated_context(taken):
        ...     sorted(TagsContext.tags())
        ['nightly']
    """
    found = serialized_context or {}
    with ExitStack() as stack:
        if settings := found.get("settings_context"):
            from penstock.settings import temporary_settings

            stack.enter_context(temporary_settings(settings))
        if flow_run := found.get("flow_run_context"):
            runner = flow_run["flow"].task_runner.duplicate()
            stack.callback(runner.finish)
            context = FlowRunContext(
                **{**flow_run, "detached": True},
                task_runner=runner,
                cancellation=Token(),
                session=current_session(),
            )
            stack.enter_context(context)
        if task_run := found.get("task_run_context"):
            stack.enter_context(TaskRunContext(**task_run))
        if carried := found.get("tags_context"):
            stack.enter_context(TagsContext(**carried))
        yield
