"""Every pair of state types through the flow policy, against the documented table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock._rules.flow_policy import FlowFacts, decide
from penstock._values.states import TERMINAL, State, StateDetails, StateType
from penstock.states import AwaitingRetry, Completed, Late, Paused, Pending, Running, Scheduled, Suspended

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HERE = FlowFacts(now=NOW)
DEPLOYED = FlowFacts(now=NOW, has_deployment=True)

# Rows: from. Columns: to. A accept, R keep (REJECT without a state), X abort. Times are past, a process is there.
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
none        A A A A A A A X A
SCHEDULED   A A A A A A A R A
PENDING     A X A A A A A R A
RUNNING     A X A A A A A A A
COMPLETED   X A A A A A X X X
FAILED      X A A A A A X X X
CRASHED     X A A A A A X X X
CANCELLED   X R R R R A X X X
PAUSED      A R A A A A A R A
CANCELLING  R R R R R A R R R
"""
CASES = [
    (row.split()[0], to, letter)
    for row in TABLE.strip().splitlines()
    for to, letter in zip(COLUMNS, row.split()[1:], strict=True)
]
STATUS = {"A": "ACCEPT", "R": "REJECT", "X": "ABORT"}


def past(type: str) -> State:
    return State(type, timestamp=NOW - timedelta(seconds=1))


@pytest.mark.parametrize(("before", "after", "letter"), CASES)
def test_every_pair_of_types_is_decided_as_documented(before, after, letter) -> None:
    current = None if before == "none" else past(before)
    proposed = past(after)

    decision = decide(current, proposed, HERE)

    wanted = (STATUS[letter], proposed if letter == "A" else None)
    assert (decision.status, decision.state) == wanted
    assert (decision.reason is None) == (letter == "A")


@pytest.mark.parametrize(("before", "after", "letter"), CASES)
def test_force_accepts_every_pair(before, after, letter) -> None:
    current = None if before == "none" else past(before)
    proposed = past(after)

    assert (decide(current, proposed, HERE, force=True).status) == "ACCEPT"


@pytest.mark.parametrize("before", ["COMPLETED", "FAILED", "CRASHED"])
def test_an_ended_run_of_a_deployment_can_be_scheduled_again(before) -> None:
    assert decide(past(before), past("SCHEDULED"), DEPLOYED).status == "ACCEPT"


@pytest.mark.parametrize("after", ["SCHEDULED", "PENDING", "RUNNING"])
def test_a_completed_run_with_a_stored_result_is_not_run_again(after) -> None:
    facts = FlowFacts(now=NOW, has_deployment=True, has_persisted_result=True)

    decision = decide(past("COMPLETED"), past(after), facts)

    assert (decision.status, decision.state) == ("REJECT", None)


def test_a_repeated_transition_is_answered_with_the_present_state() -> None:
    details = StateDetails(transition_id=uuid4())
    current = Running(state_details=details)

    decision = decide(current, Pending(state_details=replace(details)), HERE)

    assert (decision.status, decision.state) == ("REJECT", None)


def test_a_run_does_not_start_before_its_time() -> None:
    due = NOW + timedelta(seconds=90)

    for current in (Scheduled(scheduled_time=due), AwaitingRetry(scheduled_time=due)):
        decision = decide(current, Running(), HERE)
        assert (decision.status, decision.delay_seconds) == ("WAIT", 90.0)


def test_the_scheduled_time_goes_along_to_pending_and_still_holds() -> None:
    due = NOW + timedelta(seconds=5)
    pending = decide(Scheduled(scheduled_time=due), Pending(), HERE).state

    assert pending.state_details.scheduled_time == due
    assert decide(pending, Running(), HERE).delay_seconds == 5.0


@pytest.mark.parametrize("before", ["PENDING", "RUNNING", "PAUSED", "COMPLETED", "FAILED"])
def test_only_a_scheduled_run_becomes_late(before) -> None:
    late = Late(scheduled_time=NOW)
    decision = decide(past(before), late, DEPLOYED)

    assert (decision.status, decision.state) == ("REJECT", None)
    assert decide(past("SCHEDULED"), late, DEPLOYED).status == "ACCEPT"


