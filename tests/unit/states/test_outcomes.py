"""From return values and exceptions to states, and from states to results and exceptions."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import uuid4

import pytest

from penstock._engine.outcomes import from_return_value
from penstock._values.annotations import quote
from penstock._values.outcome import Absent
from penstock._values.states import State, StateDetails
from penstock.exceptions import (
    CancelledRun,
    CrashedRun,
    FailedRun,
    MissingResult,
    PausedRun,
    UnfinishedRun,
)
from penstock.states import (
    Cancelled,
    Completed,
    Crashed,
    Failed,
    Paused,
    Running,
    get_state_exception,
    raise_state_exception,
)


def upstream(type: str, message: str | None = None, data=None) -> State:
    """A state that belongs to a run."""
    return State(type, message=message, data=data, state_details=StateDetails(task_run_id=uuid4()))


DONE, BROKEN, PAUSED = upstream("COMPLETED"), upstream("FAILED", "no water"), upstream("PAUSED")
CRASHED, CANCELLED, RUNNING = upstream("CRASHED"), upstream("CANCELLED"), upstream("RUNNING")


@dataclass(frozen=True)
class Case:
    name: str
    value: object
    type: str
    message: str | None
    data: object


CASES = [
    Case("none", None, "COMPLETED", None, None),
    Case("value", 3, "COMPLETED", None, 3),
    Case("empty list", [], "COMPLETED", None, []),
    Case("one completed upstream", DONE, "COMPLETED", "All states completed.", DONE),
    Case("one failed upstream", BROKEN, "FAILED", "no water", BROKEN),
    Case("list of completed", [DONE, DONE], "COMPLETED", "All states completed.", [DONE, DONE]),
    Case("tuple with a failure", (DONE, BROKEN), "FAILED", "1/2 states failed.", (DONE, BROKEN)),
    Case("crashes count", (CRASHED, BROKEN), "FAILED", "2/2 states failed.", (CRASHED, BROKEN)),
    Case("set", {DONE}, "COMPLETED", "All states completed.", {DONE}),
    Case(
        "a paused one fails all",
        [DONE, PAUSED],
        "FAILED",
        "1/2 states are not completed: total=2 'COMPLETED'=1 'PAUSED'=1",
        [DONE, PAUSED],
    ),
    Case(
        "a cancelled one fails all",
        [CANCELLED, BROKEN],
        "FAILED",
        "2/2 states are not completed: total=2 'FAILED'=1 'CANCELLED'=1",
        [CANCELLED, BROKEN],
    ),
    Case("a running one fails all", [RUNNING], "FAILED", "The state is Running.", [RUNNING]),
    Case("mixed tuple is data", ("bar", BROKEN), "COMPLETED", None, ("bar", BROKEN)),
    Case("dict is data", {"a": BROKEN}, "COMPLETED", None, {"a": BROKEN}),
    Case("quoted state is data", quote(BROKEN), "COMPLETED", None, BROKEN),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_return_value_decides_the_state(case) -> None:
    state = from_return_value(case.value)

    assert (state.type.value, state.message, state.data) == (case.type, case.message, case.data)


def test_a_state_made_by_hand_is_used_as_it_is() -> None:
    mine = Completed(name="Skipped", message="nothing to do")

    assert from_return_value(mine) is mine


def test_a_generator_is_drained() -> None:
    assert from_return_value(n * n for n in range(3)).data == [0, 1, 4]


def test_a_completed_state_gives_its_value() -> None:
    assert Completed(data={"a": 1}).result() == {"a": 1}
    assert asyncio.run(Completed(data=3).aresult()) == 3


ERROR = KeyError("k")


@pytest.mark.parametrize(
    ("state", "kind", "text"),
    [
        (Failed(data=ERROR), KeyError, "'k'"),
        (Failed(message="went wrong"), FailedRun, "went wrong"),
        (Failed(), FailedRun, "Run failed."),
        (Failed(data="as text"), FailedRun, "as text"),
        (Crashed(), CrashedRun, "Run crashed."),
        (Crashed(message="power cut"), CrashedRun, "power cut"),
        (Cancelled(), CancelledRun, "Run cancelled."),
        (Cancelled(message="by hand"), CancelledRun, "by hand"),
        (Failed(data=Failed(data=ERROR)), KeyError, "'k'"),
        (Failed(data=[Completed(), Failed(data=ERROR), Failed()]), KeyError, "'k'"),
        (Failed(data=[Completed(), Crashed(message="c")]), CrashedRun, "c"),
        (Failed(data=[Running()], message="1/1 states"), FailedRun, "1/1 states"),
        (
            Failed(data=17),
            TypeError,
            "Unexpected result for failed state: 17 is not an exception",
        ),
    ],
)
def test_the_exception_of_an_unsuccessful_state(state, kind, text) -> None:
    error = get_state_exception(state)

    assert (type(error), str(error)) == (kind, text)
    assert type(state.result(raise_on_failure=False)) is kind
    with pytest.raises(kind):
        state.result()
    with pytest.raises(kind):
        raise_state_exception(state)


def test_the_attached_exception_is_the_same_object() -> None:
    with pytest.raises(KeyError) as caught:
        Failed(data=ERROR).result()

    assert caught.value is ERROR


@pytest.mark.parametrize("type", ["SCHEDULED", "PENDING", "RUNNING", "CANCELLING"])
def test_an_unfinished_run_has_no_result(type) -> None:
    state = State(type, name="Early")
    for raises in (True, False):
        with pytest.raises(UnfinishedRun, match="Run is in Early state"):
            state.result(raise_on_failure=raises)


def test_a_paused_run_says_so_and_carries_its_state() -> None:
    state = Paused()
    with pytest.raises(PausedRun, match="paused") as caught:
        state.result()

    assert caught.value.state is state


def test_a_value_that_was_not_kept_says_why() -> None:
    with pytest.raises(MissingResult, match="set persist_result=True"):
        Completed(data=Absent("set persist_result=True")).result()


@pytest.mark.parametrize("state", [Completed(), Running(), Paused()])
def test_only_unsuccessful_states_have_an_exception(state) -> None:
    with pytest.raises(ValueError, match="Expected failed or crashed state"):
        get_state_exception(state)

    raise_state_exception(state)
