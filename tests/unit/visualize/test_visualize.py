"""Drawing a flow: which nodes and edges, what runs meanwhile, and what happens without Graphviz."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from penstock import flow, task
from penstock.exceptions import ParameterTypeError
from penstock.utilities.visualization import (
    FlowVisualizationError,
    GraphvizExecutableNotFoundError,
    GraphvizImportError,
    TaskVizTracker,
    TaskVizTrackerState,
    VisualizationUnsupportedError,
    VizTask,
    build_task_dependencies,
    get_task_viz_tracker,
    track_viz_task,
    visualize_task_dependencies,
)

ran: list[str] = []


@task
def load() -> list[int]:
    ran.append("load")
    return [1]


@task(viz_return_value=[1, 2])
def split(x: Any) -> list[int]:
    ran.append("split")
    return [x]


@task
def merge(*parts: Any) -> int:
    ran.append("merge")
    return len(parts)


@task
async def fetch(x: Any = None) -> int:
    ran.append("fetch")
    return 1


@flow
def child(x: Any) -> None:
    ran.append("child")


def edges(body: Any, *args: Any) -> dict[str, list[str]]:
    """What a body draws: upstream names by node."""
    ran.clear()
    with TaskVizTracker() as tracker:
        made = body(*args)
        if asyncio.iscoroutine(made):
            asyncio.run(made)
    return {node.name: [above.name for above in node.upstream_tasks] for node in tracker.tasks}


def test_calls_are_nodes_and_values_are_edges() -> None:
    def body() -> None:
        first = load()
        merge(first, {"in": [split(first)]}, load())

    assert edges(body) == {
        "load-0": [],
        "split-0": ["load-0"],
        "load-1": [],
        "merge-0": ["load-0", "split-0", "load-1"],
    }
    assert ran == []


def test_futures_are_edges_and_have_the_value_that_was_given() -> None:
    def body() -> None:
        future = split.submit(load.submit())
        future.wait()
        merge(future)
        merge(*future.result())
        merge(future.result())
        merge(wait_for=[future])

    assert edges(body) == {
        "load-0": [],
        "split-0": ["load-0"],
        "merge-0": ["split-0"],
        "merge-1": [],
        "merge-2": ["split-0"],
        "merge-3": ["split-0"],
    }


def test_a_child_flow_is_one_node() -> None:
    def body() -> None:
        child(load())

    assert edges(body) == {"load-0": [], "child-0": ["load-0"]}
    assert ran == []


def test_async_tasks_give_coroutines_of_what_stands_in() -> None:
    async def body() -> None:
        one = await fetch()
        two = await asyncio.gather(fetch(one), fetch(one))
        merge(two)

    assert edges(body) == {
        "fetch-0": [],
        "fetch-1": ["fetch-0"],
        "fetch-2": ["fetch-0"],
        "merge-0": ["fetch-1", "fetch-2"],
    }


@pytest.mark.parametrize("value", [None, True, False, ..., NotImplemented, -5, 0, 256])
def test_values_that_exist_once_are_not_linked(value) -> None:
    """Section 9: interned singletons say nothing about where they came from."""
    tracker = TaskVizTracker()

    tracker.link_viz_return_value_to_viz_task(value, VizTask("t"))

    assert tracker.object_id_to_task == {}


def test_edges_follow_the_identity_of_objects() -> None:
    """Section 9 (c) 2: an equal value of another making is no edge."""
    given = [1000]
    made = task(viz_return_value=given)(lambda: None)

    def body() -> None:
        made()
        merge(given)
        merge([1000])

    found = edges(body)
    assert (found["merge-0"], found["merge-1"]) == (["unknown-lambda-0"], [])


def test_a_value_without_a_stand_in_cannot_be_used() -> None:
    for use in (lambda x: x.anything, lambda x: x[0], list, bool, len):

        @flow(name="uses")
        def body(use: Any = use) -> None:
            use(load())

        with pytest.raises(FlowVisualizationError, match="`viz_return_value`"):
            body.visualize()


def test_other_errors_of_the_body_name_the_flow_and_keep_the_cause() -> None:
    @flow
    def broken() -> None:
        load() + 1

    with pytest.raises(
        FlowVisualizationError, match="Flow 'broken' cannot be drawn.*viz_return_value"
    ) as caught:
        broken.visualize()
    assert isinstance(caught.value.__cause__, TypeError)


def test_maps_are_not_supported() -> None:
    @flow
    def maps() -> None:
        load.map([1, 2])

    with pytest.raises(VisualizationUnsupportedError, match=r"`load.map` is not supported"):
        maps.visualize()


@pytest.fixture
def no_dot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A working folder, and a PATH without programs."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_code_outside_tasks_runs_and_no_run_is_made(no_dot, witness) -> None:
    """Section 9 (c) 1 and 3."""
    seen: list[Any] = []

    @flow
    def body(x: int, y: int = 2) -> None:
        seen.append((x, y))
        merge(child(load.submit()))

    ran.clear()
    with pytest.raises(GraphvizExecutableNotFoundError):
        body.visualize("1")

    assert (seen, ran) == ([(1, 2)], [])
    assert (witness.flows, witness.tasks) == ([], [])
    assert get_task_viz_tracker() is TaskVizTrackerState.current() is None


def test_arguments_are_validated_like_those_of_a_call() -> None:
    @flow
    def body(x: int) -> None: ...

    with pytest.raises(ParameterTypeError, match="x: Input should be a valid integer"):
        body.visualize("one")


def test_a_missing_dot_is_named_with_what_to_install(no_dot) -> None:
    @flow
    def body() -> None:
        load()

    with pytest.raises(GraphvizExecutableNotFoundError, match="apt-get install graphviz"):
        body.visualize()
    assert list(no_dot.iterdir()) == []


def test_async_flows_draw_with_and_without_a_running_loop(no_dot) -> None:
    bodies: list[str] = []

    @flow
    async def body() -> None:
        bodies.append("ran")
        await fetch()

    async def inside() -> None:
        with pytest.raises(GraphvizExecutableNotFoundError):
            body.visualize()

    with pytest.raises(GraphvizExecutableNotFoundError):
        body.visualize()
    asyncio.run(inside())
    assert bodies == ["ran", "ran"]


def test_a_missing_package_is_named_before_the_flow_runs(script) -> None:
    done = script(
        """
        import sys
        sys.modules["graphviz"] = None
        from penstock import flow
        from penstock.utilities.visualization import GraphvizImportError

        @flow
        def body():
            print("ran")

        try:
            body.visualize()
        except ImportError as error:
            print(type(error) is GraphvizImportError, error)
        """
    )
    assert done.stdout == "True Drawing a flow needs the package graphviz: pip install 'penstock[viz]'.\n"


def test_the_graph_has_a_line_for_each_node_and_edge() -> None:
    with TaskVizTracker() as tracker:
        value = track_viz_task(False, "a", {})
        track_viz_task(False, "b", {"x": [value]}, viz_return_value="b's")

    lines = [line.strip() for line in build_task_dependencies(tracker).source.splitlines()]
    assert lines == ["digraph {", '"a-0"', '"b-0"', '"a-0" -> "b-0"', "}"]


def test_the_errors_are_of_the_documented_kinds() -> None:
    assert issubclass(GraphvizImportError, ImportError)
    assert issubclass(GraphvizExecutableNotFoundError, Exception)


DOT = shutil.which("dot")
needs_dot = pytest.mark.skipif(DOT is None, reason="Graphviz is not installed")


@pytest.fixture
def no_viewer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A PATH with `dot` and nothing that opens pictures."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "dot").symlink_to(str(DOT))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@needs_dot
def test_a_png_named_after_the_flow_is_written(no_viewer) -> None:
    @flow(name="draw-me")
    def body() -> None:
        merge(load())

    assert body.visualize() is None
    assert (no_viewer / "draw-me.png").read_bytes().startswith(b"\x89PNG")


@needs_dot
def test_a_notebook_shows_the_picture_in_place(no_viewer) -> None:
    code = """
from IPython.testing.globalipapp import start_ipython
shell = start_ipython()
from IPython.utils.capture import capture_output
from penstock import flow, task
import asyncio
@task
def step(): ...
@flow
async def body():
    step()
async def cell():
    await body.visualize()
with capture_output() as shown:
    asyncio.run(cell())
print([sorted(output.data) for output in shown.outputs])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "image/png" in done.stdout
    assert not (no_viewer / "body.png").exists()


@needs_dot
def test_a_graph_that_dot_refuses_is_an_error_of_the_drawing(no_viewer) -> None:
    import graphviz

    graph = graphviz.Digraph(body=["this is not a line of dot {"])
    with pytest.raises(FlowVisualizationError, match="`dot` could not draw 'bad'"):
        visualize_task_dependencies(graph, "bad")
