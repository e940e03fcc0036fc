"""Every command, in a process of its own, on a workspace where real flows ran and one is running."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path

import pytest

from .support import CLI, DEADLINE, command, eventually, rows, script, store_runs, workspace

ABSENT = "00000000-0000-0000-0000-000000000000"

RAN = """
from penstock import flow, task
from penstock.artifacts import create_markdown_artifact

@task(log_prints=True)
def speak(word):
    print(f"I say {word}")
    return word

@flow(name="talk")
def talk():
    speak("hello")
    create_markdown_artifact("first", key="note")
    create_markdown_artifact("second", key="note")

@flow(name="broken")
def broken():
    raise ValueError("no good")

talk()
broken(return_state=True)
"""

RUNNING = """
import sys, time
from pathlib import Path
from penstock import flow, get_run_logger, task

@task
def hold():
    while not Path(sys.argv[1]).exists():
        time.sleep(0.02)

@flow(name="long")
def long():
    get_run_logger().info("holding")
    hold()

long()
"""

PAUSED = """
from penstock import flow, pause_flow_run

@flow(name="asks")
def asks():
    return pause_flow_run(wait_for_input=int)

print("given:", asks())
"""


@pytest.fixture(scope="module")
def ran():
    """A workspace where two flows have run; the store is up."""
    with workspace() as home:
        path = home.parent / f"{home.name}.py"
        path.write_text(RAN)
        with script(path, home=home) as process:
            assert process.wait(DEADLINE) == 0, process.output()
        path.unlink()
        yield home


@pytest.fixture(scope="module")
def run_ids(ran):
    return {row["flow_name"]: row["id"] for row in rows("SELECT flow_name, id FROM runs")}


def source(tmp_path, text):
    path = tmp_path / "flow.py"
    path.write_text(text)
    return path


def test_help_names_every_command(ran):
    code, said, _ = command("--help", home=ran)
    assert code == 0
    listed = set(re.findall(r"^[ │]+([a-z-]+) +\S", said, re.MULTILINE))
    assert {"version", "sql", "doctor", "server", "flow-run", "task-run", "artifact", "run"} <= listed


@pytest.mark.parametrize(
    "group", ["flow-run", "task-run", "artifact", "server", "sql", "doctor", "run", "version"]
)
def test_every_command_explains_itself(group, ran):
    code, said, _ = command(group, "--help", home=ran)
    assert (code, "Usage" in said) == (0, True)


def test_flow_runs_are_listed_and_filtered(ran, run_ids):
    code, said, _ = command("flow-run", "ls", home=ran)
    assert (code, run_ids["talk"] in said, run_ids["broken"] in said) == (0, True, True)
    failed = command("flow-run", "ls", "--state", "Failed", home=ran)[1]
    assert (run_ids["talk"] in failed, run_ids["broken"] in failed) == (False, True)
    talks = command("flow-run", "ls", "--flow-name", "talk", "--limit", "1", home=ran)[1]
    assert (run_ids["talk"] in talks, run_ids["broken"] in talks) == (True, False)


def test_a_flow_run_is_inspected(ran, run_ids):
    code, said, _ = command("flow-run", "inspect", run_ids["broken"], home=ran)
    shown = json.loads(said)
    assert (code, shown["id"], shown["state"]["type"]) == (0, run_ids["broken"], "FAILED")
    assert "no good" in shown["state"]["message"]


def test_logs_are_printed(ran, run_ids):
    code, said, _ = command("flow-run", "logs", run_ids["talk"], home=ran)
    assert (code, "I say hello" in said, "Finished in state Completed()" in said) == (0, True, True)
    assert len(command("flow-run", "logs", run_ids["talk"], "-n", "1", home=ran)[1].splitlines()) == 1


def test_task_runs_are_listed_and_inspected(ran, run_ids):
    code, said, _ = command("task-run", "ls", "--flow-run-id", run_ids["talk"], home=ran)
    found = re.search(r"([0-9a-f-]{36}).*speak-[0-9a-f]{3}.*Completed", said)
    assert (code, bool(found)) == (0, True)
    shown = json.loads(command("task-run", "inspect", found[1], home=ran)[1])
    assert shown["flow_run_id"] == run_ids["talk"]


def test_artifacts_are_listed_by_their_latest_and_all(ran):
    latest = command("artifact", "ls", home=ran)[1]
    every = command("artifact", "ls", "--all", home=ran)[1]
    assert (latest.count("note"), every.count("note")) == (1, 2)
    versions = json.loads(command("artifact", "inspect", "note", home=ran)[1])
    assert [version["data"] for version in versions] == ["second", "first"]


def test_sql_prints_a_table_or_json(ran):
    code, said, _ = command("sql", "select flow_name from runs order by 1", "--json", home=ran)
    assert (code, json.loads(said)) == (0, [{"flow_name": "broken"}, {"flow_name": "talk"}])
    assert "broken" in command("sql", "select flow_name from runs", home=ran)[1]
    code, _, warned = command("sql", "select * from range(5)", "--limit", "2", home=ran)
    assert (code, "first 2 rows" in warned) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["flow-run", "inspect", ABSENT], ABSENT),
        (["flow-run", "logs", ABSENT], ABSENT),
        (["flow-run", "resume", ABSENT], ""),
        (["flow-run", "cancel", ABSENT], ""),
        (["task-run", "inspect", ABSENT], ABSENT),
        (["artifact", "inspect", "nothing-like-it"], "nothing-like-it"),
        (["sql", "drop view runs"], "SELECT"),
        (["sql", "select nonsense from runs"], "nonsense"),
        (["run", "no-such-notebook.ipynb"], "no-such-notebook.ipynb"),
    ],
    ids=lambda value: "-".join(value[:2]) if isinstance(value, list) else "",
)
def test_a_mistake_is_explained_in_a_few_lines(arguments, said, ran):
    code, out, errors = command(*arguments, home=ran)
    assert code == 1, out + errors
    assert said in errors
    assert errors.strip()
    assert "Traceback" not in errors


def test_a_wrong_option_is_a_usage_error(ran):
    assert command("flow-run", "ls", "--no-such-option", home=ran)[0] == 2


def test_doctor_and_version_say_where_and_what(ran):
    code, said, _ = command("doctor", home=ran)
    assert (code, str(ran) in said) == (0, True)
    code, said, _ = command("version", home=ran)
    assert (code, bool(re.search(r"Penstock +\d", said))) == (0, True)


def long_run():
    """Return the id of the newest run of the flow that holds, once it runs."""
    newest = "SELECT id, state_type FROM runs WHERE flow_name = 'long' ORDER BY created DESC LIMIT 1"
    return eventually(lambda: [row["id"] for row in rows(newest) if row["state_type"] == "RUNNING"])[0]


def test_a_running_run_is_seen_from_outside(ran, tmp_path):
    gate = tmp_path / "gate"
    with script(source(tmp_path, RUNNING), gate, home=ran) as process:
        run_id = long_run()
        assert run_id in command("flow-run", "ls", "--state", "Running", home=ran)[1]
        eventually(lambda: "holding" in command("flow-run", "logs", run_id, home=ran)[1])
        assert process.poll() is None
        gate.touch()
        assert process.wait(DEADLINE) == 0, process.output()
        assert run_id not in command("flow-run", "ls", "--state", "Running", home=ran)[1]


def test_a_running_run_is_cancelled_from_outside(ran, tmp_path):
    with script(source(tmp_path, RUNNING), tmp_path / "never", home=ran) as process:
        run_id = long_run()
        assert command("flow-run", "cancel", run_id, home=ran)[0] == 0
        eventually(lambda: process.poll() is not None, 5)
        assert rows(f"SELECT state_type FROM runs WHERE id = '{run_id}'") == [{"state_type": "CANCELLED"}]


def test_a_pause_is_answered_from_a_file(ran, tmp_path):
    answer = tmp_path / "answer.json"
    answer.write_text('{"value": 42}')
    with script(source(tmp_path, PAUSED), home=ran) as process:
        found = eventually(lambda: rows("SELECT id FROM runs WHERE state_type = 'PAUSED'"))
        code, _, errors = command("flow-run", "resume", found[0]["id"], "--input", f"@{answer}", home=ran)
        assert code == 0, errors
        assert process.wait(DEADLINE) == 0, process.output()
        assert "given: 42" in process.output()


def test_the_store_is_started_asked_and_stopped_by_hand():
    with workspace() as home:
        assert command("server", "status", home=home)[0] == 3
        assert command("server", "stop", home=home)[:2] == (0, "No store is running for this workspace.\n")
        server = subprocess.Popen(
            [*CLI, "server", "start", "--port", "0"], stderr=subprocess.DEVNULL, text=True
        )
        try:
            eventually(lambda: command("server", "status", home=home)[0] == 0)
            code, _, errors = command("server", "start", home=home)
            assert (code, "runs already" in errors) == (1, True)
            assert command("server", "stop", home=home)[0] == 0
            assert server.wait(DEADLINE) == 0
        finally:
            server.send_signal(signal.SIGKILL)
            server.wait(DEADLINE)
        assert not store_runs(home)


@pytest.mark.kernel
def test_run_executes_a_notebook(tmp_path):
    import nbformat

    cells = ["word = 'nothing'", "print(f'said {word}')"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    notebook.cells[0].metadata["tags"] = ["parameters"]
    path = tmp_path / "book.ipynb"
    nbformat.write(notebook, path)
    with workspace() as home:
        code, said, errors = command("run", str(path), "-p", "word='much'", home=home, timeout=120)
        assert code == 0, errors
    executed = Path(tmp_path / "book.executed.ipynb")
    assert str(executed) in said
    assert "said much" in executed.read_text()
