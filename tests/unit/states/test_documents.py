"""Runs and states as the documented objects: out as dicts and JSON, in again, copies."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from penstock.client.schemas import objects
from penstock.client.schemas.objects import (
    Constant,
    FlowRun,
    FlowRunResult,
    Parameter,
    RunType,
    State,
    StateDetails,
    StateType,
    TaskRun,
    TaskRunResult,
)
from penstock.states import Completed, Running, Scheduled, to_state_create

WHEN = datetime(2026, 1, 1, 12, tzinfo=UTC)
FLOW_RUN, TASK_RUN = UUID(int=1), UUID(int=2)


def test_name_and_type_pairs_survive_serialisation() -> None:
    """Several names share a type, so both have to travel."""
    states = [Completed(name="Cached"), Completed(name="RolledBack"), State("FAILED", name="TimedOut")]

    back = [State.model_validate_json(state.model_dump_json()) for state in states]

    assert [(s.type.value, s.name) for s in back] == [
        ("COMPLETED", "Cached"),
        ("COMPLETED", "RolledBack"),
        ("FAILED", "TimedOut"),
    ]
    assert back == states


def test_a_state_as_a_dict_has_every_documented_field() -> None:
    details = StateDetails(flow_run_id=FLOW_RUN, cache_key="k")
    state = State("COMPLETED", message="m", data=[1], timestamp=WHEN, id=TASK_RUN, state_details=details)

    assert state.model_dump(exclude={"state_details"}) == {
        "id": TASK_RUN,
        "created": None,
        "updated": None,
        "type": StateType.COMPLETED,
        "name": "Completed",
        "timestamp": WHEN,
        "message": "m",
        "data": [1],
    }
    assert state.model_dump(mode="json", include=["state_details"], exclude_none=True)["state_details"][
        "flow_run_id"
    ] == str(FLOW_RUN)


def test_a_model_copy_may_be_deep() -> None:
    state = Completed(data=[[1]])

    shallow, deep = state.model_copy(), state.model_copy(deep=True, update={"message": "m"})

    assert shallow.data is state.data
    assert (deep.data, deep.message, deep.id) == ([[1]], "m", state.id)
    assert deep.data is not state.data


def test_local_data_never_leaks_to_the_api() -> None:
    sent = to_state_create(Completed(data={"password": "x"}, message="m"))

    assert (sent.type, sent.name, sent.message, sent.data) == (StateType.COMPLETED, "Completed", "m", None)
    assert "password" not in sent.model_dump_json()


@pytest.mark.parametrize(
    ("run_type", "expected"),
    [
        (RunType.FLOW_RUN, FlowRunResult(id=FLOW_RUN)),
        (RunType.TASK_RUN, TaskRunResult(id=TASK_RUN)),
    ],
)
def test_details_lead_to_the_run_as_an_input(run_type, expected) -> None:
    details = StateDetails(flow_run_id=FLOW_RUN, task_run_id=TASK_RUN)

    assert details.to_run_result(run_type) == expected
    assert StateDetails().to_run_result(run_type) is None


def test_inputs_of_runs_are_hashable_and_say_their_kind() -> None:
    inputs = {
        TaskRunResult(id=TASK_RUN),
        TaskRunResult(id=TASK_RUN),
        Parameter(name="x"),
        Constant(type="int"),
    }

    assert sorted(one.input_type for one in inputs) == ["constant", "parameter", "task_run"]
    assert TaskRunResult.model_validate({"id": str(TASK_RUN), "input_type": "task_run"}) in inputs


def test_a_flow_run_of_the_api_is_read_and_written() -> None:
    answer = {
        "id": str(FLOW_RUN),
        "flow_id": str(TASK_RUN),
        "name": "red-fox",
        "state": {"type": "RUNNING", "name": "Retrying", "timestamp": WHEN.isoformat()},
        "state_name": "Retrying",
        "start_time": WHEN.isoformat(),
        "total_run_time": 1.5,
        "tags": ["a"],
        "empirical_policy": {"retries": 2},
        "a_field_of_the_future": 1,
    }

    run = FlowRun.model_validate(answer)
    shown = json.loads(run.model_dump_json())

    assert (run.id, run.state_name, run.start_time, run.total_run_time) == (
        FLOW_RUN,
        "Retrying",
        WHEN,
        timedelta(seconds=1.5),
    )
    assert run.empirical_policy.retries == 2
    assert (shown["state"]["name"], shown["total_run_time"], shown["state_type"]) == (
        "Retrying",
        1.5,
        "RUNNING",
    )
    assert FlowRun.model_validate(shown) == run


def test_runs_get_an_id_and_a_name_of_their_own() -> None:
    first, second = (FlowRun(flow_id=uuid4()) for _ in range(2))

    assert first.id != second.id
    assert first.name
    assert first.labels is not second.labels


def test_what_does_not_fit_is_refused_with_the_field() -> None:
    with pytest.raises(ValueError, match="FlowRun.id cannot be 'nobody'"):
        FlowRun.model_validate({"id": "nobody", "flow_id": str(FLOW_RUN)})
    with pytest.raises(ValueError, match="This is no TaskRun: .*task_key"):
        TaskRun.model_validate({"name": "x"})
    with pytest.raises(ValueError, match="made of a dict, not of int"):
        State.model_validate(3)


def test_run_time_counts_attempts_and_not_the_waits_between() -> None:
    run = TaskRun(task_key="t", dynamic_key="0", expected_start_time=WHEN)
    steps = [("RUNNING", 1), ("SCHEDULED", 3), ("RUNNING", 10), ("COMPLETED", 14)]

    for kind, seconds in steps:
        run.note(State(kind, timestamp=WHEN + timedelta(seconds=seconds)))

    assert run.total_run_time == run.estimated_run_time == timedelta(seconds=6)
    assert (run.start_time, run.end_time) == (WHEN + timedelta(seconds=1), WHEN + timedelta(seconds=14))
    assert run.estimated_start_time_delta == timedelta(seconds=1)


def test_a_running_run_is_estimated_until_now() -> None:
    run = FlowRun(flow_id=uuid4())
    run.note(Running(timestamp=datetime.now(UTC) - timedelta(hours=1)))

    assert timedelta(hours=1) <= run.estimated_run_time < timedelta(hours=1, minutes=1)
    assert run.total_run_time == timedelta(0)


def test_lists_are_read_at_once() -> None:
    states = State.model_validate_list([{"type": "FAILED"}, Scheduled(scheduled_time=WHEN)])

    assert [state.type.value for state in states] == ["FAILED", "SCHEDULED"]
    assert states[1].state_details.scheduled_time == WHEN


def test_terminal_states_are_a_set_of_types() -> None:
    assert {
        StateType.COMPLETED,
        StateType.FAILED,
        StateType.CANCELLED,
        StateType.CRASHED,
    } == objects.TERMINAL_STATES
