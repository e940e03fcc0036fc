"""A cell waits for an answer that comes from the form, from another process, or after the page was loaded again."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

MODEL = """%load_ext penstock
from pydantic import Field
from penstock.input import RunInput

class Order(RunInput):
    \"\"\"How many?\"\"\"
    count: int = Field(2, ge=1, le=9)
"""
ASK = """%%flow {name}
from penstock import pause_flow_run
order = pause_flow_run(wait_for_input=Order)
got = order.count
"""


def asked(lab, workspace, name, **options):
    """Open a notebook whose flow waits; return its panel and its run as another process sees it."""
    lab.open(f"{name}.ipynb", [MODEL, ASK.format(name=name), "print('got', got)"], **options)
    lab.run(0)
    lab.run(1, wait=False)
    panel = lab.cell(1).locator(".pst-panel")
    panel.get_by_role("button", name="Resume").wait_for()
    return panel, workspace.wait_for_run(name, "Paused")


def test_the_form_answers_on_every_kernel_under_test(lab, workspace, kernel_name):
    name = "form" + "".join(filter(str.isalnum, kernel_name))
    panel, run = asked(lab, workspace, name, kernel=kernel_name)
    field = panel.locator("[data-path='count']")
    field.fill("12")
    panel.get_by_role("button", name="Resume").click()
    expect(field).to_have_attribute("aria-invalid", "true")
    assert lab.is_running(1)
    field.fill("7")
    panel.get_by_role("button", name="Resume").click()
    lab.wait_done(1)
    lab.run(2)
    assert lab.text(2).strip() == "got 7"
    expect(panel.locator(".pst-pause-foot")).to_contain_text("Answered via form")
    assert workspace.states(run["id"]) == ["Pending", "Running", "Paused", "Running", "Completed"]


def test_another_process_answers_while_the_cell_waits(lab, workspace):
    panel, run = asked(lab, workspace, "cli")
    refused = workspace.run("flow-run", "resume", run["id"], "--input", '{"count": 50}')
    assert refused.returncode == 1
    assert "Run input validation failed" in refused.stderr
    assert "count: 50 is greater than the maximum of 9" in refused.stderr
    assert workspace.only_run("cli")["state_name"] == "Paused"
    assert lab.is_running(1)

    workspace.cli("flow-run", "resume", run["id"], "--input", json.dumps({"count": 3}))
    lab.wait_done(1)
    expect(panel.locator(".pst-pause-foot")).to_contain_text("Answered via another process")
    expect(panel.get_by_role("button", name="Resume")).to_be_hidden()
    lab.run(2)
    assert lab.text(2).strip() == "got 3"
    assert workspace.only_run("cli")["state_name"] == "Completed"


def test_a_page_loaded_again_does_not_lose_the_run(lab, workspace):
    _, run = asked(lab, workspace, "reloaded")
    lab.reload()
    assert workspace.only_run("reloaded")["state_name"] == "Paused"
    workspace.cli("flow-run", "resume", run["id"], "--input", json.dumps({"count": 4}))
    workspace.wait_for_run("reloaded", "Completed")
    lab.wait_connected()
    lab.run(2)
    assert lab.text(2).strip() == "got 4"


def test_cancelling_from_another_process_ends_the_cell(lab, workspace):
    _, run = asked(lab, workspace, "cancelled")
    workspace.cli("flow-run", "cancel", run["id"])
    lab.wait_done(1)
    assert "RunCancelled" in lab.text(1)
    workspace.wait_for_run("cancelled", "Cancelled")


def test_the_cancel_button_ends_the_run(lab, workspace):
    panel, _ = asked(lab, workspace, "unwanted")
    panel.get_by_role("button", name="Cancel").click()
    panel.get_by_role("button", name="Cancel this run?").click()
    lab.wait_done(1)
    workspace.wait_for_run("unwanted", "Cancelled")
    expect(panel.locator(".pst-chip")).to_have_text("Cancelled")
    expect(panel.get_by_role("button", name="Resume")).to_be_hidden()
