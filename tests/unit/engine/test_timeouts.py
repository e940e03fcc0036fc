"""Time limits: in the main thread, in workers, in async code; and user errors that look like them."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from penstock import flow, task
from penstock.exceptions import FlowRunTimeoutError, TaskRunTimeoutError


def spin() -> None:
    """Stay in Python code until interrupted; a hanging test is ended by the deadline."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        threading.Event().wait(0.001)


@task(timeout_seconds=0.05)
def slow_task() -> None:
    spin()


def check_task(state: Any) -> None:
    assert (state.type.value, state.name, state.message) == (
        "FAILED",
        "TimedOut",
        "Task run exceeded timeout of 0.05 second(s)",
    )
    assert type(state.result(raise_on_failure=False)) is TaskRunTimeoutError


def test_a_task_in_the_main_thread_is_stopped() -> None:
    check_task(slow_task(return_state=True))


def test_a_task_in_a_worker_thread_is_stopped() -> None:
    @flow
    def run() -> Any:
        return {"state": slow_task.submit(return_state=True)}

    check_task(run()["state"])


def test_an_async_task_is_stopped() -> None:
    @task(timeout_seconds=0.05)
    async def slow() -> None:
        await asyncio.sleep(20)

    @flow
    async def run() -> Any:
        return {"state": await slow(return_state=True)}

    check_task(asyncio.run(run())["state"])


def test_a_flow_in_the_main_thread_is_stopped(witness) -> None:
    @flow(timeout_seconds=0.05)
    def slow() -> None:
        spin()

    state = slow(return_state=True)

    assert (state.name, state.message) == ("TimedOut", "Flow run exceeded timeout of 0.05 second(s)")
    with pytest.raises(FlowRunTimeoutError, match="exceeded timeout"):
        state.result()
    assert witness.states("slow") == ["Pending", "Running", "TimedOut"]


def test_an_async_flow_is_stopped() -> None:
    @flow(timeout_seconds=0.05)
    async def slow() -> None:
        await asyncio.sleep(20)

    with pytest.raises(FlowRunTimeoutError):
        asyncio.run(slow())


def test_a_flow_in_another_thread_is_stopped() -> None:
    @flow(timeout_seconds=0.05)
    def slow() -> None:
        spin()

    states: list[Any] = []
    thread = threading.Thread(target=lambda: states.append(slow(return_state=True)))
    thread.start()
    thread.join(20)

    assert [state.name for state in states] == ["TimedOut"]


@pytest.mark.parametrize("kind", [flow, task])
def test_a_timeout_error_of_the_user_is_a_plain_failure(kind) -> None:
    error = TimeoutError("mine")

    @kind(timeout_seconds=20)
    def work() -> None:
        raise error

    state = work(return_state=True)

    assert (state.name, state.data) == ("Failed", error)


def test_an_async_timeout_error_of_the_user_is_a_plain_failure() -> None:
    @task(timeout_seconds=20)
    async def work() -> None:
        async with asyncio.timeout(0.001):
            await asyncio.sleep(20)

    @flow
    async def run() -> Any:
        return {"state": await work(return_state=True)}

    assert asyncio.run(run())["state"].name == "Failed"


def test_user_code_cannot_swallow_the_limit() -> None:
    @task(timeout_seconds=0.05)
    def stubborn() -> None:
        try:
            spin()
        except Exception:
            raise AssertionError("seen by user code") from None

    check_task(stubborn(return_state=True))


def test_a_timed_out_task_is_tried_again(witness) -> None:
    tries: list[int] = []

    @task(timeout_seconds=0.05, retries=1)
    def work() -> str:
        tries.append(1)
        if len(tries) == 1:
            spin()
        return "second"

    assert work() == "second"
    assert witness.states("work") == ["Pending", "Running", "Retrying", "Completed"]


def test_a_run_in_time_leaves_no_alarm_behind() -> None:
    import signal

    before, left = signal.getsignal(signal.SIGALRM), signal.setitimer(signal.ITIMER_REAL, 0)[0]

    assert task(timeout_seconds=20)(lambda: 3)() == 3
    assert (signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)) == (before, (0.0, 0.0))
    signal.setitimer(signal.ITIMER_REAL, left)


def test_the_limit_of_a_flow_holds_while_its_tasks_have_their_own(witness) -> None:
    """The inner alarm used to put the outer one back with the time it had when the inner began."""
    calls: list[int] = []

    @task(timeout_seconds=20)
    def inner() -> None:
        calls.append(1)
        threading.Event().wait(0.2)

    @flow(timeout_seconds=0.1)
    def outer() -> None:
        for _ in range(20):
            inner()

    state = outer(return_state=True)

    assert (state.name, len(calls)) == ("TimedOut", 1)


def test_a_flow_that_times_out_inside_a_task_blames_the_flow(witness) -> None:
    """The task was TimedOut after "0.0 second(s)" and the flow Failed with the task's error."""

    @task
    def unlimited() -> None:
        spin()

    @flow(timeout_seconds=0.1)
    def outer() -> None:
        unlimited()

    state = outer(return_state=True)

    assert (state.name, type(state.data)) == ("TimedOut", FlowRunTimeoutError)
    assert witness.states("unlimited") == ["Pending", "Running", "Crashed"]
