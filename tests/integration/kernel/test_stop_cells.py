"""Stop and task cells on every runner: what a cell waits for ends, nothing else does, and no process is left."""

from __future__ import annotations

import psutil
import pytest
from driver import Kernel
from workspace import eventually, wait_for_join

pytestmark = pytest.mark.kernel

LOOP = """%%task {name} --no-cache
import os, time
print(os.getpid())
while not os.path.exists("{name}.go"): time.sleep(0.02)
{name}_value = os.getpid()
"""
DEAF = """%%task deaf --no-cache
import os, pathlib, time
print(os.getpid())
while True:
    try:
        while True: time.sleep(0.02)
    except BaseException:
        pathlib.Path("heard").touch()
deaf_value = 1
"""
RUNNERS = [
    "threads",
    "processes",
    pytest.param("dask", marks=pytest.mark.dask),
    pytest.param("ray", marks=pytest.mark.ray),
]


@pytest.fixture
def kernel(workspace):
    """A kernel with the extension loaded; where it is interrupted is the same on every version."""
    with Kernel(workspace) as running:
        running.check("%load_ext penstock")
        yield running


def state_of(workspace, name: str) -> str:
    rows = workspace.sql(f"select state_name from task_runs where task_name = '{name}' order by created desc")
    return str(rows[0]["state_name"]) if rows else ""


@pytest.mark.parametrize("runner", RUNNERS)
def test_stop_ends_what_the_cell_waits_for_and_the_worker_works_on(kernel, workspace, runner, stopwatch):
    kernel.check(f"%runner {runner} 2", 120)
    other = kernel.start(LOOP.format(name="other"))
    wanted = kernel.start(LOOP.format(name="wanted"))
    for cell in (other, wanted):
        kernel.read_until(cell, "\n")
    reader = kernel.begin("wanted_value")
    wait_for_join(kernel, reader)
    stopwatch.start()
    kernel.interrupt()
    assert kernel.end(reader).error == "KeyboardInterrupt: "
    stopwatch.stop(f"stop of a join on {runner}", 2.0)
    # Ray raises KeyboardInterrupt in its worker, which cannot know that one cell was meant and not all.
    ended = "Crashed" if runner == "ray" else "Cancelled"
    eventually(lambda: state_of(workspace, "wanted") == ended)
    assert state_of(workspace, "other") == "Running"
    next_one = kernel.start(LOOP.format(name="next"))
    (workspace.folder / "next.go").touch()
    kernel.read_until(next_one, "✓ next", 30)  # with two workers: the one that was stopped is free again
    (workspace.folder / "other.go").touch()
    kernel.read_until(other, "✓ other")
    workers = {int(kernel.check(f"{name}_value").text) for name in ("other", "next")}
    assert workers == {int(kernel.reply(cell).printed) for cell in (other, next_one)}


@pytest.mark.parametrize(
    ("runner", "stops"), [("processes", 1), ("processes", 2), pytest.param("ray", 1, marks=pytest.mark.ray)]
)
def test_a_worker_that_does_not_listen_is_killed(kernel, workspace, runner, stops):
    kernel.check(f"%runner {runner} 1", 120)
    cell = kernel.start(DEAF)
    kernel.read_until(cell, "\n")
    pid = int(kernel.reply(cell).printed)
    reader = kernel.begin("deaf_value")
    wait_for_join(kernel, reader)
    kernel.interrupt()
    if stops == 2:
        eventually((workspace.folder / "heard").exists, what="the first Stop has reached the worker")
        kernel.interrupt()
    assert kernel.end(reader).error == "KeyboardInterrupt: "
    assert state_of(workspace, "deaf") == "Cancelled"
    eventually(lambda: not psutil.pid_exists(pid), 10, "the worker is killed")
    again = kernel.start(LOOP.format(name="again"))
    (workspace.folder / "again.go").touch()
    kernel.read_until(again, "✓ again")
