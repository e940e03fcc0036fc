"""Task cells in the background: they return at once, run side by side, and later cells wait for what they read."""

from __future__ import annotations

import sys
import time

import pytest
from driver import Kernel
from workspace import eventually, python_name, wait_for_join, with_oldest

pytestmark = pytest.mark.kernel

#: A task that ends when a file appears, so that tests decide when.
GATED = """%%task {name} --no-cache
import os, time
print("{name} begins")
while not os.path.exists("{name}.go"): time.sleep(0.01)
print("{name} ends")
{name}_value = {value}
"""


@pytest.fixture(params=with_oldest(), ids=python_name)
def kernel(request, workspace):
    """A kernel with the extension loaded, on the oldest ipykernel too."""
    with Kernel(workspace, request.param) as running:
        running.check("%load_ext penstock")
        yield running


def open_gate(workspace, name: str) -> None:
    (workspace.folder / f"{name}.go").touch()


def states(workspace) -> dict[str, str]:
    rows = workspace.sql("select task_name, state_name from task_runs order by created")
    return {row["task_name"]: row["state_name"] for row in rows}


def test_cells_return_at_once_and_their_output_stays_with_them(kernel, workspace):
    one = kernel.start(GATED.format(name="one", value=1))
    two = kernel.start(GATED.format(name="two", value=2))
    kernel.read_until(one, "one begins")
    kernel.read_until(two, "two begins")
    assert kernel.check("one_value_ = 0\nprint('free')").printed == "free\n"
    open_gate(workspace, "two")
    kernel.read_until(two, "✓ two")
    open_gate(workspace, "one")
    kernel.read_until(one, "✓ one")
    assert kernel.check("print(one_value, two_value)").printed == "1 2\n"
    assert kernel.reply(one).printed == "one begins\none ends\n"
    assert kernel.reply(two).printed == "two begins\ntwo ends\n"


def test_a_cell_that_reads_a_pending_name_waits_for_it(kernel, workspace):
    kernel.start(GATED.format(name="slow", value=41))
    reader = kernel.begin("print('has', slow_value + 1)")
    kernel.wait_for_start(reader)
    assert kernel.reply(reader).printed == ""
    open_gate(workspace, "slow")
    assert kernel.end(reader).printed == "has 42\n"


def test_run_all_makes_one_graph(kernel, workspace):
    kernel.start("%%task left\na, b = 1, 2")
    kernel.start("%%task right\nc = 3")
    kernel.start("%%task both\nd = a + c")
    kernel.check("assert d == 4")
    edges = (
        "select down.task_name as task, input_name, up.task_name as upstream from edges"
        " join task_runs down on down.id = edges.task_run_id join task_runs up on up.id = edges.upstream_id"
        " order by input_name"
    )
    rows = eventually(lambda: workspace.sql(edges))
    assert [tuple(row.values()) for row in rows] == [("both", "a", "left"), ("both", "c", "right")]


def test_a_failed_upstream_fails_who_reads_it_and_nobody_else(kernel):
    sent = kernel.start("%%task broken\nprint('so far')\nparts = 0\nq = 1 / parts")
    reply = kernel.read_until(sent, "✗ broken")
    reader = kernel.run("w = 1\nw + q")
    assert reader.error.startswith(
        "UpstreamCellError: 'q' was to come from task 'broken', which ended as Failed"
    )
    assert "ZeroDivisionError" in reader.traceback
    assert "penstock" not in reader.traceback
    assert "----> 4 q = 1 / parts" in reply.traceback
    assert reply.printed == "so far\n"
    assert kernel.run("w").error.startswith("NameError"), "the cell has not begun"
    kernel.start("%%task broken\nq = 1")
    assert kernel.check("q").text == "1"


def test_stop_cancels_what_the_cell_waits_for_and_nothing_else(kernel, workspace, stopwatch):
    kernel.start(GATED.format(name="wanted", value=1))
    kernel.start("%%task after --no-cache\nafter_value = wanted_value")
    other = kernel.start(GATED.format(name="other", value=2))
    eventually(lambda: states(workspace).get("other") == "Running", what="both run")
    reader = kernel.begin("after_value")
    wait_for_join(kernel, reader)
    eventually(lambda: states(workspace).get("wanted") == "Running")
    stopwatch.start()
    kernel.interrupt()
    reply = kernel.end(reader)
    stopwatch.stop("stop of a cell that waits", 2.0)
    assert reply.error == "KeyboardInterrupt: "
    eventually(lambda: states(workspace)["wanted"] == states(workspace)["after"] == "Cancelled")
    assert states(workspace)["other"] == "Running"
    open_gate(workspace, "other")
    kernel.read_until(other, "✓ other")
    assert kernel.check("other_value").text == "2"


@pytest.mark.dask
def test_on_dask_values_stay_there_until_they_are_read(kernel, workspace):
    if kernel.python != sys.executable:
        pytest.skip("Dask is tested with one kernel")
    kernel.check("%runner dask 2")
    sent = kernel.start("%%task big\nprint('from afar')\nblob, n = bytes(300_000), 7")
    used = kernel.start("%%task use\nsize = len(blob) + n")
    kernel.read_until(used, "✓ use")
    kernel.read_until(sent, "✓ big")
    assert kernel.reply(sent).printed == "from afar\n"
    assert kernel.check("size").text == "300007"
    held = kernel.check("print(repr(get_ipython().user_ns['blob']))")
    assert held.printed == "<blob: bytes, 0.3 MB, is on its worker>\n"
    assert kernel.check("len(blob)").text == "300000"
    sent = kernel.start("%%task wrong\nprint('then')\nz = 1\nz / 0")
    reply = kernel.read_until(sent, "✗ wrong")
    assert reply.printed == "then\n"
    assert "----> 4 z / 0" in reply.traceback
    started = time.monotonic()
    kernel.start("%%task long --no-cache\nimport time\nfor _ in range(600): time.sleep(0.1)\nend = 1")
    eventually(lambda: states(workspace).get("long") == "Running")
    reader = kernel.begin("end")
    wait_for_join(kernel, reader)
    kernel.interrupt()
    assert kernel.end(reader).error == "KeyboardInterrupt: "
    eventually(lambda: states(workspace)["long"] == "Cancelled")
    assert time.monotonic() - started < 30
    assert kernel.check("%%task again --wait\nimport os\nok = os.getpid() > 0").status == "ok"
