"""The Stop button of JupyterLab during a map, on threads and on Dask."""

from __future__ import annotations

import time

import psutil
import pytest
from playwright.sync_api import expect
from workspace import eventually

pytestmark = pytest.mark.browser

SETUP = """%load_ext penstock
%runner {runner} 2
import os, time
from penstock import task

@task
def nap(n):
    for _ in range(1200): time.sleep(0.05)

@task
def pid(n):
    time.sleep(0.2)
    return os.getpid()
"""
WHO = "%%flow who\nprint(sorted(set(pid.map(range(4)).result())))"
MAP = "%%flow stopped_{runner}\nnap.map(range(6)).wait()"
AFTER = "%%flow after_{runner}\nprint(sorted(set(pid.map(range(4)).result())))"

RUNNERS = [pytest.param("threads", id="threads"), pytest.param("dask", id="dask", marks=pytest.mark.dask)]


@pytest.mark.parametrize("runner", RUNNERS)
def test_the_stop_button_ends_the_cell_within_a_second(lab, workspace, figures, runner):
    cells = [source.format(runner=runner) for source in (SETUP, WHO, MAP, AFTER)]
    lab.open(f"stop-{runner}.ipynb", cells)
    lab.run(0)
    lab.run(1)
    store = workspace.store_pid()
    lab.run(2, wait=False)
    run = workspace.wait_for_run(f"stopped-{runner}", "Running")
    of_run = f"from task_runs where flow_run_id = '{run['id']}'"
    names = f"select state_name {of_run}"
    begun = ["Pending"] * 4 + ["Running"] * 2
    eventually(lambda: sorted(row["state_name"] for row in workspace.sql(names)) == begun)

    began = time.monotonic()
    lab.page.locator("jp-button[data-command='notebook:interrupt-kernel']").click()
    lab.wait_done(2, seconds=3)
    figures.append((f"Stop in Lab on {runner}, click to the cell's end", time.monotonic() - began))

    assert lab.text(2).strip().startswith("KeyboardInterrupt:")
    panel = lab.cell(2).locator(".pst-panel")
    expect(panel.locator(".pst-chip")).to_have_text("Crashed")
    expect(panel.locator(".pst-message")).to_have_text("Flow run was interrupted by KeyboardInterrupt.")
    lab.screenshot(f"stopped-{runner}", panel)
    assert workspace.only_run(f"stopped-{runner}")["state_name"] == "Crashed"
    counts = f"select state_name, count(*) as n {of_run} group by all"
    eventually(
        lambda: (
            {row["state_name"]: row["n"] for row in workspace.sql(counts)} == {"Crashed": 2, "Cancelled": 4}
        ),
        10,
    )

    lab.run(3)
    assert lab.text(3) == lab.text(1), "the same processes work on"
    assert workspace.only_run(f"after-{runner}")["state_name"] == "Completed"
    assert workspace.store_pid() == store
    assert psutil.pid_exists(store)
