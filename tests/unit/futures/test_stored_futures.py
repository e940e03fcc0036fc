"""Futures of runs that are known by id: the store tells how they end."""

from __future__ import annotations

import asyncio
import threading
from uuid import uuid4

import pytest

from penstock import flow, task
from penstock.context import get_run_context
from penstock.exceptions import FailedRun, MissingResult, ObjectNotFound
from penstock.futures import PrefectDistributedFuture, PrefectFlowRunFuture, as_completed, wait
from penstock.runtime import flow_run
from penstock.task_runs import TaskRunWaiter


@pytest.fixture
def held(home):
    """A flow run in another thread that ends when it is told to: `(its id, release, wait for the thread)`."""
    started, release, ids = threading.Event(), threading.Event(), []

    @flow(persist_result=True)
    def slow() -> int:
        ids.append(get_run_context().flow_run.id)
        started.set()
        release.wait(20)
        return 7

    thread = threading.Thread(target=slow)
    thread.start()
    assert started.wait(20)
    yield ids[0], release.set
    release.set()
    thread.join(20)


def test_a_flow_run_is_followed_to_its_end(held) -> None:
    run_id, release = held
    future = PrefectFlowRunFuture(run_id)
    called = threading.Event()
    future.add_done_callback(lambda f: called.set() if f.result() == 7 else None)

    assert (future.flow_run_id, future.state.name, future.done()) == (run_id, "Running", False)
    with pytest.raises(TimeoutError, match="Flow run .* did not complete within 0.05 seconds"):
        future.result(timeout=0.05)
    release()

    assert future.result(timeout=20) == 7
    assert called.wait(20)
    assert future.state.name == "Completed"


def test_a_flow_run_can_be_awaited_for_in_async_code(held) -> None:
    run_id, release = held

    async def main():
        future = PrefectFlowRunFuture(str(run_id))
        await future.wait_async(timeout=0.01)
        release()
        return await future.aresult(timeout=20)

    assert asyncio.run(main()) == 7


def test_flow_runs_wait_together_with_task_runs(held) -> None:
    run_id, release = held

    @task
    def one() -> int:
        return 1

    @flow
    def around():
        quick, slow = one.submit(), PrefectFlowRunFuture(run_id)
        before = wait([quick, slow], timeout=0.5)
        release()
        return len(before.done), [f.result() for f in as_completed([quick, slow], timeout=20)]

    assert around() == (1, [1, 7])


def test_a_flow_run_as_an_argument_is_waited_for(held) -> None:
    run_id, release = held

    @task
    def double(x: int) -> int:
        return 2 * x

    @flow
    def around() -> int:
        future = double.submit(PrefectFlowRunFuture(run_id))
        release()
        return future.result()

    assert around() == 14


def test_a_flow_run_nobody_knows_ends_the_wait(home) -> None:
    future = PrefectFlowRunFuture(uuid4())

    assert future.wait(timeout=20) is None
    with pytest.raises(ObjectNotFound):
        future.result()
    with pytest.raises(ObjectNotFound):
        PrefectFlowRunFuture(uuid4()).state  # noqa: B018


def test_what_was_not_kept_is_missing_and_not_none(home) -> None:
    @flow
    def quick() -> str:
        return flow_run.id

    with pytest.raises(MissingResult, match="persist_result=True"):
        PrefectFlowRunFuture(quick()).result(timeout=20)


def test_a_failed_run_raises_its_message(home) -> None:
    ids = []

    @flow
    def bad():
        ids.append(flow_run.id)
        raise ValueError("no water")

    bad(return_state=True)

    with pytest.raises(FailedRun, match="no water"):
        PrefectFlowRunFuture(ids[0]).result(timeout=20)


def test_any_task_run_is_followed_through_the_store(home) -> None:
    @task(persist_result=True)
    def double(x: int) -> int:
        return 2 * x

    @flow
    def run():
        future = double.submit(4)
        future.wait()
        return future.task_run_id

    future = PrefectDistributedFuture(run())

    assert future.result(timeout=20) == 8
    assert asyncio.run(future.result_async()) == 8
    assert asyncio.run(future.wait_async()) is None


def test_a_waiter_sees_task_runs_of_this_process_at_once(home) -> None:
    """With their values, though nothing was stored."""
    started, release = threading.Event(), threading.Event()
    ids, called = [], threading.Event()

    @task
    def double(x: int) -> int:
        ids.append(get_run_context().task_run.id)
        started.set()
        release.wait(20)
        return 2 * x

    thread = threading.Thread(target=double, args=(4,))
    thread.start()
    assert started.wait(20)
    TaskRunWaiter.add_done_callback(ids[0], called.set)

    async def main():
        assert await TaskRunWaiter.wait_for_task_run(ids[0], timeout=0.05) is None
        release.set()
        return await TaskRunWaiter.wait_for_task_run(ids[0], timeout=20)

    assert asyncio.run(main()).result() == 8
    assert called.wait(20)
    thread.join(20)


def test_there_is_one_waiter_and_it_can_be_stopped(home) -> None:
    waiter = TaskRunWaiter.instance()
    waiter.stop()

    assert TaskRunWaiter.instance() is waiter
    waiter.start()
    waiter.stop()
    assert waiter._started is False
