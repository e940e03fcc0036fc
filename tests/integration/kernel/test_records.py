"""Magics over what has run and what is to be run: panels, logs, graph, plan, replay, export."""

from __future__ import annotations

import subprocess
import sys

import pytest
from driver import Kernel
from workspace import eventually

pytestmark = pytest.mark.kernel

SHOWING = """%%task shows
from IPython.display import HTML, display
import sys, warnings
print("first")
display(HTML("<b>second</b>"))
print("third", file=sys.stderr)
warnings.warn("fourth")
x = 5
x
"""
PLOT = """%%task plot
import matplotlib.pyplot as plt
plt.plot([1, 2, 3])
done = True
"""


def test_output_is_shown_again_after_a_restart_in_its_order(kernel):
    sent = kernel.start(SHOWING)
    live = kernel.read_until(sent, "✓ shows")
    kernel.check("x")
    kernel.restart()
    kernel.check("%load_ext penstock")
    again = kernel.check("%run_panel shows")
    for reply in (live, again):
        html = [data["text/html"] for data in reply.shown if "text/html" in data]
        assert "<b>second</b>" in html
        assert "5" in [data["text/plain"] for data in reply.shown]
        first, third, fourth = (reply.printed.index(text) for text in ("first", "third", "fourth"))
        assert first < third < fourth


def test_a_plot_lands_in_the_cell_that_made_it(kernel):
    if kernel.run("import matplotlib").status != "ok":
        pytest.skip("matplotlib is not installed beside this ipykernel")
    sent = kernel.start(PLOT)
    kernel.read_until(sent, "✓ plot")
    assert [data for data in kernel.reply(sent).shown if "image/png" in data]


def test_a_flow_panel_is_rebuilt_from_the_store(kernel):
    kernel.check("from penstock import flow, task\n@task\ndef part(n): return n")
    kernel.check("%%flow whole\ntotal = sum(part.map([1, 2, 3]).result())")
    kernel.restart()
    kernel.check("%load_ext penstock")
    panel = kernel.check("%run_panel whole")
    (shown,) = [data for data in panel.shown if "text/html" in data]
    assert "whole" in shown["text/plain"]
    assert "part" in shown["text/html"]
    assert "Completed" in shown["text/html"]


def test_runs_graph_logs_and_artifacts_of_the_notebook(kernel):
    kernel.start("%%task load\nfrom penstock import get_run_logger\nget_run_logger().info('at work')\na = 1")
    kernel.start("%%task use\nb = a + 1")
    kernel.check("b")
    graph = kernel.check("%graph")
    assert "use (completed): a ← load" in graph.text
    (drawn,) = [data["text/vnd.mermaid"] for data in graph.shown if "text/vnd.mermaid" in data]
    assert '-->|"a"|' in drawn
    assert "at work" in kernel.check("%logs load").printed
    assert "load" not in kernel.check("%artifacts").text
    assert kernel.run("%logs nothing").text.startswith("UsageError: %logs: There is no run 'nothing'")


FRAGILE = """
from pathlib import Path
from penstock import flow, task

@task(persist_result=True)
def step(n):
    with Path("steps.txt").open("a") as file:
        file.write(f"{n}\\n")
    if n == 2 and not Path("mended").exists():
        raise ValueError("not yet")
    return n

@flow
def fragile():
    return [step(n) for n in range(4)]
"""


@pytest.mark.parametrize("restarted", [False, True])
def test_resume_runs_a_failed_flow_again_without_what_was_stored(kernel, restarted):
    kernel.check(FRAGILE)
    assert kernel.run("fragile()").status == "error"
    if restarted:
        kernel.restart()
        kernel.check("%load_ext penstock")
        refused = kernel.run("%resume fragile")
        assert refused.text.startswith("UsageError: %resume: flow 'fragile' is not defined here")
        kernel.check(FRAGILE)
    kernel.check("Path('mended').touch()")
    assert "Completed" in kernel.check("%resume fragile").text
    ran = kernel.check("print(Path('steps.txt').read_text().split())").printed
    assert ran.strip() == "['0', '1', '2', '2', '3']"
    again = kernel.run("%resume fragile")
    assert again.text.startswith("UsageError: %resume:")


def test_cancel_stops_a_task_cell_by_name(kernel, workspace):
    sent = kernel.start("%%task long --no-cache\nimport time\nfor _ in range(6000): time.sleep(0.01)\nz = 1")
    kernel.check("%cancel long")
    kernel.read_until(sent, "■ long cancelled")
    states = "select state_name from task_runs where task_name = 'long'"
    eventually(lambda: workspace.sql(states) == [{"state_name": "Cancelled"}])


