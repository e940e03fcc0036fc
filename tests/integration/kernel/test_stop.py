"""The Stop button in the middle of a map: the cell ends at once, every state is true, and everything still works."""

from __future__ import annotations

import sys
import time

import psutil
import pytest
from workspace import eventually

pytestmark = pytest.mark.kernel

SETUP = """
import os, time
from penstock import flow, task

@task
def nap(n):
    for _ in range(1200): time.sleep(0.05)
    return n

@task
def blink(n):
    time.sleep(0.2)

@task
def sleep_in_c(n):
    time.sleep(30)

@task
def pid(n):
    time.sleep(0.2)  # long enough that one worker does not get them all
    return os.getpid()
"""
STOPPED = "%%flow stopped\nparts = {task}.map(range(6))\nparts.wait()"
AFTER = "%%flow after\npids = sorted(set(pid.map(range(4)).result()))"

RUNNERS = [pytest.param("threads", id="threads"), pytest.param("dask", id="dask", marks=pytest.mark.dask)]
MODULES = {"threads": "threading", "dask": "distributed"}
#: What a user may have to wait; measured: 0.1 to 0.6 s.
BOUND = 3.0


def running(workspace) -> bool:
    """True when all six task runs are there and as many as there are workers have begun."""
    rows = workspace.sql(
        "select task_runs.state_name from task_runs join runs on runs.id = task_runs.flow_run_id"
        " where runs.flow_name = 'stopped'"
    )
    names = [row["state_name"] for row in rows]
    return len(names) == 6 and names.count("Running") == 2


def task_states(workspace) -> dict[str, set[str]]:
    rows = workspace.sql("select state_name, state_message from task_runs order by created")
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["state_name"], set()).add(row["state_message"])
    return found


@pytest.mark.parametrize("runner", RUNNERS)
def test_stop_ends_the_cell_and_leaves_everything_usable(kernel, workspace, runner, stopwatch):
    if kernel.python != sys.executable and kernel.run("import " + MODULES[runner]).status != "ok":
        pytest.skip(f"{runner} is not installed beside this ipykernel")
    kernel.check(f"%runner {runner} 2")
    kernel.check(SETUP)
    kernel.check(AFTER.replace("after", "before"))
    pids = kernel.check("print(pids)").text
    store = workspace.store_pid()

    sent = kernel.begin(STOPPED.format(task="nap"))
    eventually(lambda: running(workspace), what="two task runs have begun")
    stopwatch.start()
    kernel.interrupt()
    reply = kernel.end(sent)
    stopwatch.stop(f"stop on {runner}", BOUND)

    assert reply.status == "error"
    assert reply.error == "KeyboardInterrupt: "
    assert "parts.wait()" in reply.traceback, "the user's line is shown"
    assert "_engine" not in reply.traceback, "and the engine's are not"
    stopped = workspace.wait_for_run("stopped", "Crashed", 5)
    assert stopped["state_message"] == "Flow run was interrupted by KeyboardInterrupt."
    rows = (
        f"select state_name, count(*) as n from task_runs where flow_run_id = '{stopped['id']}' group by all"
    )
    eventually(
        lambda: (
            {row["state_name"]: row["n"] for row in workspace.sql(rows)} == {"Crashed": 2, "Cancelled": 4}
        ),
        10,
        "two ran, four had not begun",
    )
    messages = task_states(workspace)
    assert messages["Crashed"] == {"Task run was interrupted by RunCancelled."}
    assert messages["Cancelled"] == {"The flow run was stopped before this task run began."}

    kernel.check(AFTER)
    assert kernel.check("print(pids)").text == pids, "the same processes work on"
    assert workspace.only_run("after")["state_name"] == "Completed"
    assert workspace.store_pid() == store
    assert psutil.pid_exists(store)


def test_stop_does_not_wait_for_code_that_cannot_notice(kernel, workspace, stopwatch):
    kernel.check("%runner threads 2")
    kernel.check(SETUP)
    sent = kernel.begin(STOPPED.format(task="sleep_in_c"))
    eventually(lambda: running(workspace), what="two task runs have begun")
    stopwatch.start()
    kernel.interrupt()
    reply = kernel.end(sent)
    stopwatch.stop("stop with threads inside C", BOUND)
    assert reply.error == "KeyboardInterrupt: "
    assert workspace.wait_for_run("stopped", "Crashed", 5)
    eventually(lambda: set(task_states(workspace)) == {"Crashed", "Cancelled"})
    assert task_states(workspace)["Crashed"] == {"Stopped while running; its code may not have noticed yet."}
    kernel.check(AFTER)
    assert workspace.only_run("after")["state_name"] == "Completed"


def test_stop_during_a_pause_crashes_the_run_and_closes_the_gate(kernel, workspace, stopwatch):
    kernel.check("from penstock import flow, pause_flow_run")
    sent = kernel.begin("%%flow asking\nanswer = pause_flow_run(wait_for_input=int)")
    run = workspace.wait_for_run("asking", "Paused")
    stopwatch.start()
    kernel.interrupt()
    assert kernel.end(sent).error == "KeyboardInterrupt: "
    stopwatch.stop("stop during a pause", BOUND)
    assert workspace.only_run("asking")["state_name"] == "Crashed"
    refused = workspace.run("flow-run", "resume", run["id"], "--input", '{"value": 1}')
    assert refused.returncode == 1
    assert "it is Crashed, not paused" in refused.stderr


def test_stop_at_any_moment_leaves_no_run_that_seems_to_live(kernel, workspace):
    """Pressed while the run was being created, Stop once left it Pending until the kernel ended."""
    kernel.check("%runner threads 2")
    kernel.check(SETUP)
    kernel.check("%%flow warm\nblink.map([]).wait()")
    stopped = 0
    for moment in range(16):
        sent = kernel.begin(f"%%flow moment{moment}\nblink.map(range(4)).wait()")
        kernel.wait_for_start(sent)
        time.sleep(0.004 * moment)  # not to wait for something: where the signal strikes is what is tried
        kernel.interrupt()
        stopped += kernel.end(sent, answer=False).error.startswith("KeyboardInterrupt")
    assert stopped > 0
    live = "select name from {} where state_type in ('RUNNING', 'PENDING')"
    assert workspace.sql(live.format("runs")) == []
    eventually(lambda: not workspace.sql(live.format("task_runs")), 10, "no task run seems to live")
    kernel.check(AFTER)
