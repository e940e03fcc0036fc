"""A walk through what the notebook half promises, on every pair of ipykernel and IPython; one kernel serves all steps."""

from __future__ import annotations

import json
import subprocess
import sys

import nbformat
import pytest
from driver import Kernel
from workspace import Workspace, eventually, every_pair, python_name, wait_for_join, write_kernelspec

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module", params=every_pair(), ids=python_name)
def kernel(request):
    """A kernel with the extension loaded, in a workspace that all steps share."""
    workspace = Workspace()
    with Kernel(workspace, request.param) as running:
        running.check("%load_ext penstock")
        yield running
    workspace.close()


def test_three_spellings_make_one_kind_of_task(kernel):
    kernel.check("from penstock import task\n@task(retries=1, tags=['t'])\ndef third(): return 1")
    kernel.start("%%task first --retries 1 --tags t\na1 = 1")
    kernel.start("# %%task second --retries 1 --tags t\na2 = 1")
    kernel.check("assert a1 == a2 == 1 and third() == 1")
    tasks = "[(type(t).__name__, t.retries, sorted(t.tags)) for t in (first, second, third)]"
    assert kernel.check(f"len(set(map(str, {tasks}))), first.retries").text == "(1, 1)"


def test_flags_tasks_and_defaults_are_known(kernel):
    helped = kernel.check("print(get_ipython().object_inspect_mime('%%task')['text/plain'])")
    assert "--retry-delay" in helped.text
    completed = "print(get_ipython().complete('{0}', '{1}', {2})[1])"
    assert "--timeout" in kernel.check(completed.format("--ti", "%%task a --ti", 13)).printed
    assert "dask" in kernel.check(completed.format("d", "%runner d", 9)).printed
    kernel.check("%config Penstock.tags = 'nightly'")
    kernel.check("%%task configured --define\nx = 1")
    assert kernel.check("sorted(configured.tags)").text == "['nightly']"
    kernel.check("%config Penstock.tags = ''")


def test_run_all_makes_a_graph_and_a_later_cell_waits(kernel):
    kernel.start("%%task left --no-cache\n__import__('time').sleep(0.3)\nb1 = 1")
    kernel.start("%%task right\nb2 = 2")
    kernel.start("%%task both\nb3 = b1 + b2")
    assert kernel.check("b3").text == "3"
    assert "both (completed): b1 ← left, b2 ← right" in kernel.check("%graph").text


def test_nothing_is_bound_when_a_cell_fails_and_the_traceback_points_at_its_line(kernel):
    sent = kernel.start("%%task broken\nbefore = 1\nc1 = 1 / 0")
    reply = kernel.read_until(sent, "✗ broken")
    assert "----> 3 c1 = 1 / 0" in reply.traceback
    assert kernel.run("c1").error.startswith("UpstreamCellError: 'c1' was to come from task 'broken'")
    assert kernel.run("before").status == "error"
    cell = kernel.check("%replay broken") and kernel.payload[-1]["text"]
    assert kernel.run(cell).error.startswith("ZeroDivisionError")


def test_output_keeps_its_order_in_its_own_cell(kernel):
    noisy = "from IPython.display import HTML, display\nimport warnings\nprint('{0} one')\n"
    noisy += "display(HTML('<b>{0}</b>'))\nwarnings.warn('{0} warns')\nprint('{0} two')\n{0}_done = 1"
    sent = {name: kernel.start(f"%%task {name} --no-cache\n{noisy.format(name)}") for name in ("d1", "d2")}
    kernel.check("d1_done + d2_done")
    for name, other in (("d1", "d2"), ("d2", "d1")):
        reply = kernel.read_until(sent[name], f"✓ {name}")
        one, warns, two = (reply.printed.index(f"{name} {what}") for what in ("one", "warns", "two"))
        assert one < warns < two
        assert f"<b>{name}</b>" in [data.get("text/html") for data in reply.shown]
        assert other not in reply.text
    assert "d1 two" in kernel.check("%run_panel d1").printed


def test_functions_and_classes_of_a_task_belong_to_the_notebook(kernel):
    kernel.check("limit = 1")
    made = "def over(v): return v > limit\nclass Gate:\n    def opens(self, v): return over(v)"
    kernel.start(f"%%task makes --out over,Gate\n{made}")
    assert kernel.check("over(2), Gate().opens(2)").text == "(True, True)"
    kernel.check("limit = 5")
    assert kernel.check("over(2), Gate().opens(2)").text == "(False, False)"


