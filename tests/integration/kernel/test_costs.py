"""What the extension costs a kernel: time to load, time a task cell adds, memory. The bounds leave room for busy machines."""

from __future__ import annotations

import statistics
import time

import psutil
import pytest
from driver import Kernel
from workspace import python_name, pythons

pytestmark = pytest.mark.kernel

LOAD = """
import time
began = time.perf_counter()
get_ipython().run_line_magic("load_ext", "penstock")
print(time.perf_counter() - began)
"""
CELLS = 15


@pytest.fixture(params=pythons(), ids=python_name)
def bare(request, workspace):
    """A kernel without the extension."""
    with Kernel(workspace, request.param) as running:
        yield running


def seconds_of(kernel, code: str) -> float:
    began = time.perf_counter()
    kernel.check(code)
    return time.perf_counter() - began


def test_loading_and_task_cells_are_quick_and_small(bare, stopwatch):
    kernel = bare

    def note(what: str, value: float) -> float:
        stopwatch.figures.append((what, value))
        return value

    assert note("%load_ext, cold", float(kernel.check(LOAD).printed.split()[-1])) < 1.5
    kernel.check("%%task warm\na = 1")
    kernel.check("a")
    plain = statistics.median(seconds_of(kernel, f"b = {n}") for n in range(CELLS))
    task = statistics.median(seconds_of(kernel, f"%%task t\nb = {n}") for n in range(CELLS))
    assert note("what %%task adds to a cell", task - plain) < 0.06
    if kernel.run("import pandas").status == "ok":
        kernel.check("%%task frame\nimport pandas as pd\ndf = pd.DataFrame({'a': range(10)})")
        kernel.check("df")
        rss = psutil.Process(kernel.pid).memory_info().rss / 1e9
        assert note("GB resident with pandas", rss) < 0.2
