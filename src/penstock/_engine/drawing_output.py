"""From noted calls to a picture: with the `graphviz` package, and its program `dot` for the PNG.

Reference pages: api-ref prefect-flows (visualize), prefect-utilities-visualization.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterable, Awaitable, Generator
from inspect import isasyncgen, isawaitable, isgenerator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock._engine.drawing import FlowVisualizationError, TaskVizTracker, VisualizationUnsupportedError
from penstock._engine.loop_thread import run_coro_as_sync
from penstock._engine.signatures import bind, unbind
from penstock.exceptions import PenstockException

if TYPE_CHECKING:
    import graphviz


class GraphvizImportError(ImportError, PenstockException):
    """The Python package `graphviz` is not installed."""


class GraphvizExecutableNotFoundError(PenstockException):
    """The program `dot` is not installed."""


class _Drawn:
    """What `visualize` returns where a loop runs: it is done, and may be awaited like in the reference."""

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield

    def _ipython_display_(self) -> None:
        """Show nothing: the picture was shown."""


def visualize(flow: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Draw the tasks that a call of `flow` makes and how their values flow; nothing runs but the flow's own code.

    Args:
        flow: a sync or async flow.
        args, kwargs: arguments of the call.

    Raises:
        GraphvizImportError: the package `graphviz` is missing. GraphvizExecutableNotFoundError: `dot` is.
        VisualizationUnsupportedError: the flow maps a task. FlowVisualizationError: anything else went wrong.
    """
    _graphviz()  # before the flow's own code runs for nothing
    parameters = bind(flow.fn, args, kwargs)
    if flow.should_validate_parameters:
        parameters = {**parameters, **flow.validate_parameters(bind(flow.fn, args, kwargs, defaults=False))}
    with TaskVizTracker() as tracker:
        _run_body(flow, *unbind(flow.fn, parameters))
    visualize_task_dependencies(build_task_dependencies(tracker), flow.name)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return None
    return _Drawn()


def _run_body(flow: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    try:
        value = flow.fn(*args, **kwargs)
        if isawaitable(value):
            run_coro_as_sync(_awaited(value))
        elif isasyncgen(value):
            run_coro_as_sync(_exhausted(value))
        elif isgenerator(value):
            for _ in value:
                pass
    except (FlowVisualizationError, VisualizationUnsupportedError):
        raise
    except Exception as error:
        raise FlowVisualizationError(
            f"Flow {flow.name!r} cannot be drawn: its code raised {error!r} while no task ran. If it works with "
            "the values of tasks, give those tasks a `viz_return_value`."
        ) from error


async def _awaited(value: Awaitable[Any]) -> None:
    await value


async def _exhausted(values: AsyncIterable[Any]) -> None:
    async for _ in values:
        pass


def build_task_dependencies(task_run_tracker: TaskVizTracker) -> graphviz.Digraph:
    """Return the graph of noted calls.

    Args:
        task_run_tracker: what noted them.

    Raises:
        GraphvizImportError: the package `graphviz` is missing.

    Example:
        >>> with TaskVizTracker() as tracker:
        ...     my_flow.fn()
        >>> print(build_task_dependencies(tracker).source)
    """
    graph = _graphviz().Digraph()
    for task in task_run_tracker.tasks:
        graph.node(task.name)
        for upstream in task.upstream_tasks:
            graph.edge(upstream.name, task.name)
    return graph


def visualize_task_dependencies(graph: graphviz.Digraph, flow_run_name: str) -> None:
    """Show a graph: inline in a notebook, elsewhere as ``NAME.png`` in the working folder, opened in a viewer.

    Args:
        graph: what `build_task_dependencies` returned.
        flow_run_name: name of the file.

    Raises:
        GraphvizExecutableNotFoundError: the program `dot` is missing. FlowVisualizationError: it failed.
    """
    missing = _graphviz().backend.ExecutableNotFound
    try:
        picture = graph.pipe(format="png")
    except missing as error:
        raise GraphvizExecutableNotFoundError(
            "Drawing needs the program `dot` of Graphviz on the PATH: install Graphviz, for example with "
            "`apt-get install graphviz` or `conda install graphviz`."
        ) from error
    except Exception as error:
        raise FlowVisualizationError(f"`dot` could not draw {flow_run_name!r}: {error!r}") from error
    if _in_notebook():
        from IPython.display import Image, display

        display(Image(picture))
    else:
        path = Path(f"{flow_run_name}.png")
        path.write_bytes(picture)
        _open(path)


def _open(path: Path) -> None:
    """Open the picture where there is a viewer; where there is none, it is in the file."""
    try:
        subprocess.run([_OPENERS[sys.platform], path], check=False, capture_output=True, timeout=10)
    except (OSError, KeyError, subprocess.TimeoutExpired):
        return


_OPENERS = {"linux": "xdg-open", "darwin": "open", "win32": "explorer"}


def _graphviz() -> Any:
    try:
        import graphviz
    except ImportError as error:
        raise GraphvizImportError(
            "Drawing a flow needs the package graphviz: pip install 'penstock[viz]'."
        ) from error
    return graphviz


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    return shell is not None and shell.get_ipython() is not None