def test_resume_answers_a_pause_of_another_process(kernel, workspace):
    kernel.check("from penstock import flow, pause_flow_run\nimport threading")
    kernel.check("@flow\ndef asking(): return pause_flow_run(wait_for_input=int)")
    kernel.check("asker = threading.Thread(target=asking); asker.start()")
    workspace.wait_for_run("asking", "Paused")
    refused = kernel.run('%resume asking {"value": "many"}')
    assert refused.text.startswith("UsageError: %resume: Cannot resume flow run")
    kernel.check('%resume asking {"value": 3}')
    kernel.check("asker.join()")
    assert workspace.only_run("asking")["state_name"] == "Completed"


def test_plan_says_why_and_run_stale_runs_no_more_than_that(kernel, workspace):
    kernel.check("factor = 2\ndef scaled(v):\n    return v * factor")
    first = kernel.start("%%task load\nx = scaled(1)")
    kernel.start("%%task apart --no-cache\ny = 10")
    kernel.start("%%task use\nz = x + y")
    kernel.check("assert z == 12")
    assert kernel.check("%plan").text.splitlines() == [
        "load: fresh (completed); the cache has it",
        "apart: fresh (completed); the cache is not used",
        "use: fresh (completed); the cache has it",
    ]
    kernel.check("factor = 3")
    load, apart, use = kernel.check("%plan").text.splitlines()
    assert load.startswith("load: stale: input factor has another value, takes about")
    assert load.endswith("; the cache has nothing: input `factor` changed")
    assert apart == "apart: fresh (completed); the cache is not used"
    assert use.startswith("use: stale: upstream load is stale, takes about")
    assert use.endswith("; the cache cannot be asked before load has run")
    kernel.check("def scaled(v):\n    return v * factor + 1")
    plan = kernel.check("%plan load").text
    assert "its code, or a function it uses, has changed" in plan
    assert "the cache has nothing: helper `scaled` changed (+1/-1 lines)" in plan
    assert "apart" not in plan
    kernel.check("%run_stale")
    assert kernel.check("z").text == "14"
    counts = "select task_name, count(*) as n from task_runs group by all order by 1"
    wanted = {"apart": 1, "load": 2, "use": 2}
    eventually(lambda: {row["task_name"]: row["n"] for row in workspace.sql(counts)} == wanted)
    assert kernel.reply(first).text.count("stale") == 0


def test_a_cell_that_has_become_stale_says_so_under_itself(kernel):
    kernel.start("%%task load\nx = 1")
    use = kernel.start("%%task use\ny = x + 1")
    kernel.check("y")
    kernel.start("%%task load\nx = 2")
    kernel.check("x")
    kernel.read_until(use, "◐ use is stale: input x@1 is now x@2 (%run_stale)")


def test_replay_puts_a_failed_task_with_its_inputs_into_a_cell(kernel):
    kernel.check("numbers, unused = [3, 0], 1")
    sent = kernel.start("%%task ratio\nq = numbers[0] / numbers[1]")
    kernel.read_until(sent, "✗ ratio")
    kernel.check("numbers = None")
    kernel.check("%replay ratio")
    (cell,) = [part["text"] for part in kernel.payload if part["source"] == "set_next_input"]
    assert cell.endswith("q = numbers[0] / numbers[1]")
    assert kernel.run(cell).error.startswith("ZeroDivisionError")
    assert kernel.check("numbers").text == "[3, 0]"


@pytest.mark.parametrize("runner", ["threads", "processes"])
def test_replay_knows_plain_tasks_of_a_flow(kernel, runner):
    kernel.check(f"%runner {runner} 2")
    kernel.check("from penstock import flow, task\n@task\ndef part(n, *more, by=1):\n    return n / by")
    assert kernel.run("%%flow parts\npart.map([8, 9], by=[1, 0]).result()").error.startswith("ZeroDivision")
    kernel.restart()
    kernel.check("%load_ext penstock")
    found = kernel.check("%replay part")
    (cell,) = [part["text"] for part in kernel.payload if part["source"] == "set_next_input"]
    assert cell.endswith("\n\npart(n, by=by)"), found
    kernel.check("from penstock import task")
    assert kernel.run(cell).error.startswith("ZeroDivisionError")
    assert kernel.check("n, by").text == "(9, 0)"


