"""Any sequence of events leaves a record from which the same run comes out again, and illegal ones leave none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock import task
from penstock._engine.runner_port import make_run
from penstock._engine.task_run import TaskExecution
from penstock._journal.line import decode, encode
from penstock._journal.reader import read_all
from penstock._link.session import current_session
from penstock._rules.flow_policy import decide
from penstock._rules.task_table import TASK_TRANSITIONS, IllegalTransition
from penstock._store.live import LiveRun, state_from_line, to_us
from penstock._values.states import State, StateType

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUN = "01890000-0000-7000-8000-000000000000"
TYPES = st.sampled_from(list(StateType))


def proposal(kind: StateType, number: int) -> State:
    state = State(kind, message=f"step {number}", timestamp=NOW + timedelta(seconds=number))
    if kind is StateType.PAUSED:
        state.state_details.pause_key = str(number % 3)
    return state


def shown(run: LiveRun) -> Any:
    state = run.state.to_json() if run.state is not None else None
    return state, run.run_count, run.resuming, run.pause_keys


@given(st.lists(TYPES, max_size=15), st.booleans(), st.booleans())
def test_a_flow_run_is_the_same_again_from_its_lines(kinds, deployed, alive) -> None:
    body = {"deployment_id": RUN if deployed else None}
    run = LiveRun(RUN, body, to_us(NOW), "client")
    lines: list[bytes] = []
    for number, kind in enumerate(kinds):
        proposed = proposal(kind, number)
        before = shown(run)
        decision = decide(run.state, proposed, run.facts(proposed.timestamp, owner_alive=alive))
        entered = decision.state
        if entered is None or decision.status not in ("ACCEPT", "REJECT"):
            assert shown(run) == before
            continue
        line = {
            "state_id": entered.id,
            "type": entered.type.value,
            "name": entered.name,
            "message": entered.message,
            "details": entered.state_details.to_json(),
            "run_count": run.count_after(entered),
        }
        lines.append(encode(number, "state", to_us(entered.timestamp), line))
        run.enter(entered)

    again = LiveRun(RUN, body, to_us(NOW), "client")
    for raw in lines:
        read = decode(raw.rstrip(b"\n"))
        again.enter(state_from_line(read.body, read.at), read.body["run_count"])

    assert shown(again) == shown(run)


@task
def anything() -> None: ...


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(TYPES, max_size=10))
def test_a_task_run_is_the_same_again_from_its_lines(home, kinds) -> None:
    execution: TaskExecution = make_run(anything, {}, None, runner=None)
    run = execution.task_run
    for number, kind in enumerate(kinds):
        legal = kind in TASK_TRANSITIONS[run.state.type]
        before = (run.state, run.run_count, run.start_time, run.end_time)
        if legal:
            assert execution.enter(proposal(kind, number)) is run.state
            continue
        with pytest.raises(IllegalTransition):
            execution.enter(proposal(kind, number))
        assert (run.state, run.run_count, run.start_time, run.end_time) == before

    assert current_session().journal.flush()
    found = [line for line in read_all(current_session().journal.path) if line.body.get("id") == str(run.id)]
    counts = [line.body["run_count"] for line in found if line.kind == "state"]
    last = found[-1].body
    assert last.get("type", last.get("state_type")) == run.state.type.value
    assert last["state_id"] == str(run.state.id)
    assert ([0, *counts])[-1] == run.run_count
    assert counts == sorted(counts)
