"""Shell commands and magics in a task, without IPython's shell."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time

import pytest

from penstock_kernel._cells import compile_cell
from penstock_kernel._cells.runtime import TaskShell, expand


def test_output_of_a_command_is_printed(notebook, capsys) -> None:
    notebook.call("!echo one; echo two >&2")

    assert capsys.readouterr().out == "one\ntwo\n"


def test_lines_of_a_command_are_a_value(notebook) -> None:
    notebook.run("word = 'hi'\nn = 2")
    lines = notebook.call("lines = !echo {word * n} $word $$word_x; echo '$n'")

    assert (list(lines), lines.n, lines.s, lines.l) == (
        ["hihi hi", "2"],
        "hihi hi\n2",
        "hihi hi 2",
        ["hihi hi", "2"],
    )


def test_a_failed_command_fails_the_task(notebook) -> None:
    with pytest.raises(subprocess.CalledProcessError, match="exit status 3") as caught:
        notebook.call("!echo why; exit 3")

    assert caught.value.output == "why\n"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("ls {a}", "ls 1"),
        ("ls $a", "ls 1"),
        ("ls {a:03d} {a!r}", "ls 001 1"),
        ("ls $HOME", "ls $HOME"),
        ("ls $$a", "ls $a"),
        ("awk '{print $1}'", "awk '{print $1}'"),
        ("echo ${b} {a", "echo ${b} {a"),
        ("echo {{a}}", "echo {a}"),
    ],
)
def test_names_in_commands(command, expected) -> None:
    assert expand(command, {"a": 1}) == expected


def test_a_stopped_command_takes_its_children_along(tmp_path, monkeypatch) -> None:
    """The reader is interrupted while the command runs: its whole process group must be gone."""
    note = tmp_path / "pid"

    def interrupt() -> None:
        deadline = time.monotonic() + 30
        while not (note.exists() and note.read_text().strip()) and time.monotonic() < deadline:
            threading.Event().wait(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    stopper = threading.Thread(target=interrupt)
    stopper.start()
    with pytest.raises(KeyboardInterrupt):
        TaskShell({}).getoutput(f"sleep 300 & echo $! > {note}; wait")
    stopper.join()

    assert not is_running(int(note.read_text()))


def is_running(pid: int) -> bool:
    """Whether the process lives; one that only waits to be collected does not."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{pid}/stat") as stat:
                if stat.read().rpartition(")")[2].split()[0] == "Z":
                    return False
        except FileNotFoundError:
            return False
        threading.Event().wait(0.01)
    return True


def test_time_runs_its_code_in_the_cell(notebook, capsys) -> None:
    assert notebook.call("x = 2\n%time y = x + 1\nz = y", outputs=["z"]) == 3
    assert "wall time" in capsys.readouterr().out


def test_time_gives_the_value_of_an_expression(notebook) -> None:
    assert notebook.call("%time 1 + 1") == 2


def test_an_error_behind_time_points_at_its_line(notebook) -> None:
    step = notebook.task("x = 0\n\n%time 1 / x\n")
    with pytest.raises(ZeroDivisionError) as caught:
        step()
    last = caught.value.__traceback__
    while last.tb_next is not None:
        last = last.tb_next

    assert (last.tb_frame.f_code.co_filename, last.tb_lineno) == (step.filename, 3)


def test_timing_of_the_whole_cell_is_printed(notebook, capsys) -> None:
    assert notebook.call("%%time\nx = 1") == 1
    assert "wall time" in capsys.readouterr().out


def test_timeit_measures(notebook, capsys) -> None:
    notebook.run("x = 1")
    notebook.call("%timeit -n 2 -r 3 x + 1")

    assert "(best of 3, 2 loops each)" in capsys.readouterr().out


def test_env_sets_a_variable(notebook, monkeypatch) -> None:
    monkeypatch.setenv("PENSTOCK_TEST_WORD", "")
    notebook.run("word = 'w'")
    notebook.call("%env PENSTOCK_TEST_WORD={word}1")

    assert os.environ["PENSTOCK_TEST_WORD"] == "w1"


def test_magics_of_the_kernel_do_nothing_in_the_task(notebook) -> None:
    compiled = compile_cell("step", "%matplotlib no_such_backend\nx = 1", notebook.namespace)

    assert [(magic.name, magic.argument) for magic in compiled.facts.kernel_magics] == [
        ("matplotlib", "no_such_backend")
    ]
    assert compiled.function() == 1


def test_display_works_without_a_shell(notebook, capsys) -> None:
    notebook.call("display(3)")

    assert "3" in capsys.readouterr().out
