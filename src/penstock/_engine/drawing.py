"""Drawing a flow without running it: while a tracker is active, calls of tasks are noted instead of made.

The flow's own code runs for real. What a task would return is played by its `viz_return_value` or by a `VizTask`;
passing either on to another task makes an edge, by the identity of the object. Reference page: api-ref
prefect-utilities-visualization.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from contextvars import ContextVar, Token
from typing import Any, NoReturn

from penstock._engine.signatures import bind
from penstock._values.collections import visit_collection
from penstock.exceptions import PenstockException


class FlowVisualizationError(PenstockException):
    """A flow cannot be drawn; says why."""


class VisualizationUnsupportedError(PenstockException):
    """A flow does something that a drawing has no picture for."""


class VizTask:
    """Stands for a call of a task in a drawing, and for its value or its future.

    Args:
        name: what the node is called.
        upstream_tasks: the calls whose values went into this one.
    """

    def __init__(self, name: str, upstream_tasks: list[VizTask] | None = None) -> None:
        self.name = name
        self.upstream_tasks = upstream_tasks or []
        self._value: Any = None

    def result(self, *args: Any, **kwargs: Any) -> Any:
        """Return the task's `viz_return_value`, or this stand-in when it has none."""
        return self if self._value is None else self._value

    def wait(self, *args: Any, **kwargs: Any) -> None:
        """Return at once: nothing runs."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise self._no_value()

    def _no_value(self, *_: Any) -> FlowVisualizationError:
        return FlowVisualizationError(
            f"The value of task {self.name!r} is used while the flow is drawn, but no task runs then. "
            "Give the task a `viz_return_value` that stands in for it."
        )

    def __bool__(self) -> bool:
        raise self._no_value()

    def __iter__(self) -> Any:
        raise self._no_value()

    def __getitem__(self, key: Any) -> Any:
        raise self._no_value()

    def __len__(self) -> int:
        raise self._no_value()

    def __repr__(self) -> str:
        return f"VizTask(name={self.name!r})"


_current: ContextVar[TaskVizTracker | None] = ContextVar("penstock_drawing", default=None)


class TaskVizTracker:
    """Notes the calls of tasks made inside its `with` block.

    Attributes:
        tasks: the calls, in order.
        object_id_to_task: by the id of a value that stands in for a call's result: the value and the call.
    """

    def __init__(self) -> None:
        self.tasks: list[VizTask] = []
        self.object_id_to_task: dict[int, tuple[Any, VizTask]] = {}
        self._counts: dict[str, int] = {}
        self._token: Token[TaskVizTracker | None] | None = None

    def __enter__(self) -> TaskVizTracker:
        self._token = _current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            _current.reset(self._token)

    def add_task(self, task: VizTask) -> None:
        """Note a call; its name gets a number, as a task may be called several times."""
        number = self._counts.get(task.name, 0)
        self._counts[task.name] = number + 1
        task.name = f"{task.name}-{number}"
        self.tasks.append(task)

    def link_viz_return_value_to_viz_task(self, viz_return_value: Any, viz_task: VizTask) -> None:
        """Remember which call an object stands for, so that passing it on makes an edge.

        None, bools, Ellipsis, NotImplemented and the ints from -5 to 256 exist once in the whole process: they
        say nothing about where they came from and are not linked.
        """
        if viz_return_value is None or isinstance(viz_return_value, (bool, type(...), type(NotImplemented))):
            return
        if type(viz_return_value) is int and -5 <= viz_return_value <= 256:
            return
        # The object is kept, so that no other gets its id.
        self.object_id_to_task[id(viz_return_value)] = (viz_return_value, viz_task)

    def upstream_of(self, parameters: Any) -> list[VizTask]:
        """Return the calls whose values are somewhere in `parameters`, each once."""
        found: dict[int, VizTask] = {}

        def note(part: Any) -> Any:
            if isinstance(part, VizTask):
                found[id(part)] = part
            elif id(part) in self.object_id_to_task:
                task = self.object_id_to_task[id(part)][1]
                found[id(task)] = task
            return part

        visit_collection(parameters, note)
        return list(found.values())


class TaskVizTrackerState:
    """Where the tracker in force is found."""

    @staticmethod
    def current() -> TaskVizTracker | None:
        """Return the tracker in force, or None."""
        return _current.get()


def get_task_viz_tracker() -> TaskVizTracker | None:
    """Return the tracker in force, or None when no flow is being drawn."""
    return _current.get()


#: True while a flow is being drawn; what tasks and flows ask before every call.
is_drawing = _current.get


def _noted(name: str, parameters: Any, viz_return_value: Any) -> VizTask:
    tracker = _current.get()
    task = VizTask(name)
    task._value = viz_return_value
    if tracker is not None:
        task.upstream_tasks = tracker.upstream_of(parameters)
        tracker.add_task(task)
        tracker.link_viz_return_value_to_viz_task(viz_return_value, task)
    return task


def track_viz_task(
    is_async: bool, task_name: str, parameters: dict[str, Any], viz_return_value: Any = None
) -> Any | Coroutine[Any, Any, Any]:
    """Note a call and return what stands in for its value; a coroutine of it for an async task.

    Args:
        is_async: whether the caller is going to await the call.
        task_name: what the node is called.
        parameters: the arguments; those that came from other calls make edges.
        viz_return_value: stands in for the value; None for the noted call itself.
    """
    value = _noted(task_name, parameters, viz_return_value).result()
    return _later(value) if is_async else value


async def _later(value: Any) -> Any:
    return value


def draw_call(definition: Any, args: Any, kwargs: Any, wait_for: Iterable[Any] | None) -> Any:
    """Note a call of a task, or of a flow inside the one that is drawn: that one is a single node."""
    return track_viz_task(
        definition.isasync and not getattr(definition, "isgenerator", False),
        definition.name,
        _inputs(definition, args, kwargs, wait_for),
        getattr(definition, "viz_return_value", None),
    )


def draw_submission(task: Any, args: Any, kwargs: Any, wait_for: Iterable[Any] | None) -> VizTask:
    """Note a submitted task and return what stands in for its future."""
    return _noted(task.name, _inputs(task, args, kwargs, wait_for), task.viz_return_value)


def refuse_to_draw(what: str) -> NoReturn:
    """Raise `VisualizationUnsupportedError` for a call that has no picture, such as ``task.map``."""
    raise VisualizationUnsupportedError(
        f"`{what}` is not supported by `flow.visualize()`: how many runs it makes is only known when it runs. "
        "Call or submit the task instead, or draw the flow after running it."
    )


def _inputs(definition: Any, args: Any, kwargs: Any, wait_for: Iterable[Any] | None) -> dict[str, Any]:
    parameters = bind(definition.fn, args, kwargs)
    return {**parameters, "wait_for": list(wait_for)} if wait_for else parameters
