"""The run panel in a real JupyterLab: drawn, updated, answered while its cell blocks, dead kernels survived."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from lab import LabPage

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "widgets"))

from panel_sample import sample_snapshot
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.browser

SETUP = """
import json, threading
from penstock_widgets.feed import feed
from penstock_widgets.panel import RunPanel
snapshot = json.load(open("snapshot.json"))
answers, cancels, released = [], [], threading.Event()
def make():
    panel = RunPanel(snapshot)
    def answer(pause, values):
        if values["share"] == 0.66:
            feed.update(panel, {"pauses": {pause: {"errors": {"share": "Not 0.66 again.", "": "The team said no."}}}})
            return
        answers.append((pause, values, threading.current_thread().name))
        feed.update(panel, {"pauses": {pause: {"state": "answered", "answered_via": "notebook", "errors": {},
                                               "values": values}}})
        released.set()
    panel.on_answer(answer)
    panel.on_cancel(lambda: (cancels.append(1), released.set()))
    panel.show()
    feed.start(panel)
    return panel
"""
BLOCK = """
panel = make()
while not released.wait(0.1): pass
print(json.dumps(answers), cancels)
"""


@pytest.fixture(autouse=True)
def snapshot_file(server):
    """The sample run beside the notebooks, where `SETUP` reads it."""
    (server.notebooks / "snapshot.json").write_text(json.dumps(sample_snapshot()))


def panel_of(lab: LabPage, index: int) -> Locator:
    panel = lab.cell(index).locator(".pst-panel")
    panel.wait_for()
    return panel


def field(panel: Locator, path: str) -> Locator:
    return panel.locator(f"[data-path='{path}']")


def test_the_panel_shows_the_whole_run(lab):
    lab.open("whole.ipynb", [SETUP, "panel = make()"])
    lab.run(0)
    lab.run(1)
    panel = panel_of(lab, 1)
    expect(panel.locator(".pst-flow")).to_have_text("flight-delays")
    expect(panel.locator(".pst-chip")).to_have_text("Paused")
    expect(panel.locator(".pst-node")).to_have_count(6)
    expect(panel.get_by_role("table", name="Tasks").get_by_role("row")).to_have_count(7)
    expect(panel.locator(".pst-node", has_text="month_delays")).to_contain_text("8 of 12, 1 failed")
    expect(panel.get_by_role("link", name="the data")).to_have_attribute(
        "href", "https://example.org/flights"
    )
    expect(panel.get_by_role("progressbar", name="training")).to_have_attribute("aria-valuenow", "62.5")
    for path, name in {"threshold": "Delay threshold", "carrier": "Carrier", "contact.name": "Name"}.items():
        expect(field(panel, path)).to_have_accessible_name(name)
    expect(field(panel, "threshold")).to_have_accessible_description(
        "Minutes; above it a flight is late. 0 to 180"
    )
    lab.theme("light")
    lab.screenshot("panel-light", panel)
    lab.theme("dark")
    assert panel.evaluate("el => getComputedStyle(el).colorScheme") == "dark"
    lab.screenshot("panel-dark", panel)
    lab.theme("light")


def test_tables_sort_and_turn_pages(lab):
    lab.open("table.ipynb", [SETUP, "panel = make()"])
    lab.run(0)
    lab.run(1)
    table = panel_of(lab, 1).locator(".pst-data")
    first = table.locator("tbody tr").first
    expect(table.get_by_role("status")).to_have_text("1\N{EN DASH}10 of 14 rows")
    expect(first).to_contain_text("UA")
    table.get_by_role("button", name="mean_delay").click()
    expect(first).to_contain_text("YV")
    expect(table.get_by_role("columnheader", name="mean_delay")).to_have_attribute("aria-sort", "ascending")
    table.get_by_role("button", name="mean_delay").click()
    expect(first).to_contain_text("UA")
    table.get_by_role("button", name="Next page").click()
    expect(table.locator("tbody tr")).to_have_count(4)


def test_an_answer_releases_the_cell_that_blocks_for_it(lab):
    lab.open("answer.ipynb", [SETUP, BLOCK])
    lab.run(0)
    lab.run(1, wait=False)
    panel = panel_of(lab, 1)
    field(panel, "threshold").fill("20")
    field(panel, "carrier").select_option("DL")
    panel.get_by_label("EWR").check()
    field(panel, "until").fill("2013-07-31")
    panel.get_by_role("checkbox", name="Publish the report").check()
    assert lab.is_running(1)
    panel.get_by_role("button", name="Resume").click()
    lab.wait_done(1)
    ((pause, values, thread),) = json.loads(lab.text(1).rsplit("[", 1)[0])
    assert pause == "p1"
    assert values == {
        "threshold": 20,
        "share": 0.1,
        "carrier": "DL",
        "airports": ["JFK", "EWR"],
        "until": "2013-07-31",
        "approve": True,
        "contact": {"name": "Ada", "email": None},
        "comment": "",
    }
    assert thread != "MainThread"
    expect(panel.locator(".pst-pause-foot")).to_contain_text("Answered via notebook")
    expect(panel.get_by_role("button", name="Resume")).to_be_hidden()
    lab.screenshot("panel-answered", panel)


def test_a_bad_value_is_shown_at_its_field_and_not_sent(lab):
    lab.open("bad.ipynb", [SETUP, BLOCK])
    lab.run(0)
    lab.run(1, wait=False)
    panel = panel_of(lab, 1)
    threshold, share, name = (field(panel, path) for path in ("threshold", "share", "contact.name"))
    threshold.fill("500")
    name.fill("")
    panel.get_by_role("button", name="Resume").click()
    expect(threshold).to_have_attribute("aria-invalid", "true")
    expect(threshold).to_be_focused()
    expect(panel.get_by_text("Enter a number from 0 to 180.")).to_be_visible()
    expect(panel.get_by_text("This is needed.")).to_be_visible()
    lab.screenshot("panel-invalid", panel)
    threshold.fill("30")
    expect(panel.get_by_text("Enter a number from 0 to 180.")).to_be_hidden()
    name.fill("Grace")
    share.fill("0.66")
    panel.get_by_role("button", name="Resume").click()
    # Python's own refusal comes back to the field, and what was typed is kept.
    expect(panel.get_by_text("Not 0.66 again.")).to_be_visible()
    expect(panel.get_by_text("The team said no.")).to_be_visible()
    expect(share).to_have_attribute("aria-invalid", "true")
    expect(threshold).to_have_value("30")
    assert lab.is_running(1)
    share.fill("0.5")
    panel.get_by_role("button", name="Resume").click()
    lab.wait_done(1)
    ((_, values, _),) = json.loads(lab.text(1).rsplit("[", 1)[0])
    assert (values["threshold"], values["share"], values["contact"]["name"]) == (30, 0.5, "Grace")


def test_patches_change_the_panel_and_spare_what_is_half_typed(lab):
    patch = {
        "run": {
            "state_type": "FAILED",
            "state_name": "Failed",
            "message": "month 7: <b>boom</b>",
            "ended": "2030-01-01T00:00:00Z",
        },
        "tasks": {"month_delays": {"counts": {"COMPLETED": 11, "RUNNING": 0, "FAILED": 1, "PENDING": 0}}},
        "artifacts": {"a3": {"data": 100}},
        "logs": {"append": [{"at": "", "level": "INFO", "text": "eleven done", "task": ""}]},
    }
    lab.open(
        "patch.ipynb",
        [SETUP, "panel = make()", f"feed.update(panel, {patch!r})", "feed.finish(panel); panel.seal()"],
    )
    lab.run(0)
    lab.run(1)
    panel = panel_of(lab, 1)
    field(panel, "comment").fill("half a sent")
    lab.run(2)
    expect(panel.locator(".pst-chip")).to_have_text("Failed")
    expect(panel.locator(".pst-message")).to_have_text("month 7: <b>boom</b>")
    expect(panel.get_by_role("row", name="month_delays")).to_contain_text("11 done, 1 failed")
    expect(panel.get_by_role("progressbar", name="training")).to_have_attribute("aria-valuenow", "100")
    expect(panel.get_by_role("button", name="Cancel")).to_be_hidden()
    panel.locator(".pst-logs summary").click()
    expect(panel.locator(".pst-log").last).to_contain_text("eleven done")
    expect(field(panel, "comment")).to_have_value("half a sent")
    lab.run(3)
    expect(lab.cell(1).locator(".pst-panel")).to_have_count(1)
    (output,) = [o for o in lab.save()["cells"][1]["outputs"] if o["output_type"] == "display_data"]
    saved = "".join(output["data"]["text/html"])
    assert "11 done, 1 failed" in saved
    assert "month 7: &lt;b&gt;boom&lt;/b&gt;" in saved


def test_cancel_asks_twice_and_reaches_a_blocked_cell(lab):
    lab.open("cancel.ipynb", [SETUP, BLOCK])
    lab.run(0)
    lab.run(1, wait=False)
    panel = panel_of(lab, 1)
    panel.get_by_role("button", name="Cancel").click()
    assert lab.is_running(1)
    panel.get_by_role("button", name="Cancel this run?").click()
    lab.wait_done(1)
    assert lab.text(1).strip() == "[] [1]"


def test_the_form_says_so_when_the_kernel_is_gone(lab):
    lab.open("gone.ipynb", [SETUP, "panel = make()"])
    lab.run(0)
    lab.run(1)
    panel = panel_of(lab, 1)
    lab.restart_kernel()
    lab.wait_connected()
    panel.get_by_role("button", name="Resume").click()
    expect(panel.locator(".pst-form-error")).to_contain_text(
        "penstock flow-run resume 0190a0c4-5b1e-7000-8000-000000000001", timeout=15_000
    )
    lab.screenshot("panel-kernel-gone", panel)


def test_no_text_of_the_user_becomes_markup(lab):
    evil = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'
    links = "[a](javascript:window.pwned=1) [b](JaVaScRiPt:alert(1)) [c](data:text/html,x) ![d](javascript:1)"
    text = f"# {evil}\n\n{links}\n\n| {evil} |\n|--|\n| {evil} |\n\n- {evil}\n\n> {evil}\n\n```\n{evil}\n```"
    kinds = {
        "markdown": text,
        "table": json.dumps([{evil: evil}]),
        "image": "javascript:1",
        "progress": evil,
        evil: text,
    }
    snapshot = {
        "run": dict.fromkeys(("id", "name", "flow_name", "state_name", "message", "runner"), evil),
        "tasks": {n: {"name": n, "total": 1, "counts": {}, "order": 0, "upstream": []} for n in (evil, "__proto__")},
        "artifacts": {
            kind: {"id": kind, "key": evil, "type": kind, "description": text, "data": data, "order": 0}
            for kind, data in kinds.items()
        },
        "pauses": {
            "p": {
                "id": "p", "key": evil, "state": "waiting", "title": evil, "description": text, "answered_via": None,
                "schema": {"properties": {evil: {"title": evil, "description": text, "enum": [evil]}}},
                "values": {}, "errors": {evil: evil, "": evil},
            }
        },
        "logs": {"lines": [{"at": evil, "level": evil, "text": evil, "task": evil}], "dropped": 1},
    }  # fmt: skip
    lab.open("evil.ipynb", [SETUP, f"panel = RunPanel({snapshot!r}); panel.show()"])
    lab.run(0)
    lab.run(1)
    panel = panel_of(lab, 1)
    panel.locator(".pst-logs summary").click()
    expect(panel.locator(".pst-log")).to_contain_text("onerror")
    assert panel.locator("script, iframe, img, object").count() == 0
    assert panel.locator("a").count() == 0
    attributes = panel.evaluate("el => [...el.querySelectorAll('*')].flatMap(e => e.getAttributeNames())")
    assert not [name for name in attributes if name.startswith("on")]
    assert lab.js("() => window.pwned") is None


def test_the_static_form_reads_well(lab):
    lab.open(
        "static.ipynb",
        [
            SETUP,
            "from IPython.display import HTML, display\ndisplay(HTML(RunPanel(snapshot)._repr_mimebundle_()[0]['text/html']))",
        ],
    )
    lab.run(0)
    lab.run(1)
    static = lab.cell(1).locator(".pst-static")
    expect(static).to_contain_text("Review the delays")
    lab.screenshot("static-light", static)
