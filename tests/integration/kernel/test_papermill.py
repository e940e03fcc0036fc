"""papermill, nbclient and `penstock run` give the same results, and leave a notebook that reads well without a kernel."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from workspace import write_kernelspec

pytestmark = pytest.mark.kernel

CELLS = [
    "%load_ext penstock",
    "start = 1\nlabel = 'default'",
    "%%task numbers --no-cache\nvalues = [start, start + 1]\nprint('computing', values)",
    "%%task doubled --no-cache\ntwice = [2 * value for value in values]\ntwice",
    "from penstock import pause_flow_run",
    "%%flow asked --background\nfactor = pause_flow_run(wait_for_input=int)\nresult = [factor * one for one in twice]",
    "print('result', label, result)",
]
WANTED = {
    "printed": "computing [20, 21]\nresult given [200, 210]\n",
    "values": ["[40, 42]"],
    "panel": True,
}


@pytest.fixture
def notebook(workspace):
    """A notebook with parameters, task cells and a pause; the kernel of the tests is its `python3`."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    book.cells[1].metadata["tags"] = ["parameters"]
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = workspace.folder / "asked.ipynb"
    nbformat.write(book, path)
    write_kernelspec(workspace.folder / "jupyter", sys.executable)
    (workspace.folder / "answers.json").write_text(json.dumps({"asked/1": {"value": 5}}))
    return path


def python(workspace, *arguments: str, **env: str) -> None:
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**workspace.env, "JUPYTER_PATH": str(workspace.folder / "jupyter"), **env},
        cwd=workspace.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def with_papermill(workspace, notebook, output) -> None:
    answers = str(workspace.folder / "answers.json")
    given = ["-p", "start", "20", "-p", "label", "given"]
    python(workspace, "-m", "papermill", str(notebook), str(output), *given, PENSTOCK_ANSWERS=answers)


def with_nbclient(workspace, notebook, output) -> None:
    """The parameters are written into the notebook: nbclient has none."""
    book = nbformat.read(notebook, as_version=4)
    book.cells[1].source = "start = 20\nlabel = 'given'"
    nbformat.write(book, notebook)
    program = f"""
import nbformat
from nbclient import NotebookClient
book = nbformat.read({str(notebook)!r}, as_version=4)
NotebookClient(book).execute()
nbformat.write(book, {str(output)!r})
"""
    python(workspace, "-c", program, PENSTOCK_ANSWERS=str(workspace.folder / "answers.json"))


def with_penstock(workspace, notebook, output) -> None:
    given = ["-p", "start=20", "-p", "label=given", "--answers", str(workspace.folder / "answers.json")]
    workspace.cli("run", str(notebook), "-o", str(output), *given)


def findings(path: Path) -> dict[str, object]:
    """Return what a reader of the saved notebook sees."""
    outputs = [out for cell in nbformat.read(path, as_version=4).cells for out in cell.get("outputs", ())]
    shown = [out["data"] for out in outputs if "data" in out]
    html = [data["text/html"] for data in shown if "text/html" in data]
    return {
        "printed": "".join(out["text"] for out in outputs if out.get("name") == "stdout"),
        "values": [data["text/plain"] for data in shown if set(data) == {"text/plain"}],
        "panel": any("asked" in text and "Completed" in text and "Running" not in text for text in html),
    }


@pytest.mark.parametrize("execute", [with_papermill, with_nbclient, with_penstock])
def test_headless_runs_give_the_same_and_keep_final_panels(workspace, notebook, execute):
    output = workspace.folder / "executed.ipynb"
    execute(workspace, notebook, output)
    assert findings(output) == WANTED
    runs = workspace.sql("select flow_name, state_name from runs order by created")
    assert [(run["flow_name"].partition(":")[0], run["state_name"]) for run in runs] == [
        ("notebook", "Completed"),
        ("asked", "Completed"),
    ]


def test_a_run_that_failed_under_papermill_can_be_mended_there(workspace, notebook):
    """papermill keeps the notebook up to the cell that failed; task cells that had completed are cached."""
    book = nbformat.read(notebook, as_version=4)
    book.cells[2].source = "%%task numbers\nopen('ran', 'a').write('x')\nvalues = [start, start + 1]"
    book.cells = [*book.cells[:3], nbformat.v4.new_code_cell("raise ValueError(values)")]
    nbformat.write(book, notebook)
    output = workspace.folder / "executed.ipynb"
    with pytest.raises(AssertionError, match=r"ValueError: \[20, 21\]"):
        with_papermill(workspace, notebook, output)
    assert "ValueError" in json.dumps(nbformat.read(output, as_version=4).cells[-1].outputs)
    book.cells[-1].source = "print('now', values)"
    nbformat.write(book, notebook)
    with_papermill(workspace, notebook, output)
    assert findings(output)["printed"] == "now [20, 21]\n"
    assert (workspace.folder / "ran").read_text() == "x"
