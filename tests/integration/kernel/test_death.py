"""`kill -9` of a kernel: what it reported stays, its run is not called Running, and others see all of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from driver import Kernel
from workspace import Workspace, eventually

pytestmark = pytest.mark.kernel

MAPPING = """%%flow doomed
from penstock import task

@task
def step(n):
    import time
    time.sleep(0 if n < 40 else 60)
    return n

step.map(range(60)).wait()
"""


def journalled_states(workspace: Workspace) -> set[str]:
    """Return the ids of all task states in the journals of dead and living processes, read byte by byte."""
    found = set()
    for path in [*workspace.home.glob("journal/**/*.jsonl*")]:
        for line in Path(path).read_bytes().splitlines():
            _, kind, _, body = json.loads(line[9:])
            if (kind == "state" and body["run"] == "task") or kind == "task_run":
                found.add(body["state_id"])
    return found


def test_a_killed_kernel_loses_no_state_and_its_run_is_crashed(kernel, workspace):
    kernel.check("%runner threads 2")
    kernel.begin(MAPPING)
    done = "select id from task_runs where state_name = 'Completed'"
    eventually(lambda: len(workspace.sql(done)) == 40, 30, "forty of sixty are done")
    listed = workspace.cli("flow-run", "ls")
    assert "doomed" in listed
    assert "Running" in listed, "another process sees the run while it lasts"
    reported = journalled_states(workspace)
    assert len(reported) > 100

    kernel.kill()
    eventually(lambda: "Crashed" in workspace.cli("flow-run", "ls", "--flow-name", "doomed"), 10)
    assert "Running" not in workspace.cli("flow-run", "ls")
    stored = {row["id"] for row in workspace.sql("select id from states where run_type = 'task-run'")}
    assert reported <= stored
    assert len(workspace.sql(done)) == 40
    live = "select name from task_runs where state_type in ('RUNNING', 'PENDING')"
    assert workspace.sql(live) == []


def test_a_killed_kernel_is_noticed_by_a_store_that_was_down(workspace):
    """The store died with the kernel; the next command starts one, which reads the journals first."""
    import psutil

    with Kernel(workspace) as kernel:
        kernel.check("%load_ext penstock")
        kernel.check("%runner threads 2")
        kernel.begin(MAPPING)
        eventually(
            lambda: len(workspace.sql("select id from task_runs where state_name = 'Completed'")) == 40, 30
        )
        store = psutil.Process(workspace.store_pid())
        store.kill()
        psutil.wait_procs([store], timeout=10)
        kernel.kill()
        reported = journalled_states(workspace)
        eventually(lambda: "Crashed" in workspace.cli("flow-run", "ls", "--flow-name", "doomed"), 10)
        stored = {row["id"] for row in workspace.sql("select id from states where run_type = 'task-run'")}
        assert reported <= stored


def test_two_kernels_see_each_other(kernel, workspace):
    with Kernel(workspace) as other:
        other.check("%load_ext penstock")
        sent = kernel.begin("%%flow first\nfrom penstock import pause_flow_run\npause_flow_run()")
        run = workspace.wait_for_run("first", "Paused")
        assert "Paused" in other.check("%runs").text
        resume = f"from penstock.flow_runs import resume_flow_run\nresume_flow_run('{run['id']}')"
        other.check(resume)
        assert kernel.end(sent).status == "ok"
        query = "%%penstock_sql\nselect state_name from runs where flow_name = 'first'"
        assert "Completed" in other.check(query).text
