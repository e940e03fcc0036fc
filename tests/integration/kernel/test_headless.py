"""`penstock run` and nbclient: pauses answered from a file, or left Paused, answered later and gone on with."""

from __future__ import annotations

import json

import nbformat
import pytest

pytestmark = pytest.mark.kernel

CELLS = [
    "%load_ext penstock",
    '%%task numbers --out values\nvalues = [1, 2, 3]\nprint("computing numbers")',
    """from pydantic import Field
from penstock.input import RunInput

class Choice(RunInput):
    factor: int = Field(ge=1, le=10)
    name: str
""",
    """%%flow scaled
from penstock import pause_flow_run
base = numbers.submit().result()
choice = pause_flow_run(wait_for_input=Choice)
result = [choice.name, [choice.factor * value for value in base]]
""",
    "print(result)",
]
GOOD = {"factor": 5, "name": "five"}


@pytest.fixture
def notebook(workspace):
    """The notebook of these tests, in the workspace's folder."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    path = workspace.folder / "scaled.ipynb"
    nbformat.write(book, path)
    return path


def answers_file(workspace, answer) -> str:
    path = workspace.folder / "answers.json"
    path.write_text(json.dumps({"Choice": answer}))
    return str(path)


def printed(path) -> str:
    """Return all text an executed notebook holds as stream output."""
    cells = nbformat.read(path, as_version=4).cells
    return "".join(out.get("text", "") for cell in cells for out in cell.outputs)


def test_a_pause_is_answered_from_a_file(workspace, notebook):
    done = workspace.run("run", str(notebook), "--answers", answers_file(workspace, GOOD))
    assert done.returncode == 0, done.stderr
    output = notebook.with_name("scaled.executed.ipynb")
    assert str(output) in done.stdout
    assert "['five', [5, 10, 15]]" in printed(output)
    run = workspace.only_run("scaled")
    assert run["state_name"] == "Completed"
    assert workspace.states(run["id"]) == ["Pending", "Running", "Paused", "Running", "Completed"]


def test_an_unanswered_run_stays_paused_and_can_be_gone_on_with(workspace, notebook):
    done = workspace.run("run", str(notebook))
    assert done.returncode == 1
    run = workspace.only_run("scaled")
    assert run["state_name"] == "Paused"
    assert f"Flow run {run['id']} waits for input at pause '1' and nobody is here to answer." in done.stderr
    assert f"penstock flow-run resume {run['id']} --input" in done.stderr

    refused = workspace.run("flow-run", "resume", run["id"], "--input", '{"factor": 50, "name": "fifty"}')
    assert refused.returncode == 1
    assert "factor: 50 is greater than the maximum of 10" in refused.stderr
    assert workspace.only_run("scaled")["state_name"] == "Paused"

    resumed = workspace.cli("flow-run", "resume", run["id"], "--input", json.dumps(GOOD))
    assert f"PENSTOCK__FLOW_RUN_ID={run['id']}" in resumed
    again = workspace.run("run", str(notebook), env={"PENSTOCK__FLOW_RUN_ID": run["id"]})
    assert again.returncode == 0, again.stderr
    finished = workspace.only_run("scaled")
    assert finished["id"] == run["id"]
    assert finished["state_name"] == "Completed"
    history = workspace.states(run["id"])
    assert history[:3] == ["Pending", "Running", "Paused"]
    assert history[-2:] == ["Running", "Completed"]
    text = printed(notebook.with_name("scaled.executed.ipynb"))
    assert "['five', [5, 10, 15]]" in text
    assert "computing numbers" not in text, "the cached task was not computed again"
    rows = workspace.sql("select state_name, count(*) as n from task_runs group by all order by all")
    assert {row["state_name"]: row["n"] for row in rows} == {"Completed": 1, "Cached": 3}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"factor": 50, "name": "x"}, "factor: Input should be less than or equal to 10"),
        ({"factor": 5}, "name: Field required"),
        ("five", "must be an object of fields"),
    ],
    ids=["too big", "missing", "no object"],
)
def test_a_bad_declared_answer_is_refused_and_the_run_stays_paused(workspace, notebook, answer, said):
    done = workspace.run("run", str(notebook), "--answers", answers_file(workspace, answer))
    assert done.returncode == 1
    assert said in done.stderr
    assert workspace.only_run("scaled")["state_name"] == "Paused"


def test_the_executed_notebook_keeps_the_traceback(workspace, notebook):
    book = nbformat.read(notebook, as_version=4)
    book.cells.append(nbformat.v4.new_code_cell("1 / 0"))
    nbformat.write(book, notebook)
    done = workspace.run("run", str(notebook), "--answers", answers_file(workspace, GOOD), "-o", "out.ipynb")
    assert done.returncode == 1
    assert "ZeroDivisionError: division by zero" in done.stderr
    last = nbformat.read(workspace.folder / "out.ipynb", as_version=4).cells[-1]
    assert last.outputs[0].ename == "ZeroDivisionError"


def test_a_failed_notebook_goes_on_with_the_cell_that_failed(workspace):
    """The cells before it are not run again: their side effects and their values are there."""
    sources = [
        "%load_ext penstock",
        "start = 1",
        "open('side', 'a').write('x')\nitems = [start]\nalso = items\ndef double(v):\n    return v * factor\nfactor = 2",
        "%%task load\nvalue = double(start)",
        "also.append(value)\nraise ValueError('not yet')",
        "print('items', items)",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    book.cells[1].metadata["tags"] = ["parameters"]
    path = workspace.folder / "steps.ipynb"
    nbformat.write(book, path)
    failed = workspace.run("run", str(path), "-p", "start=20")
    assert failed.returncode == 1
    assert "ValueError: not yet" in failed.stderr
    (run,) = workspace.sql("select id, state_name from runs where flow_name = 'notebook: steps'")
    assert run["state_name"] == "Failed"
    assert f"--resume {run['id']}" in failed.stderr

    book.cells[4].source = "factor = 10\nalso.append(double(1))"
    nbformat.write(book, path)
    done = workspace.run("run", str(path), "--resume", run["id"])
    assert done.returncode == 0, done.stderr
    executed = path.with_name("steps.executed.ipynb")
    assert "items [20, 40, 10]" in printed(executed)
    assert len(nbformat.read(executed, as_version=4).cells) == len(sources) + 1, (
        "with the injected parameters"
    )
    assert (workspace.folder / "side").read_text() == "x"

    refused = workspace.run("run", str(path), "--resume", "elsewhere")
    assert refused.returncode == 1
    assert "is not what run elsewhere has left" in refused.stderr


@pytest.mark.parametrize(("last", "code"), [("x = 1", 0), ("x = 1 / 0", 1)])
def test_what_runs_in_the_background_is_waited_for_at_the_end(workspace, last, code):
    """Nothing reads what the cell gives, and the kernel is shut down after the last one."""
    slow = f"%%task slow --background\n__import__('time').sleep(1)\nopen('ran', 'w').close()\n{last}"
    cells = [nbformat.v4.new_code_cell(source) for source in ("%load_ext penstock", slow)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), workspace.folder / "slow.ipynb")
    done = workspace.run("run", "slow.ipynb")
    assert (done.returncode, (workspace.folder / "ran").exists()) == (code, True), done.stderr
    executed = nbformat.read(workspace.folder / "slow.executed.ipynb", as_version=4)
    assert [cell.source for cell in executed.cells] == ["%load_ext penstock", slow]
    shown = [out["data"]["text/plain"] for out in executed.cells[-1].outputs if "data" in out]
    assert shown[-1].startswith("✗ slow failed" if code else "✓ slow completed")
