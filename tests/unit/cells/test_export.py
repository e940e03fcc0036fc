"""A notebook as a script: plain Python with the same tasks, which gives the same values."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from penstock_kernel.export import ExportError, script

CELLS = [
    "%load_ext penstock",
    "import math\n\nfactor = 2\n\n\ndef scaled(v):\n    # doubled, for now\n    return v * factor",
    "%%task load --retries 2 --retry-delay 1.5s\nx = scaled(1)\ny = [1, 2, 3]",
    "# %%task text --tags a\nt = '''a\n  b'''",
    "%%task use\nz = x + len(y) + math.floor(1.5)",
    "%%task both\npair = (z, t)\npair",
    "print(sorted(['z', 'x']), x, pair)",
    "%%task again\nz = z + 1\ny.append(z)",
    "print(z, y)",
    "%%task last --cache\nz * 10",
]


def test_the_script_reads_like_one_written_by_hand() -> None:
    assert (
        script(CELLS[:6], "report")
        == '''"""The notebook report as a flow, written by Penstock."""

import math

from penstock import flow, task


def scaled(v):
    # doubled, for now
    return v * factor


@task(retries=2, retry_delay_seconds=[1.5])
def load():
    x = scaled(1)
    y = [1, 2, 3]
    return {"x": x, "y": y}


@task(tags=["a"])
def text():
    t = \'\'\'a
  b\'\'\'
    return t


@task
def use(load_run):
    x = load_run["x"]
    y = load_run["y"]
    z = x + len(y) + math.floor(1.5)
    return z


@task
def both(z, t):
    pair = (z, t)
    return pair


@flow(name="report")
def report():
    global factor
    factor = 2
    load_run = load.submit()
    t = text.submit()
    z = use.submit(load_run)
    pair = both.submit(z, t)
    return load_run, t, z, pair


if __name__ == "__main__":
    report()
'''
    )


def test_it_runs_and_gives_the_same_values(tmp_path: Path) -> None:
    path = tmp_path / "report.py"
    path.write_text(script(CELLS, "report"))
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout == "['x', 'z'] 2 (6, 'a\\n  b')\n7 [1, 2, 3, 7]\n"


def test_it_is_clean_for_linters(tmp_path: Path) -> None:
    path = tmp_path / "report.py"
    path.write_text(script(CELLS[:5], "report"))
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E,F", path],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("%%task a\nfiles = !ls", "task 'a' uses IPython's ! or %"),
        ("await thing()", "a cell awaits at its top level"),
        ("%%task a --define\nx = 1", "task 'a' is only defined"),
    ],
)
def test_what_no_script_can_do_is_refused(cell, message) -> None:
    with pytest.raises(ExportError, match=message):
        script([cell], "report")


def test_a_flow_is_not_called_like_what_it_uses() -> None:
    assert "def flow_notebook():" in script(["x = 1"], "flow")


def test_a_cells_own_runner_is_kept(tmp_path: Path) -> None:
    cells = [
        "import os",
        "%%task load\nx = 20",
        "%%task use --runner processes\ny, by = x + 1, os.getpid()",
        "%%task here --local\nz = y + 1",
        "print(z, by != os.getpid())",
    ]
    text = script(cells, "report")
    assert "with ProcessPoolTaskRunner() as on_processes:" in text
    assert 'on_processes.submit(use, {"x": x})' in text
    assert "here.submit(" in text
    path = tmp_path / "report.py"
    path.write_text(text)
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "22 True\n"), done.stderr


def test_a_task_that_runs_twice_is_defined_once() -> None:
    use = "%%task use\nz = x + 1"
    text = script(["x = 1", use, "print(z)", "x = 2", use, "print(z)"], "report")
    assert text.count("def use(") == 1
    assert text.count("z = use.submit(x=x)") + text.count("z = use.submit(x)") == 2
