"""Task cells in JupyterLab: in the background, waited for, stale, and what the magics draw."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from workspace import eventually

pytestmark = pytest.mark.browser

GATE = """%%task {name} --no-cache
import os, time
print("{name} begins")
while not os.path.exists("{name}.go"): time.sleep(0.02)
{name}_value = {value}
"""
CURRENT = "window.jupyterapp.shell.currentWidget"
ASKS = """%%flow asks --background
from penstock import pause_flow_run
threshold = pause_flow_run(wait_for_input=int)
"""
DAG = [
    "%load_ext penstock",
    "start = 20",
    "%%task load\nprint('loading')\nx, y = start, 1",
    "%%task left\nlow = x * 2",
    "%%task right\nhigh = y + 1",
    "%%task both\ntotal = low + high\ntotal",
    "print('total is', total)",
    "%plan",
    "%graph",
    "%runs 5",
    "%run_stale",
    "print('total is', total)",
]


@pytest.fixture
def gate(server):
    """Opens the gate of a task by its name."""
    made = []

    def open_gate(name: str) -> None:
        path = server.notebooks / f"{name}.go"
        path.touch()
        made.append(path)

    yield open_gate
    for path in made:
        path.unlink()


def test_a_cell_waits_with_a_live_form_and_others_run_on(lab, workspace, gate):
    lab.open(
        "wait.ipynb",
        ["%load_ext penstock", ASKS, GATE.format(name="slow", value=2), "threshold + slow_value"],
    )
    for index in range(3):
        lab.run(index)
    expect(lab.cell(2)).to_contain_text("slow begins")
    lab.run(3, wait=False)
    panel = lab.cell(1).locator(".pst-panel")
    panel.locator("[data-path='value']").fill("40")
    lab.screenshot("cells-waiting")
    assert lab.is_running(3)
    panel.get_by_role("button", name="Resume").click()
    # The store loads its REST application at the first answer.
    expect(panel.locator(".pst-chip")).to_have_text("Completed", timeout=30_000)
    assert lab.is_running(3), "it waits for the other one, too"
    gate("slow")
    lab.wait_done(3)
    expect(lab.cell(3)).to_contain_text("42")
    expect(lab.cell(2)).to_contain_text("✓ slow")
    expect(lab.cell(2).locator(".jp-OutputArea").get_by_text("slow begins")).to_have_count(1)


def test_the_stop_button_ends_what_a_cell_waits_for(lab, workspace, gate):
    cells = [
        "%load_ext penstock",
        GATE.format(name="wanted", value=1),
        GATE.format(name="other", value=2),
        "wanted_value",
    ]
    lab.open("stop.ipynb", cells)
    for index in range(3):
        lab.run(index)
    expect(lab.cell(1)).to_contain_text("wanted begins")
    lab.run(3, wait=False)
    eventually(lambda: lab.is_running(3))
    lab.page.locator("jp-button[data-command='notebook:interrupt-kernel']").click()
    lab.wait_done(3, seconds=5)
    assert lab.text(3).strip().startswith("KeyboardInterrupt")
    expect(lab.cell(1)).to_contain_text("wanted cancelled")
    lab.screenshot("cells-stopped")
    gate("other")
    expect(lab.cell(2)).to_contain_text("✓ other")


def test_run_all_of_a_small_graph_and_what_the_magics_draw(lab):
    lab.open("graph.ipynb", DAG)
    lab.run_all()
    lab.wait_done(len(DAG) - 1, seconds=90)
    assert lab.text(6) == "total is 42\n"
    for name, index in {"load": 2, "left": 3, "right": 4, "both": 5}.items():
        expect(lab.cell(index)).to_contain_text(f"✓ {name}")
    expect(lab.cell(2).locator(".jp-OutputArea").get_by_text("loading")).to_have_count(1)
    expect(lab.cell(7)).to_contain_text("fresh")
    expect(lab.cell(8).locator("svg").first).to_be_visible()
    expect(lab.cell(9)).to_contain_text("notebook: graph")
    lab.js(
        f"() => {{ {CURRENT}.content.widgets[2].model.sharedModel.setSource("
        "'%%task load\\nx, y = start + 1, 1') }"
    )
    lab.run(2)
    lab.run(6)
    expect(lab.cell(3)).to_contain_text("left is stale")
    lab.run(7)
    expect(lab.cell(7)).to_contain_text("stale")
    shots(lab, "light")
    shots(lab, "dark")
    lab.theme("light")
    lab.run(10)
    lab.run(11)
    assert lab.text(11) == "total is 44\n"


def shots(lab, theme):
    """Take a picture of each cell that draws something of ours, for people to look at."""
    lab.theme(theme)
    for name, index in {"task": 2, "stale": 3, "value": 5, "plan": 7, "graph": 8, "runs": 9}.items():
        lab.screenshot(f"cell-{name}-{theme}", lab.cell(index))
