"""States: constructors, names, copies, how they are shown and sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock import states
from penstock._values.states import TERMINAL, State, StateDetails, StateGroup, StateType, is_state_iterable

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
CONSTRUCTORS = {
    "Scheduled": ("SCHEDULED", "Scheduled"),
    "Late": ("SCHEDULED", "Late"),
    "AwaitingRetry": ("SCHEDULED", "AwaitingRetry"),
    "AwaitingConcurrencySlot": ("SCHEDULED", "AwaitingConcurrencySlot"),
    "Pending": ("PENDING", "Pending"),
    "Running": ("RUNNING", "Running"),
    "Retrying": ("RUNNING", "Retrying"),
    "Completed": ("COMPLETED", "Completed"),
    "Failed": ("FAILED", "Failed"),
    "Crashed": ("CRASHED", "Crashed"),
    "Cancelling": ("CANCELLING", "Cancelling"),
    "Cancelled": ("CANCELLED", "Cancelled"),
    "Paused": ("PAUSED", "Paused"),
    "Suspended": ("PAUSED", "Suspended"),
}


@pytest.mark.parametrize("maker", CONSTRUCTORS)
def test_each_constructor_gives_its_type_and_name(maker) -> None:
    state = getattr(states, maker)(message="why")

    assert (state.type.value, state.name, state.message) == (*CONSTRUCTORS[maker], "why")


@pytest.mark.parametrize("maker", CONSTRUCTORS)
def test_every_constructor_takes_a_custom_name(maker) -> None:
    state = getattr(states, maker)(name="Skipped")

    assert (state.type.value, state.name) == (CONSTRUCTORS[maker][0], "Skipped")


@pytest.mark.parametrize("kind", list(StateType))
def test_exactly_one_question_about_the_type_is_true(kind) -> None:
    state = State(kind)
    words = [other.value.lower() for other in StateType]

    assert [word for word in words if getattr(state, f"is_{word}")()] == [kind.value.lower()]
    assert state.is_final() == (kind in TERMINAL)


def test_the_ends_are_four() -> None:
    assert sorted(kind.value for kind in TERMINAL) == ["CANCELLED", "COMPLETED", "CRASHED", "FAILED"]


@pytest.mark.parametrize(
    ("state", "shown", "full"),
    [
        (states.Completed(), "Completed()", "Completed(message=None, type=COMPLETED, result=None)"),
        (states.Failed(message="m"), "Failed('m')", "Failed(message='m', type=FAILED, result=None)"),
        (
            states.Completed(name="Cached", data=3),
            "Cached(type=COMPLETED)",
            "Cached(message=None, type=COMPLETED, result=3)",
        ),
        (
            states.Failed(name="TimedOut", message="m"),
            "TimedOut('m', type=FAILED)",
            "TimedOut(message='m', type=FAILED, result=None)",
        ),
    ],
)
def test_how_a_state_is_shown(state, shown, full) -> None:
    assert (str(state), repr(state)) == (shown, full)


@pytest.mark.parametrize("maker", ["Scheduled", "Late", "AwaitingRetry", "AwaitingConcurrencySlot"])
def test_scheduled_states_are_due_now_unless_told(maker) -> None:
    make = getattr(states, maker)
    before = datetime.now(UTC)

    assert before <= make().state_details.scheduled_time <= datetime.now(UTC)
    assert make(scheduled_time=WHEN).state_details.scheduled_time == WHEN


def test_a_scheduled_time_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="extra scheduled_time"):
        states.Scheduled(scheduled_time=WHEN, state_details=StateDetails(scheduled_time=WHEN))


def test_a_pause_has_one_time_limit_or_none() -> None:
    before = datetime.now(UTC)
    limited = states.Paused(timeout_seconds=60, pause_key="k").state_details

    assert states.Paused().state_details.pause_timeout is None
    assert states.Paused(pause_expiration_time=WHEN).state_details.pause_timeout == WHEN
    assert timedelta(0) <= limited.pause_timeout - before - timedelta(seconds=60) < timedelta(seconds=5)
    assert limited.pause_key == "k"
    with pytest.raises(ValueError, match="Cannot set both"):
        states.Paused(timeout_seconds=1, pause_expiration_time=WHEN)


def test_a_suspended_state_is_rescheduled() -> None:
    assert states.Suspended().state_details.pause_reschedule is True
    assert states.Paused().state_details.pause_reschedule is False


def test_a_pause_without_time_can_be_zero_seconds_long() -> None:
    assert states.Paused(timeout_seconds=0).state_details.pause_timeout <= datetime.now(UTC)


def test_unknown_types_are_refused() -> None:
    with pytest.raises(ValueError, match="SLEEPING"):
        State("SLEEPING")


def test_a_fresh_copy_is_another_state_with_the_same_content() -> None:
    details = StateDetails(cache_key="k", transition_id=uuid4())
    state = State("COMPLETED", name="Done", message="m", data=[1], timestamp=WHEN, state_details=details)

    copy = state.fresh_copy()

    assert (copy.type, copy.name, copy.message, copy.data) == (state.type, "Done", "m", [1])
    assert copy.id != state.id
    assert copy.timestamp > WHEN
    assert copy.state_details == StateDetails(cache_key="k")
    copy.state_details.cache_key = "other"
    assert state.state_details.cache_key == "k"


def test_a_model_copy_replaces_fields_and_renews_the_timestamp() -> None:
    state = State("COMPLETED", message="m", data=1, timestamp=WHEN)

    copy = state.model_copy(update={"name": "Kept"})

    assert (copy.id, copy.name, copy.message, copy.data) == (state.id, "Kept", "m", 1)
    assert copy.timestamp > WHEN


def test_data_never_leaves_with_the_json() -> None:
    state = State("COMPLETED", data={"secret": 1})

    assert state.to_json()["data"] is None
    assert "secret" not in str(state.to_json())


AWARE = st.datetimes(timezones=st.just(UTC))
DETAILS = st.builds(
    StateDetails,
    flow_run_id=st.none() | st.uuids(),
    task_run_id=st.none() | st.uuids(),
    child_flow_run_id=st.none() | st.uuids(),
    scheduled_time=st.none() | AWARE,
    cache_key=st.none() | st.text(),
    cache_expiration=st.none() | AWARE,
    deferred=st.booleans(),
    untrackable_result=st.booleans(),
    pause_timeout=st.none() | AWARE,
    pause_reschedule=st.booleans(),
    pause_key=st.none() | st.text(),
    run_input_keyset=st.none() | st.dictionaries(st.text(), st.text()),
    refresh_cache=st.none() | st.booleans(),
    retriable=st.none() | st.booleans(),
    transition_id=st.none() | st.uuids(),
)


@given(
    st.sampled_from(list(StateType)),
    st.text(min_size=1),
    st.none() | st.text(),
    AWARE,
    st.uuids(),
    DETAILS,
)
def test_json_gives_the_same_state_back(kind, name, message, when, id, details) -> None:
    state = State(kind, name, message, data=object(), state_details=details, timestamp=when, id=id)

    back = State.from_json(state.to_json())

    assert (back.type, back.name, back.message, back.timestamp, back.id) == (kind, name, message, when, id)
    assert back.data is None
    assert back.state_details == state.state_details
    assert StateDetails.from_json(details.to_json()) == details


def test_unknown_details_are_ignored() -> None:
    assert StateDetails.from_json({"cache_key": "k", "invented": 1}) == StateDetails(cache_key="k")
    assert StateDetails.from_json(None) == StateDetails()


def test_a_group_counts() -> None:
    group = StateGroup([states.Completed(), states.Failed(), states.Crashed(), states.Running()])

    assert (group.all_completed(), group.all_final(), group.any_failed()) == (False, False, True)
    assert (group.any_cancelled(), group.any_paused(), group.fail_count) == (False, False, 2)
    assert group.counts_message() == "total=4 'RUNNING'=1 'COMPLETED'=1 'FAILED'=1 'CRASHED'=1"


@pytest.mark.parametrize(
    ("kinds", "question", "answer"),
    [
        (["COMPLETED", "COMPLETED"], "all_completed", True),
        (["COMPLETED", "PAUSED"], "all_completed", False),
        (["COMPLETED", "CANCELLED"], "all_final", True),
        (["COMPLETED", "CANCELLING"], "all_final", False),
        (["CANCELLED"], "any_cancelled", True),
        (["CANCELLING"], "any_cancelled", False),
        (["PAUSED", "COMPLETED"], "any_paused", True),
        (["CRASHED"], "any_failed", True),
        (["CANCELLED"], "any_failed", False),
    ],
)
def test_questions_about_a_group(kinds, question, answer) -> None:
    assert getattr(StateGroup([State(kind) for kind in kinds]), question)() is answer


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ([states.Completed()], True),
        ((states.Completed(), states.Failed()), True),
        ({states.Completed()}, True),
        ([], False),
        ([states.Completed(), 1], False),
        ({"a": states.Completed()}, False),
        ((state for state in [states.Completed()]), False),
        (states.Completed(), False),
    ],
)
def test_what_counts_as_a_collection_of_states(value, answer) -> None:
    assert is_state_iterable(value) is answer


def test_ids_are_in_the_order_of_time() -> None:
    made = [State("RUNNING").id for _ in range(50)]

    assert len(set(made)) == 50
    assert [id.int >> 80 for id in made] == sorted(id.int >> 80 for id in made)
    assert all(isinstance(id, UUID) and id.version == 7 for id in made)
