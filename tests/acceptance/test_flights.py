"""The flights flow, as a script and as the notebook, on every runner; answered beforehand, or by somebody else."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from .support import DEADLINE, ROOT, command, command_line, eventually, marked, rows, script, workspace

SCRIPT = ROOT / "examples" / "flights.py"
NOTEBOOK = ROOT / "notebooks" / "01_flights.ipynb"
ANSWERS = ROOT / "notebooks" / "answers" / "flights.json"

RUNNERS = [
    "threads",
    pytest.param("dask", marks=[pytest.mark.dask, pytest.mark.slow]),
    pytest.param("ray", marks=[pytest.mark.ray, pytest.mark.slow]),
]
#: load, clean, one month_delays each month
TASKS = 14


def contents():
    """Return what every runner has to leave behind, for the newest report."""
    run = rows(
        "SELECT id, state_name FROM runs WHERE flow_name = 'delay-report' ORDER BY created DESC LIMIT 1"
    )[0]
    where = f"flow_run_id = '{run['id']}'"
    ended = f"SELECT count(*) AS n FROM task_runs WHERE {where} AND state_type = 'COMPLETED'"
    eventually(lambda: rows(ended)[0]["n"] == TASKS)
    states = f"SELECT type, name, count(*) AS n FROM states WHERE {where} GROUP BY ALL ORDER BY ALL"
    made = f"SELECT key, type, count(*) AS n FROM artifacts WHERE {where} GROUP BY ALL ORDER BY ALL"
    edges = f"SELECT input_name, count(*) AS n FROM edges WHERE {where} GROUP BY ALL ORDER BY ALL"
    logs = f"SELECT level, count(*) AS n FROM logs WHERE {where} GROUP BY ALL ORDER BY ALL"
    return [run["state_name"], rows(states), rows(made), rows(edges), rows(logs)]


@pytest.fixture(scope="module")
def expected():
    """Return what the script leaves on threads."""
    with workspace() as home, script(SCRIPT, "--sample", 20, "--answers", ANSWERS, home=home) as process:
        assert process.wait(120) == 0, process.output()
        return contents()


@pytest.mark.parametrize("runner", RUNNERS)
def test_the_script_leaves_the_same_records_on_every_runner(runner, expected):
    arguments = ["--runner", runner, "--sample", 20, "--answers", ANSWERS]
    mark = uuid4().hex
    with workspace() as home, script(SCRIPT, *arguments, home=home, PENSTOCK_TEST_MARK=mark) as process:
        assert process.wait(120) == 0, process.output()
        assert "penstock flow-run inspect" in process.output()
        eventually(lambda: not [p for p in marked(mark) if "penstock._store" not in command_line(p)])
        assert contents() == expected
        assert expected[0] == "Completed"


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.parametrize("runner", RUNNERS)
def test_the_notebook_runs_headless_on_every_runner(runner, tmp_path):
    with workspace() as home:
        code, _, errors = command(
            "run",
            str(NOTEBOOK),
            "--output",
            str(tmp_path / "executed.ipynb"),
            "--answers",
            str(ANSWERS),
            home=home,
            timeout=240,
            PENSTOCK_DEMO_RUNNER=runner,
        )
        assert code == 0, errors
        state, states, made, edges, _ = contents()
        assert state == "Completed"
        # The cells have loaded and cleaned before the flow asks for it again; the flow's own end is the 13th.
        done = {row["name"]: row["n"] for row in states if row["type"] == "COMPLETED"}
        assert done == {"Cached": 2, "Completed": TASKS - 1}
        # What the cells have printed and shown has no key.
        assert sorted(row["key"] for row in made if row["type"] != "cell-output") == [
            "carriers",
            "months-done",
            "p90-by-month",
            "report",
            "source",
        ]
        assert {row["input_name"]: row["n"] for row in edges} == {"flights": 12, "tables": 13}


def test_without_an_answer_the_script_waits_until_somebody_gives_one():
    with workspace() as home, script(SCRIPT, "--sample", 50, home=home) as process:
        paused = "SELECT id FROM runs WHERE state_type = 'PAUSED'"
        found = eventually(lambda: process.poll() is None and rows(paused), 60)
        run_id = found[0]["id"]
        code, _, refused = command("flow-run", "resume", run_id, "--input", '{"threshold": 3}', home=home)
        assert (code, "threshold" in refused) == (1, True)
        answer = json.dumps({"threshold": 60, "carriers": ["UA"], "note": "from elsewhere"})
        assert command("flow-run", "resume", run_id, "--input", answer, home=home)[0] == 0
        assert process.wait(DEADLINE) == 0, process.output()
        assert f"penstock flow-run resume {run_id} --input" in process.output()
        report = rows(f"SELECT data FROM artifacts WHERE key = 'report' AND flow_run_id = '{run_id}'")
        assert "from elsewhere" in report[0]["data"]