def test_a_pause_key_waits_once() -> None:
    facts = FlowFacts(now=NOW, pause_keys=frozenset({"1"}))

    assert decide(Running(), Paused(pause_key="1"), facts).status == "REJECT"
    assert decide(Running(), Paused(pause_key="2"), facts).status == "ACCEPT"


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        (HERE, "ABORT"),
        (DEPLOYED, "ACCEPT"),
        (FlowFacts(now=NOW, has_deployment=True, is_subflow=True), "ABORT"),
    ],
)
def test_only_the_run_of_a_deployment_that_is_no_subflow_is_suspended(facts, status) -> None:
    assert decide(Running(), Suspended(), facts).status == status


@pytest.mark.parametrize("after", ["RUNNING", "SCHEDULED"])
def test_resuming_too_late_fails_the_run(after) -> None:
    paused = Paused(pause_expiration_time=NOW - timedelta(seconds=1))

    decision = decide(paused, past(after), HERE)

    assert (decision.status, decision.state.type) == ("REJECT", StateType.FAILED)
    assert decision.state.message == "The flow was paused and never resumed."


@pytest.mark.parametrize("after", ["RUNNING", "SCHEDULED"])
def test_a_suspended_run_without_a_deployment_is_not_resumed(after) -> None:
    decision = decide(Suspended(timeout_seconds=None), past(after), HERE)

    assert (decision.status, decision.state) == ("REJECT", None)


@pytest.mark.parametrize(
    ("current", "facts"),
    [
        (Scheduled(scheduled_time=NOW), FlowFacts(now=NOW, has_infrastructure=False)),
        (Scheduled(scheduled_time=NOW, name="Resuming"), HERE),
        (Suspended(), HERE),
    ],
    ids=["scheduled", "resuming", "suspended"],
)
def test_cancelling_goes_straight_to_cancelled_where_nothing_runs(current, facts) -> None:
    decision = decide(current, State("CANCELLING", message="please"), facts)

    assert (decision.status, decision.state.type, decision.state.message) == (
        "REJECT",
        StateType.CANCELLED,
        "please",
    )


TYPES = st.sampled_from(list(StateType))
FACTS = st.builds(
    FlowFacts,
    now=st.just(NOW),
    has_deployment=st.booleans(),
    has_infrastructure=st.booleans(),
    has_persisted_result=st.booleans(),
    is_subflow=st.booleans(),
)


@given(st.lists(st.tuples(TYPES, FACTS), max_size=12))
def test_any_sequence_of_proposals_keeps_the_invariants(proposals) -> None:
    current: State | None = None
    for kind, facts in proposals:
        before = current
        decision = decide(current, State(kind, timestamp=NOW), facts)
        current = decision.state or current
        if decision.status in ("WAIT", "ABORT"):
            assert decision.state is None
            assert decision.reason
        if before is None:
            continue
        if before.type is StateType.CANCELLED:
            assert current.type is StateType.CANCELLED
        if before.type is StateType.CANCELLING:
            assert current.type in (StateType.CANCELLING, StateType.CANCELLED)
        if before.type in TERMINAL and current is not before:
            assert current.type not in (StateType.CANCELLING, StateType.PAUSED, StateType.CRASHED)
            assert facts.has_deployment or current.type is not StateType.SCHEDULED


@given(st.sampled_from(COLUMNS), TYPES, FACTS)
def test_a_refusal_changes_nothing(before, kind, facts) -> None:
    current, proposed = past(before), past(kind.value)
    shown = (current.to_json(), proposed.to_json())

    decision = decide(current, proposed, facts)

    if decision.status != "ACCEPT":
        assert (current.to_json(), proposed.to_json()) == shown


def test_all_pairs_are_in_the_table() -> None:
    assert {(before, after) for before, after, _ in CASES} == set(product(["none", *COLUMNS], COLUMNS))


def test_a_completed_state_made_again_by_hand_is_accepted() -> None:
    again = Completed(name="RolledBack", timestamp=NOW)

    assert decide(Completed(timestamp=NOW), again, HERE).state is again
