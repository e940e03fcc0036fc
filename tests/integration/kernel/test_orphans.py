"""A kernel that ends, however it does, takes its workers with it, also those that are busy."""

from __future__ import annotations

import psutil
import pytest
from driver import Kernel
from workspace import eventually

pytestmark = pytest.mark.kernel

BUSY = """%%task busy --no-cache
import time
print("at work")
while True: time.sleep(0.02)
"""
#: Each runner with each way to end, but for Ray, which takes long to start, the hardest will do.
CASES = [
    *((runner, way) for runner in ("threads", "processes") for way in ("restart", "shutdown", "kill")),
    *(pytest.param("dask", way, marks=pytest.mark.dask) for way in ("restart", "kill")),
    pytest.param("ray", "kill", marks=pytest.mark.ray),
]


@pytest.mark.parametrize(("runner", "way"), CASES)
def test_no_process_outlives_its_kernel(workspace, runner, way):
    with Kernel(workspace) as kernel:
        kernel.check("%load_ext penstock")
        kernel.check(f"%runner {runner} 2", 120)
        kernel.read_until(kernel.start(BUSY), "at work")
        store = workspace.store_pid()
        before = psutil.Process(kernel.pid).children(recursive=True)
        workers = [process for process in before if process.pid != store]
        assert (len(workers) >= 2) == (runner != "threads")
        getattr(kernel, way)()
        eventually(lambda: not [one for one in workers if one.is_running()], 20, "the workers are gone")
        states = "select state_name from task_runs where task_name = 'busy'"
        ends = [{"state_name": "Cancelled"}], [{"state_name": "Crashed"}]
        eventually(lambda: workspace.sql(states) in ends)  # what the kernel did not send the store sweeps up
        assert workspace.store_pid() == store
