"""What tasks print and display on any runner: as it comes, in its order, in its cell, and kept."""

from __future__ import annotations

import sys

import pytest
from driver import Kernel
from workspace import eventually, python_name, with_oldest

pytestmark = pytest.mark.kernel

#: Plain tasks, and a cell that maps one; the names of files say which runs may go on.
TASKS = """
import os, sys, time, warnings
from IPython.display import HTML, display
from penstock import flow, task

@task(task_run_name="{label}")
def talk(label):
    print(label, "one")
    print(label, "two", file=sys.stderr)
    display(HTML(f"<b>{label} three</b>"))
    while not os.path.exists(label + ".go"): time.sleep(0.01)
    warnings.warn(label + " four")
    print(label, "five")
    return os.getpid()

@task
def breaks(n):
    print("before")
    return 1 / n
"""
TALK = "%%flow {name}\npids = talk.map({labels}).result()"
CELL = """%%task {name} --no-cache
import os, sys, time, warnings
from IPython.display import HTML, display
print("{name} one")
print("{name} two", file=sys.stderr)
display(HTML("<b>{name} three</b>"))
while not os.path.exists("{name}.go"): time.sleep(0.01)
warnings.warn("{name} four")
print("{name} five")
{name}_pid = os.getpid()
"{name} six"
"""
WORDS = ("one", "two", "three", "four", "five")

RUNNERS = [
    "threads",
    "processes",
    pytest.param("dask", marks=pytest.mark.dask),
    pytest.param("ray", marks=pytest.mark.ray),
]
MODULES = {"dask": "distributed", "ray": "ray"}


@pytest.fixture(params=with_oldest(), ids=python_name)
def kernel(request, workspace):
    """A kernel with the extension loaded, on the oldest ipykernel too."""
    with Kernel(workspace, request.param) as running:
        running.check("%load_ext penstock")
        yield running


def choose(kernel, runner: str) -> None:
    if kernel.python != sys.executable and runner in MODULES:
        pytest.skip(f"{runner} is tested with one kernel")
    kernel.check(f"%runner {runner} 2", seconds=120)


def open_gate(workspace, name: str) -> None:
    (workspace.folder / f"{name}.go").touch()


def heard(reply) -> list[str]:
    """Return what a cell has put out as `label word` lines, in the order it came."""
    return [line for line in reply.order if line.split(" ")[-1] in (*WORDS, "six")]


def said(label: str, *words: str) -> list[str]:
    return [f"{label} {word}" for word in words]


@pytest.mark.parametrize("runner", RUNNERS)
def test_plain_tasks_are_heard_while_they_run_and_kept(kernel, workspace, runner):
    choose(kernel, runner)
    kernel.check(TASKS)
    sent = kernel.begin(TALK.format(name="aloud", labels=["left", "right"]))
    reply = kernel.read_until(sent, "left three")
    kernel.read_until(sent, "right three")
    assert not reply.has("five"), "nothing has ended yet"
    for label in ("left", "right"):
        open_gate(workspace, label)
    assert kernel.end(sent, 120).status == "ok"
    for label in ("left", "right"):
        mine = [line for line in heard(reply) if line.startswith(label)]
        assert mine == said(label, *WORDS)
    kernel.check("assert (os.getpid() in pids) == " + str(runner == "threads"))
    kernel.restart()
    kernel.check("%load_ext penstock")
    for shown in (kernel.check("%run_panel left"), kernel.check("%run_panel aloud")):
        assert [line for line in heard(shown) if line.startswith("left")] == said("left", *WORDS)


@pytest.mark.parametrize("runner", RUNNERS)
def test_task_cells_are_heard_while_they_run_and_never_mix(kernel, workspace, runner):
    choose(kernel, runner)
    sent = {name: kernel.start(CELL.format(name=name)) for name in ("left", "right")}
    for name, cell in sent.items():
        kernel.read_until(cell, f"{name} three")
    kernel.check("print('between')")
    for name in ("right", "left"):
        open_gate(workspace, name)
    for name, cell in sent.items():
        kernel.read_until(cell, f"✓ {name}")
        assert heard(kernel.reply(cell)) == said(name, *WORDS, "six")
    kernel.restart()
    kernel.check("%load_ext penstock")
    assert heard(kernel.check("%run_panel left")) == said("left", *WORDS, "six")


@pytest.mark.parametrize("runner", RUNNERS[:-1])
def test_a_traceback_points_at_the_line_of_the_task(kernel, runner):
    choose(kernel, runner)
    kernel.check(TASKS)
    failed = kernel.run("%%flow failing\nbreaks.submit(0).result()", 120)
    assert failed.error == "ZeroDivisionError: division by zero"
    assert "return 1 / n" in failed.traceback + failed.text
    assert failed.printed.startswith("before\n")


def test_what_a_killed_worker_has_said_is_not_lost(kernel, workspace):
    kernel.check("%runner processes 2")
    sent = kernel.start(
        "%%task dies --no-cache\nimport os, signal, time\nprint('last words', flush=True)\n"
        "while not os.path.exists('dies.go'): time.sleep(0.01)\nos.kill(os.getpid(), signal.SIGKILL)\nz = 1"
    )
    kernel.read_until(sent, "last words")
    open_gate(workspace, "dies")
    kernel.read_until(sent, "✗ dies")
    kept = (
        "select count(*) as n from artifacts where type = 'cell-output' and data::varchar like '%last words%'"
    )
    eventually(lambda: workspace.sql(kept) == [{"n": 1}])


@pytest.mark.parametrize("runner", ["threads", "processes"])
def test_figures_of_tasks_side_by_side_do_not_mix(kernel, workspace, runner):
    if kernel.run("import matplotlib.pyplot as plt").status != "ok":
        pytest.skip("matplotlib is not installed beside this ipykernel")
    choose(kernel, runner)
    cell = """%%task {name} --no-cache
import os, time
import matplotlib.pyplot as plt
plt.plot([1, 2])
print("{name} one")
while not os.path.exists("{name}.go"): time.sleep(0.01)
plt.title("{name}")
print("{name} two")
lines_of_{name} = len(plt.gca().lines)
figures_of_{name} = len(plt.get_fignums())
"""
    sent = {name: kernel.start(cell.format(name=name)) for name in ("left", "right")}
    for name, one in sent.items():
        kernel.read_until(one, f"{name} one")
    for name in sent:
        open_gate(workspace, name)
    for name, one in sent.items():
        kernel.read_until(one, f"✓ {name}")
        assert heard(kernel.reply(one)) == said(name, "one", "two")
        assert len([data for data in kernel.reply(one).shown if "image/png" in data]) == 1
        assert kernel.check(f"lines_of_{name}, figures_of_{name}").text == "(1, 1)"
    assert kernel.check("plt.get_fignums()").text == "[]"


def test_display_ids_are_updated_from_afar(kernel):
    kernel.check("%runner processes 1")
    sent = kernel.start(
        "%%task updates --no-cache\nfrom IPython.display import display\n"
        "handle = display('first', display_id=True)\nhandle.update('second')\ndel handle\nz = 1"
    )
    kernel.read_until(sent, "✓ updates")
    shown = [data["text/plain"] for data in kernel.reply(sent).shown]
    assert [text for text in shown if "'" in text] == ["'first'", "'second'"]
