"""The table of task-run transitions."""

from __future__ import annotations

import pickle
from itertools import product

import pytest

from penstock._engine.task_run import TaskExecution
from penstock._rules.task_table import TASK_TRANSITIONS, IllegalTransition, check
from penstock._values.states import State, StateType

# Rows: from. Columns: to. A allowed, - not.
COLUMNS = [
    "SCHEDULED",
    "PENDING",
    "RUNNING",
    "COMPLETED",
    "FAILED",
    "CANCELLED",
    "CRASHED",
    "PAUSED",
    "CANCELLING",
]
TABLE = """
none        A A A A A A A - -
SCHEDULED   A A A A A A A - A
PENDING     A A A A A A A - A
RUNNING     A - A A A A A A A
COMPLETED   A - A A - - - - -
FAILED      A - A - - - - - -
CRASHED     A - A - - - - - -
CANCELLED   A - - - - - - - -
PAUSED      A - A A A A A - A
CANCELLING  - - - - - A A - -
"""
CASES = [
    (row.split()[0], to, letter == "A")
    for row in TABLE.strip().splitlines()
    for to, letter in zip(COLUMNS, row.split()[1:], strict=True)
]


@pytest.mark.parametrize(("before", "after", "allowed"), CASES)
def test_every_pair_is_decided_by_the_table(before, after, allowed) -> None:
    current = None if before == "none" else State(before)
    if allowed:
        check("clean-1", current, State(after), [])
        return
    with pytest.raises(IllegalTransition) as caught:
        check("clean-1", current, State(after), ["Pending", "Running"])
    error = caught.value
    shown = current.name if current else "nothing"
    assert (error.run, error.before, error.proposed, error.history) == (
        "clean-1",
        shown,
        State(after).name,
        ("Pending", "Running"),
    )


def test_every_type_has_a_row_and_every_row_is_tested() -> None:
    assert set(TASK_TRANSITIONS) == {None, *StateType}
    assert {(b, a) for b, a, _ in CASES} == set(product(["none", *COLUMNS], COLUMNS))


def test_the_error_tells_the_trail_and_survives_pickling() -> None:
    error = IllegalTransition("clean-1", "Completed", "Failed", ["Pending", "Completed"])

    again = pickle.loads(pickle.dumps(error))

    assert str(again) == (
        "Task run clean-1 cannot go from Completed to Failed. It went: Pending -> Completed."
    )


def test_an_illegal_step_of_a_run_changes_nothing(witness) -> None:
    from penstock import task
    from penstock._engine.runner_port import make_run

    @task
    def one() -> int:
        return 1

    execution: TaskExecution = make_run(one, {}, None, runner=None)
    done = execution.enter(State(StateType.COMPLETED))
    with pytest.raises(IllegalTransition, match="cannot go from Completed to Failed"):
        execution.enter(State(StateType.FAILED))

    assert execution.task_run.state is done
    assert witness.states("one") == ["Pending", "Completed"]
