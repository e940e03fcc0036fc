"""What happens to a transaction at its end, as a table."""

from __future__ import annotations

import pytest

from penstock._rules.transactions import CommitMode, Ending, IsolationLevel, TransactionState, ending

EAGER, LAZY, OFF = CommitMode.EAGER, CommitMode.LAZY, CommitMode.OFF
COMMIT, ROLL_BACK, LEAVE = Ending.COMMIT, Ending.ROLL_BACK, Ending.LEAVE


@pytest.mark.parametrize(
    ("mode", "nested", "expected"),
    [
        (EAGER, False, COMMIT),
        (EAGER, True, COMMIT),
        (LAZY, False, COMMIT),
        (LAZY, True, LEAVE),
        (OFF, False, ROLL_BACK),
        (OFF, True, LEAVE),
    ],
)
def test_who_commits(mode: CommitMode, *, nested: bool, expected: Ending) -> None:
    assert ending(mode, nested=nested, failed=False) is expected
    assert ending(mode, nested=nested, failed=True) is ROLL_BACK


@pytest.mark.parametrize("fate", [COMMIT, ROLL_BACK])
@pytest.mark.parametrize("mode", list(CommitMode))
def test_one_that_ends_after_its_parent_follows_it(mode: CommitMode, fate: Ending) -> None:
    assert ending(mode, nested=True, failed=False, fate=fate) is fate
    assert ending(mode, nested=True, failed=True, fate=fate) is ROLL_BACK


def test_the_documented_names_are_there() -> None:
    assert [level.name for level in IsolationLevel] == ["READ_COMMITTED", "SERIALIZABLE"]
    assert [mode.name for mode in CommitMode] == ["EAGER", "LAZY", "OFF"]
    states = ["PENDING", "ACTIVE", "STAGED", "COMMITTED", "ROLLED_BACK"]
    assert [state.name for state in TransactionState] == states
    assert IsolationLevel("SERIALIZABLE") is IsolationLevel.SERIALIZABLE