def test_export_writes_a_script_that_runs(kernel, workspace):
    kernel.check("start = 20")
    kernel.start("%%task load\nx, y = start, 1")
    kernel.start("%%task use\nz = x + y")
    kernel.check("print('z is', z)")
    kernel.check("%export whole.py")
    path = workspace.folder / "whole.py"
    done = subprocess.run(
        [sys.executable, path], env=workspace.env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "z is 21\n"
    edges = (
        "select down.task_name as task, up.task_name as upstream from edges"
        " join task_runs down on down.id = edges.task_run_id join task_runs up on up.id = edges.upstream_id"
        " join runs on runs.id = edges.flow_run_id where runs.flow_name = 'whole'"
    )
    assert eventually(lambda: workspace.sql(edges)) == [{"task": "use", "upstream": "load"}]
    assert workspace.only_run("whole")["state_name"] == "Completed"


def test_a_script_after_a_redefinition_gives_the_notebooks_values(kernel, workspace):
    kernel.check("x = 20")
    kernel.start("%%task use\nz = x + 1")
    kernel.check("print('first', z)")
    kernel.check("x = 30")
    kernel.check("%run_stale")
    kernel.check("print('then', z)")
    kernel.check("%export again.py")
    done = subprocess.run(
        [sys.executable, workspace.folder / "again.py"],
        env=workspace.env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "first 21\nthen 31\n"), done.stderr


def test_sql_over_frames_is_a_task_with_inputs(kernel, workspace):
    if kernel.run("import pandas as pd, duckdb").status != "ok":
        pytest.skip("pandas is not installed beside this ipykernel")
    kernel.start(
        "%%task load\nimport pandas as pd\nflights = pd.DataFrame({'delay': [5, 20, 40], 'id': [1, 2, 3]})"
    )
    kernel.check("least = 10")
    sent = kernel.start(
        "%%sql_task late\nselect count(*) as n, sum(delay) as total from flights where delay > $least"
    )
    assert kernel.check("late.to_dict('records')").text == "[{'n': 2, 'total': 60.0}]"
    kernel.read_until(sent, "✓ late completed")
    edges = (
        "select up.task_name as upstream, input_name from edges"
        " join task_runs up on up.id = edges.upstream_id order by 2"
    )
    assert eventually(lambda: workspace.sql(edges)) == [{"upstream": "load", "input_name": "flights"}]
    assert kernel.run("%%sql_task\nselect 1").text.startswith("UsageError: %%sql_task: name the DataFrame")
    assert "Parser Error" in kernel.run("%%sql_task bad\nselct 1").text


@pytest.mark.dask
def test_a_notebook_on_dask_is_replayed_and_exported(workspace):
    with Kernel(workspace) as kernel:
        kernel.check("%load_ext penstock\n%runner dask 2", 120)
        kernel.check("import os\nstart = 20\ndef scaled(v):\n    return v * start")
        kernel.start("%%task load\nx, y = scaled(1), 1\nby = os.getpid()")
        kernel.start('%%task use --tags a,b\nz = x + y\n"""not\nindented"""\nz')
        kernel.check("for word in ('z', 'is'):\n    print(word)\nprint(z)\nassert by != os.getpid()")
        failed = kernel.start("%%task ratio\nq = z / (y - 1)")
        kernel.read_until(failed, "✗ ratio")
        kernel.check("%replay ratio")
        (cell,) = [part["text"] for part in kernel.payload if part["source"] == "set_next_input"]
        kernel.check("%runner threads")
        assert kernel.run(cell).error.startswith("ZeroDivisionError")
        kernel.check("assert (z, y) == (21, 1)\n%runner dask 2", 120)
        kernel.start("%%task ratio\nq = z / y")
        kernel.check("print(q)")
        kernel.check("%export whole.py")
    script = (workspace.folder / "whole.py").read_text()
    assert 'task_runner=DaskTaskRunner(cluster_kwargs={"n_workers": 2, "threads_per_worker": 1})' in script
    done = subprocess.run(
        [sys.executable, "whole.py"],
        env=workspace.env,
        cwd=workspace.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "z\nis\n21\n21.0\n"
    edges = (
        "select down.task_name as task, input_name, up.task_name as upstream from edges"
        " join task_runs down on down.id = edges.task_run_id join task_runs up on up.id = edges.upstream_id"
        " where up.runner = 'dask' and down.runner = 'dask' and edges.flow_run_id = '{}' order by all"
    )
    whole = workspace.only_run("whole")
    assert whole["state_name"] == "Completed"
    found = eventually(lambda: workspace.sql(edges.format(whole["id"])))
    pairs = {(row["task"], row["upstream"]) for row in found}
    assert {("use", "load"), ("ratio", "use"), ("ratio", "load")} >= pairs >= {("use", "load")}
