from __future__ import annotations

import json
import subprocess
import sys

from .test_flow_runs import paused


def penstock(store, *arguments, text=None):
    done = subprocess.run(
        [sys.executable, "-c", "from penstock.cli import main; main()", *arguments],
        env={**store.env, "COLUMNS": "200"},
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_resume_names_the_bad_field_and_then_how_to_continue(store):
    run = paused(store)
    code, _, problem = penstock(store, "flow-run", "resume", run, "--input", '{"ok": 3}')
    assert (code, "ok: 3 is not of type 'boolean'" in problem) == (1, True)
    code, said, _ = penstock(store, "flow-run", "resume", run, "--input", "-", text='{"ok": true}')
    assert (code, f"PENSTOCK__FLOW_RUN_ID={run} python" in said) == (0, True)
    code, _, problem = penstock(store, "flow-run", "resume", run)
    assert (code, "not paused" in problem) == (1, True)


def test_runs_are_listed_inspected_cancelled_and_queried(store):
    run = store.create("RUNNING", name="brisk-otter")
    assert "brisk-otter" in penstock(store, "flow-run", "ls", "--state", "Running")[1]
    assert "brisk-otter" not in penstock(store, "flow-run", "ls", "--state", "Failed")[1]
    assert json.loads(penstock(store, "flow-run", "inspect", run)[1])["id"] == run
    assert penstock(store, "flow-run", "cancel", run)[:2] == (0, f"Flow run {run} is Cancelling.\n")
    code, said, _ = penstock(store, "sql", "--json", "SELECT state_name FROM runs")
    assert (code, json.loads(said)) == (0, [{"state_name": "Cancelling"}])
    assert penstock(store, "sql", "DROP VIEW runs")[0] == 1


def test_server_status_and_stop(store):
    assert penstock(store, "server", "status")[0] == 0
    assert penstock(store, "doctor")[0] == 0
    assert penstock(store, "server", "stop")[0] == 0
    assert store.processes[-1].wait(10) == 0
    assert penstock(store, "server", "status")[0] == 3
