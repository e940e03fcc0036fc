"""Flow cells in the background: `%%flow --background` returns at once, and later cells wait for what it gives."""

from __future__ import annotations

import pytest
from driver import Kernel
from workspace import ends, eventually, python_name, wait_for_join

pytestmark = pytest.mark.kernel

SETUP = """
import os, time
from penstock import task

@task
def gated(n):
    print("task", n, "with", factor)
    while not os.path.exists("go"): time.sleep(0.01)
    return n * factor

factor = 2
log = []
def note(text):
    log.append(text)
"""
FLOW = """%%flow {name} --background --tags nightly
from IPython.display import HTML, display
print("{name} begins")
display(HTML("<b>shown by {name}</b>"))
total = sum(gated.map([1, 2]).result())
print("{name} ends")
"""


@pytest.fixture(params=ends(), ids=python_name)
def kernel(request, workspace):
    """A kernel with the extension and some tasks, on the oldest ipykernel too."""
    with Kernel(workspace, request.param) as running:
        running.check("%load_ext penstock")
        running.check(SETUP)
        yield running


def open_gate(workspace) -> None:
    (workspace.folder / "go").touch()


def test_a_flow_cell_returns_at_once_and_keeps_its_output_and_panel(kernel, workspace):
    sent = kernel.start(FLOW.format(name="first"))
    kernel.read_until(sent, "task 2 with 2")
    assert kernel.check("print('free')").text == "free"
    reader = kernel.begin("print('total', total)")
    kernel.wait_for_start(reader)
    assert kernel.reply(reader).printed == ""
    open_gate(workspace)
    assert kernel.end(reader).printed == "total 6\n"
    reply = kernel.read_until(sent, "✓ first /")
    assert reply.printed.startswith("first begins\n")
    assert reply.printed.endswith("first ends\n")
    assert "<b>shown by first</b>" in [data.get("text/html") for data in reply.shown]
    assert len([data for data in reply.shown if "first /" in data["text/plain"]]) == 2, (
        "one panel: shown, then sealed"
    )
    run = workspace.only_run("first")
    assert (run["state_name"], run["tags"]) == ("Completed", ["nightly"])


def test_a_cell_that_changes_what_the_flow_looks_up_waits_for_it(kernel, workspace):
    sent = kernel.start(FLOW.format(name="looking"))
    kernel.read_until(sent, "task 1 with 2")
    change = kernel.begin("factor = 100")
    kernel.wait_for_start(change)
    open_gate(workspace)
    assert kernel.end(change).status == "ok"
    assert kernel.check("total").text == "6"
    assert kernel.check("factor").text == "100"


def test_a_cell_that_reads_what_a_function_of_the_flow_changes_waits_for_it(kernel, workspace):
    kernel.start("%%flow noting --background\ngated.submit(1).wait()\nnote('here')")
    reader = kernel.begin("print(log)")
    kernel.wait_for_start(reader)
    open_gate(workspace)
    assert kernel.end(reader).printed == "['here']\n"


def test_a_failed_flow_fails_who_reads_it(kernel):
    sent = kernel.start("%%flow broken --background\nparts = 0\nq = 1 / parts")
    reply = kernel.read_until(sent, "✗ broken /")
    reader = kernel.run("q + 1")
    assert reader.error.startswith(
        "UpstreamCellError: 'q' was to come from flow 'broken', which ended as Failed"
    )
    assert "----> 3 q = 1 / parts" in reply.traceback
    assert "penstock" not in reply.traceback


def test_stop_cancels_the_flow_a_cell_waits_for_and_no_other(kernel, workspace, stopwatch):
    kernel.start("%%flow wanted --background\nw = gated.submit(1).result()")
    kernel.start("%%flow other --background\no = gated.submit(2).result()")
    running = "select count(*) as n from task_runs where state_name = 'Running'"
    eventually(lambda: workspace.sql(running) == [{"n": 2}])
    reader = kernel.begin("w")
    wait_for_join(kernel, reader)
    stopwatch.start()
    kernel.interrupt()
    reply = kernel.end(reader)
    stopwatch.stop("stop of a cell that waits for a flow", 2.0)
    assert reply.error == "KeyboardInterrupt: "
    workspace.wait_for_run("wanted", "Cancelled")
    assert workspace.only_run("other")["state_name"] == "Running"
    open_gate(workspace)
    assert kernel.check("o").text == "4"


def test_cancel_stops_a_flow_cell_by_name(kernel, workspace):
    kernel.start(FLOW.format(name="long"))
    workspace.wait_for_run("long", "Running")
    kernel.check("%cancel long")
    workspace.wait_for_run("long", "Cancelled")


def test_a_flow_cell_may_await(kernel):
    body = "import asyncio\nawait asyncio.sleep(0)\n"
    kernel.check(f"%%flow waits\n{body}one = 1")
    kernel.start(f"%%flow later --background\n{body}two = one + 1")
    assert kernel.check("(one, two)").text == "(1, 2)"


REFUSED = {
    "--cache": "results of flows are not kept, so --cache has no meaning here; its tasks cache",
    "--refresh": "results of flows are not kept, so --refresh has no meaning here; its tasks cache",
    "--retries 2 --retry-delay 1,2": "one --retry-delay is enough",
}


def test_options_that_mean_nothing_for_flows_are_refused(kernel):
    for options, said in REFUSED.items():
        reply = kernel.run(f"%%flow some {options}\nx = 1")
        assert reply.text.startswith("UsageError: %%flow: ")
        assert said in reply.text