def test_a_flow_cell_shows_its_panel_in_front_and_behind(kernel):
    kernel.check("%%flow front\ne1 = third.submit().result()")
    sent = kernel.start("%%flow behind --background\ne2 = third.submit().result() + e1")
    assert kernel.check("e2").text == "2"
    reply = kernel.read_until(sent, "✓ behind /")
    assert any("Completed" in data.get("text/html", "") for data in reply.shown)


def test_stop_cancels_what_the_cell_waits_for(kernel):
    kernel.start("%%task endless --no-cache\nimport time\nfor _ in range(6000): time.sleep(0.01)\nf1 = 1")
    reader = kernel.begin("f1")
    eventually(lambda: _state(kernel, "endless") == "Running")
    wait_for_join(kernel, reader)
    kernel.interrupt()
    assert kernel.end(reader).error == "KeyboardInterrupt: "
    eventually(lambda: _state(kernel, "endless") == "Cancelled")


def test_sql_and_frames_work_with_pandas_and_without(kernel):
    rows = kernel.check(
        "%%penstock_sql --out found\nselect task_name from task_runs where task_name = 'both'"
    )
    assert "both" in rows.text
    if kernel.run("import pandas").status == "ok":
        kernel.check("import pandas as pd\nframe = pd.DataFrame({'n': [1, 2]})")
        kernel.start("%%sql_task summed\nselect sum(n) as s from frame")
        assert kernel.check("int(summed.s[0])").text == "3"


def test_after_a_restart_everything_is_cached_and_then_stale(kernel):
    kernel.start("%%task kept\ng1 = 20")
    kernel.start("%%task used\ng2 = g1 + 1")
    kernel.check("g2")
    kernel.restart()
    kernel.check("%load_ext penstock")
    kernel.start("%%task kept\ng1 = 20")
    last = kernel.start("%%task used\ng2 = g1 + 1")
    kernel.read_until(last, "✓ used cached")
    kernel.start("%%task kept\ng1 = 30")
    kernel.check("g1")
    kernel.read_until(last, "◐ used is stale")
    kernel.check("%run_stale")
    assert kernel.check("g2").text == "31"


def test_export_runs_as_a_script(kernel):
    kernel.start("%%task exported\ng3 = g1 + 1")
    kernel.check("print('g3 is', g3)")
    kernel.check("%export walked.py")
    path = kernel.workspace.folder / "walked.py"
    done = subprocess.run(
        [sys.executable, path],
        env=kernel.workspace.env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "g3 is 31\n"), done.stderr


def test_headless_runs_answer_pauses_from_a_file(kernel):
    workspace = kernel.workspace
    sources = [
        "%load_ext penstock",
        "n = 1",
        "%%task twice --no-cache\nm = 2 * n",
        "from penstock import pause_flow_run",
        "%%flow asking\nh1 = m * pause_flow_run(wait_for_input=int)",
        "print('h1', h1)",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    book.cells[1].metadata["tags"] = ["parameters"]
    nbformat.write(book, workspace.folder / "asking.ipynb")
    write_kernelspec(workspace.folder / "jupyter", kernel.python)
    answers = workspace.folder / "answers.json"
    answers.write_text(json.dumps({"asking/1": {"value": 5}}))
    done = workspace.run(
        *("run", "asking.ipynb", "-p", "n=3", "--answers", str(answers)),
        env={"JUPYTER_PATH": str(workspace.folder / "jupyter")},
    )
    assert done.returncode == 0, done.stderr
    executed = nbformat.read(workspace.folder / "asking.executed.ipynb", as_version=4)
    assert executed.cells[-1].outputs[0].text == "h1 30\n"


def test_unloading_takes_everything_out(kernel):
    kernel.check("%unload_ext penstock")
    assert "not found" in kernel.run("%%task any\nx = 1").text
    assert kernel.check("1 + 1").text == "2"


def _state(kernel, task: str) -> str:
    query = f"select state_name from task_runs where task_name = '{task}' order by created desc limit 1"
    found = kernel.workspace.sql(query)
    return str(found[0]["state_name"]) if found else ""
