"""Colab's versions (ipykernel 6.17, IPython 7.34, ipywidgets 7.7): less, as designed, and nothing that breaks."""

from __future__ import annotations

import os

import pytest
from driver import Kernel
from workspace import eventually, wait_for_join

pytestmark = pytest.mark.kernel

PYTHON = os.environ.get("PENSTOCK_TEST_COLAB", "")


@pytest.fixture
def kernel(workspace):
    """A kernel of Colab's versions."""
    if not PYTHON:
        pytest.skip("scripts/test makes the environment and names it in PENSTOCK_TEST_COLAB")
    with Kernel(workspace, PYTHON) as running:
        versions = "import IPython, ipykernel, ipywidgets as w; print(IPython.__version__, ipykernel.__version__, w.__version__)"
        assert running.check(versions).printed == "7.34.0 6.17.1 7.7.1\n"
        yield running


def test_what_is_limited_is_said_in_one_line_and_the_rest_works(kernel):
    limits = kernel.check("%load_ext penstock").printed
    assert limits.startswith("penstock: ipykernel 6.17.1 cannot take a form's answer while its cell runs;")
    assert limits.count("\n") == 1

    kernel.start("%%task slow --no-cache\n__import__('time').sleep(0.3)\nprint('from slow')\na = 1")
    sent = kernel.start("# %%task later --retries 1\nb = a + 1")
    assert kernel.check("b").text == "2"
    kernel.read_until(sent, "✓ later")
    broken = kernel.start("%%task broken\nq = 1 / 0")
    kernel.read_until(broken, "✗ broken")
    assert kernel.run("q").error.startswith("UpstreamCellError: 'q' was to come from task 'broken'")
    kernel.start("%%flow behind --background\nc = b + 1")
    assert kernel.check("c").text == "3"
    assert "later: fresh (completed)" in kernel.check("%plan").text
    assert "behind" in kernel.check("%runs").text
    kernel.check("%unload_ext penstock")


def test_a_panel_is_static_html_that_is_updated(kernel):
    kernel.check("%load_ext penstock")
    reply = kernel.check("%%flow shown\nx = 1")
    panels = [data["text/html"] for data in reply.shown if "shown" in data.get("text/plain", "")]
    assert len(panels) == 2, "shown, then sealed"
    assert "Completed" in panels[-1]


def test_a_pause_is_answered_from_the_command_line(kernel, workspace):
    kernel.check("%load_ext penstock\nfrom penstock import pause_flow_run")
    kernel.start("%%flow asking --background\nanswer = pause_flow_run(wait_for_input=int)")
    run = workspace.wait_for_run("asking", "Paused")
    workspace.cli("flow-run", "resume", run["id"], "--input", '{"value": 5}')
    assert kernel.check("answer").text == "5"


def test_stop_cancels_what_a_cell_waits_for(kernel, workspace):
    kernel.check("%load_ext penstock")
    kernel.start("%%task endless --no-cache\nimport time\nfor _ in range(6000): time.sleep(0.01)\nz = 1")
    query = "select state_name from task_runs where task_name = 'endless'"
    eventually(lambda: workspace.sql(query) == [{"state_name": "Running"}])
    reader = kernel.begin("z")
    wait_for_join(kernel, reader)
    kernel.interrupt()
    assert kernel.end(reader).error == "KeyboardInterrupt: "
    eventually(lambda: workspace.sql(query) == [{"state_name": "Cancelled"}])
