"""Running a flow run again: what completed before is not run again."""

from __future__ import annotations

import os
import signal
import textwrap
from uuid import UUID, uuid4

import pytest

from penstock import flow, task
from penstock.exceptions import ObjectNotFound
from penstock.flow_engine import retry_flow_run
from penstock.states import Cancelled

from .support import command, eventually, rows, script

STEPS = """
    import os, sys
    from pathlib import Path
    from penstock import flow, task

    here = Path(__file__).parent

    @task(persist_result=True)
    def step(number: int, previous: int) -> int:
        with (here / "ran").open("a") as file:
            file.write(f"{number}\\n")
        if number == 6 and not (here / "repaired").exists():
            (here / "broken").touch()
            if os.environ.get("WAIT"):
                sys.stdin.read()
                os.read(os.pipe()[0], 1)  # until it is killed
            raise RuntimeError("step 6 is broken")
        return previous + number

    @flow(name="ten steps")
    def steps(start: int) -> int:
        total = start
        for number in range(1, 11):
            total = step(number, total)
        return total

    @flow(name="another")
    def another() -> None: ...

    if __name__ == "__main__":
        try:
            steps(start=100)
        finally:
            if os.environ.get("LINGER"):
                (here / "over").touch()
                os.read(os.pipe()[0], 1)  # until it is killed
"""


@pytest.fixture
def steps(tmp_path):
    path = tmp_path / "steps.py"
    path.write_text(textwrap.dedent(STEPS))
    return path


def ran(path):
    return [int(line) for line in (path.parent / "ran").read_text().split()]


def newest(flow_name):
    query = f"""SELECT r.id, r.name, r.state_name, r.run_count FROM runs r
        WHERE r.flow_name = '{flow_name}' ORDER BY r.created DESC LIMIT 1"""
    return rows(query)[0]


def test_a_killed_flow_of_ten_tasks_goes_on_where_it_was(home, steps) -> None:
    with script(steps, home=home, WAIT="1") as process:
        eventually((steps.parent / "broken").exists)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    run = newest("ten steps")
    (steps.parent / "repaired").touch()

    code, said, errors = command(
        "flow-run", "retry", str(run["id"]), "--entrypoint", f"{steps}:steps", home=home
    )

    assert (code, said.strip()) == (0, f"Flow run {run['name']!r} ended in state Completed."), errors
    assert ran(steps) == [1, 2, 3, 4, 5, 6, 6, 7, 8, 9, 10]
    after = newest("ten steps")
    assert (after["id"], after["state_name"], after["run_count"]) == (run["id"], "Completed", 2)
    states = rows(
        f"SELECT state_name, count(*) AS n FROM task_runs WHERE flow_run_id = '{run['id']}' GROUP BY 1"
    )
    assert {row["state_name"]: row["n"] for row in states} == {"Completed": 10, "Cached": 5, "Crashed": 1}


def test_a_failed_flow_is_retried_by_name_and_may_fail_again(home, steps) -> None:
    with script(steps, home=home) as process:
        assert process.wait(60) == 1
    name = newest("ten steps")["name"]
    where = f"{steps}:steps"

    code, _, errors = command("flow-run", "retry", name, "-e", where, home=home)
    assert code == 1
    assert f"Flow run {name!r} ended again in state Failed" in errors
    (steps.parent / "repaired").touch()
    assert command("flow-run", "retry", name, "-e", where, home=home)[0] == 0
    assert ran(steps) == [1, 2, 3, 4, 5, 6, 6, 6, 7, 8, 9, 10]
    assert newest("ten steps")["run_count"] == 3


def test_a_run_that_failed_is_free_although_its_process_lives(home, steps) -> None:
    """As in a notebook, whose kernel goes on."""
    with script(steps, home=home, LINGER="1") as process:
        eventually((steps.parent / "over").exists)
        run = newest("ten steps")
        (steps.parent / "repaired").touch()
        code, _, errors = command("flow-run", "retry", str(run["id"]), "-e", f"{steps}:steps", home=home)
        assert process.poll() is None
    assert code == 0, errors
    assert ran(steps) == [1, 2, 3, 4, 5, 6, 6, 7, 8, 9, 10]


def test_what_cannot_be_retried_is_said_with_what_to_do(home, steps) -> None:
    absent = str(uuid4())
    with script(steps, home=home) as process:
        process.wait(60)
    run = newest("ten steps")
    retry = ("flow-run", "retry", str(run["id"]))
    cases = [
        (("flow-run", "retry", absent), absent),
        (("flow-run", "retry", "no such name"), "no flow run with the id or name 'no such name'"),
        (retry, f"PENSTOCK__FLOW_RUN_ID={run['id']} python script.py"),
        ((*retry, "-e", f"{steps}:nothing"), "cannot be loaded"),
        ((*retry, "-e", f"{steps}:another"), "is of flow 'ten steps', not of 'another'"),
    ]
    for arguments, expected in cases:
        code, _, errors = command(*arguments, home=home)
        assert (code, expected in errors) == (1, True), (arguments, errors)


def test_a_run_of_this_process_is_retried_by_a_function() -> None:
    calls = []
    broken = True

    @task(persist_result=True)
    def first() -> int:
        calls.append("first")
        return 1

    @flow
    def resumable(extra: int) -> int:
        value = first()
        calls.append("flow")
        if broken:
            raise RuntimeError("broken")
        return value + extra

    state = resumable(41, return_state=True)
    run_id = UUID(str(state.state_details.flow_run_id))
    broken = False

    again = retry_flow_run(resumable, run_id)

    assert (again.name, again.result(), calls) == ("Completed", 42, ["first", "flow", "flow"])
    assert rows(f"SELECT run_count FROM runs WHERE id = '{run_id}'") == [{"run_count": 2}]


def test_what_was_cancelled_stays_cancelled() -> None:
    @flow
    def stopped() -> object:
        return Cancelled()

    state = stopped(return_state=True)
    with pytest.raises(ValueError, match="call the flow for a new run"):
        retry_flow_run(stopped, UUID(str(state.state_details.flow_run_id)))
    with pytest.raises(ObjectNotFound):
        retry_flow_run(stopped, uuid4())


def test_a_run_whose_process_lives_is_left_alone(home, steps) -> None:
    with script(steps, home=home, WAIT="1"):
        eventually((steps.parent / "broken").exists)
        run = newest("ten steps")
        code, _, errors = command("flow-run", "retry", str(run["id"]), "-e", f"{steps}:steps", home=home)
    assert (code, "belongs to a process that is alive" in errors) == (1, True), errors
    assert ran(steps) == [1, 2, 3, 4, 5, 6]
