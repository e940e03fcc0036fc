"""Retries: how many, after how long, and what is seen of them."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock import flow, task
from penstock._engine.retry_delays import delay_before, exponential_backoff
from penstock.settings import temporary_settings
from penstock.states import Failed


def failing(times: int) -> Any:
    """A function that fails so many times, then gives the number of its calls."""
    calls: list[int] = []

    def work() -> int:
        calls.append(1)
        if len(calls) <= times:
            raise ValueError(f"failure {len(calls)}")
        return len(calls)

    return work


def test_retries_are_extra_attempts_and_go_straight_to_retrying(witness) -> None:
    @flow
    def run() -> int:
        return task(failing(2), name="work", retries=2)()

    assert run() == 3
    assert witness.states("work") == ["Pending", "Running", "Retrying", "Retrying", "Completed"]
    assert witness.task_runs["work"].run_count == 3


def test_the_last_failure_is_final_and_its_own(witness) -> None:
    state = task(failing(9), name="work", retries=1)(return_state=True)

    assert (state.name, str(state.data)) == ("Failed", "failure 2")
    assert witness.states("work") == ["Pending", "Running", "Retrying", "Failed"]


@pytest.mark.parametrize(
    ("retries", "delay", "sleeps"),
    [
        (3, 5, [5.0, 5.0, 5.0]),
        (3, 0.5, [0.5, 0.5, 0.5]),
        (3, [1, 2], [1.0, 2.0, 2.0]),
        (2, [1, 2, 3], [1.0, 2.0]),
        (3, exponential_backoff(2), [2.0, 4.0, 8.0]),
        (3, lambda retries: [retries * 10] * retries, [30.0, 30.0, 30.0]),
        (2, None, []),
        (2, [0, 4], [4.0]),
    ],
)
def test_the_wait_before_each_retry(retries, delay, sleeps, run_without_waiting) -> None:
    work = task(failing(9), name="work", retries=retries, retry_delay_seconds=delay)

    state, slept = run_without_waiting(work)

    assert (state.name, slept) == ("Failed", sleeps)


def test_a_delay_is_seen_as_awaiting_retry(run_without_waiting, witness) -> None:
    run_without_waiting(task(failing(1), name="work", retries=1, retry_delay_seconds=60))

    assert witness.states("work") == ["Pending", "Running", "AwaitingRetry", "Retrying", "Completed"]


def test_callable_delays_follow_the_retries_of_with_options(run_without_waiting) -> None:
    work = task(failing(9), name="work", retries=1, retry_delay_seconds=exponential_backoff(1))

    assert run_without_waiting(work.with_options(retries=4))[1] == [1.0, 2.0, 4.0, 8.0]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    delays=st.floats(0.01, 1e4) | st.lists(st.floats(0.01, 1e4), min_size=1, max_size=5),
    jitter=st.floats(0.01, 10),
    retry=st.integers(0, 8),
    seed=st.integers(),
)
def test_jitter_stays_between_zero_and_its_share_over(delays, jitter, retry, seed) -> None:
    plain = delay_before(retry, delays, None, random.Random())
    drawn = delay_before(retry, delays, jitter, random.Random(seed))

    assert 0 <= drawn <= plain * (1 + jitter) * (1 + 1e-9)


@pytest.mark.parametrize("jitter", [0.3, 1.0, 3.0])
def test_jitter_keeps_the_mean(jitter) -> None:
    rng = random.Random(7)
    drawn = [delay_before(0, 10.0, jitter, rng) for _ in range(20_000)]

    assert sum(drawn) / len(drawn) == pytest.approx(10.0, rel=0.02)


def test_no_delay_has_no_jitter() -> None:
    assert delay_before(0, 0, 5.0, random.Random()) == 0.0
    assert delay_before(0, [], 5.0, random.Random()) == 0.0


def test_the_condition_decides_and_sees_the_failure(witness) -> None:
    seen: list[Any] = []

    def condition(definition: Any, run: Any, state: Any) -> bool:
        seen.append((definition.name, run.run_count, state.name, repr(state.result(raise_on_failure=False))))
        return len(seen) < 2

    state = task(failing(9), name="work", retries=5, retry_condition_fn=condition)(return_state=True)

    assert state.name == "Failed"
    assert seen == [
        ("work", 1, "Failed", "ValueError('failure 1')"),
        ("work", 2, "Failed", "ValueError('failure 2')"),
    ]
    assert witness.states("work") == ["Pending", "Running", "Retrying", "Failed"]


def test_a_condition_that_raises_ends_the_retries(witness) -> None:
    def condition(*_: Any) -> bool:
        raise RuntimeError("broken condition")

    task(failing(9), name="work", retries=5, retry_condition_fn=condition)(return_state=True)

    assert witness.states("work") == ["Pending", "Running", "Failed"]
    assert any("broken condition" in message for _, message in witness.logs)


def test_an_async_condition_is_awaited(witness) -> None:
    async def condition(*_: Any) -> bool:
        return False

    task(failing(9), name="work", retries=5, retry_condition_fn=condition)(return_state=True)

    assert witness.states("work") == ["Pending", "Running", "Failed"]


def test_a_returned_failed_state_is_tried_again(witness) -> None:
    tries: list[int] = []

    @task(retries=1)
    def work() -> Any:
        tries.append(1)
        return Failed(message="by hand") if len(tries) == 1 else "fine"

    assert work() == "fine"
    assert witness.states("work") == ["Pending", "Running", "Retrying", "Completed"]


def test_downstream_sees_only_the_end() -> None:
    @task
    def after(x: int) -> int:
        return x * 10

    @flow
    def run() -> int:
        return after.submit(task(failing(2), retries=2).submit()).result()

    assert run() == 30


def test_explicit_zero_beats_the_setting(run_without_waiting, witness) -> None:
    with temporary_settings({"tasks_default_retries": 2, "tasks_default_retry_delay_seconds": [1.0, 10.0]}):
        assert run_without_waiting(task(failing(9), name="default"))[1] == [1.0, 10.0]
        assert run_without_waiting(task(failing(9), name="none", retries=0))[1] == []

    assert witness.states("none") == ["Pending", "Running", "Failed"]


def test_a_flow_is_tried_again_in_the_same_process(run_without_waiting, witness, rows) -> None:
    work = flow(failing(2), name="again", retries=2, retry_delay_seconds=30)
    fast = work.with_options(retry_delay_seconds=0)
    state, slept = run_without_waiting(fast)

    assert (state.name, state.data, slept) == ("Completed", 3, [0.0, 0.0])
    assert witness.states("again") == [
        "Pending",
        "Running",
        "AwaitingRetry",
        "Retrying",
        "AwaitingRetry",
        "Retrying",
        "Completed",
    ]
    run = witness.flow_runs["again"]
    assert run.run_count == 3
    assert rows(f"select run_count, state_name from runs where id = '{run.id}'") == [
        {"run_count": 3, "state_name": "Completed"}
    ]


def test_a_flow_retry_runs_its_tasks_again() -> None:
    counted: list[str] = []

    @task
    def step() -> None:
        counted.append("step")

    @flow(retries=1)
    def run() -> int:
        step()
        if len(counted) < 2:
            raise ValueError("first time")
        return len(counted)

    assert run() == 2


def test_completed_tasks_are_loaded_when_a_flow_with_stored_results_is_tried_again(witness) -> None:
    counted: list[str] = []

    @task
    def step(n: int) -> int:
        counted.append("step")
        return n

    @flow(retries=1, persist_result=True)
    def run() -> int:
        value = step(4)
        if witness.states("step").count("Completed") == 1 and "Cached" not in witness.states("step"):
            raise ValueError("first time")
        return value

    assert run() == 4
    assert counted == ["step"]
    assert witness.states("step") == ["Pending", "Running", "Completed", "Pending", "Cached"]


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"retry_delay_seconds": [1] * 51}, ValueError, "more than 50 retry delays"),
        ({"retry_jitter_factor": -0.1}, ValueError, "must be >= 0"),
        ({"retry_delay_seconds": "10"}, TypeError, "must be an int, float, list or callable"),
        ({"retry_condition_fn": 3}, TypeError, "to be callable, got int"),
        ({"on_failure": print}, TypeError, "Expected iterable for 'on_failure'"),
        ({"on_running": ["x"]}, TypeError, "Expected callables in 'on_running'; got str"),
        ({"task_run_name": 3}, TypeError, "string or callable for 'task_run_name'"),
        ({"on_commit": []}, TypeError, "use @my_task.on_commit"),
        ({"unknown": 1}, TypeError, "unknown"),
    ],
)
def test_bad_options_are_refused_at_definition(options, error, text) -> None:
    with pytest.raises(error, match=text):
        task(**options)(lambda: None)
