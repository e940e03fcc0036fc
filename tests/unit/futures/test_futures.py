"""Futures of task runs: waiting, values, callbacks."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from penstock import flow, futures, task
from penstock._engine.futures import PenstockTaskRunFuture
from penstock._values.runs import TaskRun
from penstock.futures import (
    DoneAndNotDoneFutures,
    PrefectConcurrentFuture,
    PrefectFuture,
    PrefectFutureList,
    PrefectTaskRunFuture,
    PrefectWrappedFuture,
    as_completed,
    resolve_futures_to_results,
    resolve_futures_to_states,
    wait,
)
from penstock.states import Cancelled, Completed, Failed


def pending(name: str = "run") -> PenstockTaskRunFuture:
    return PenstockTaskRunFuture(TaskRun(name=name, task_key=name, dynamic_key="0"))


def ended(value) -> PenstockTaskRunFuture:
    future = pending(str(value))
    future.set_state(Failed(data=value) if isinstance(value, BaseException) else Completed(data=value))
    return future


@pytest.mark.parametrize(
    "name",
    [name.removeprefix("Prefect") for name in futures.__all__ if name.startswith("Prefect")],
)
def test_documented_names_are_ours(name) -> None:
    assert getattr(futures, f"Prefect{name}") is getattr(futures, f"Penstock{name}")


def test_submitted_runs_are_futures_of_the_documented_kind(home) -> None:
    @task
    def double(x: int) -> int:
        return 2 * x

    @flow
    def run():
        one, many = double.submit(1), double.map([1, 2])
        return (
            isinstance(one, PrefectTaskRunFuture),
            isinstance(one, PrefectFuture),
            type(many) is PrefectFutureList,
        )

    assert run() == (True, True, True)


def test_a_list_has_one_timeout_for_all_of_it() -> None:
    """Not one a future: three that never end take one timeout, not three."""
    futures = PrefectFutureList([ended(1), pending("a"), pending("b"), pending("c")])
    before = time.monotonic()

    with pytest.raises(TimeoutError, match=r"3 \(of 4\) runs did not complete within 0.2 seconds"):
        futures.result(timeout=0.2)

    assert 0.2 <= time.monotonic() - before < 0.55


def test_waiting_for_a_list_never_raises() -> None:
    futures = PrefectFutureList([ended(1), pending()])

    assert futures.wait(timeout=0) is None
    assert futures[0].wait() is None


def test_a_timeout_of_the_task_itself_is_its_error_not_ours() -> None:
    error = TimeoutError("the database")

    with pytest.raises(TimeoutError, match="the database"):
        PrefectFutureList([ended(error)]).result(timeout=5)


def test_result_without_raising_returns_the_exception_object() -> None:
    error = ValueError("no")

    assert ended(error).result(raise_on_failure=False) is error
    assert PrefectFutureList([ended(1), ended(error)]).result(raise_on_failure=False) == [1, error]


def test_a_future_that_is_late_names_its_run() -> None:
    with pytest.raises(TimeoutError, match="Task run 'slow' did not complete within 0 seconds"):
        pending("slow").result(timeout=0)


def test_callbacks_registered_after_completion_still_fire() -> None:
    seen = []
    future = pending()

    future.add_done_callback(lambda f: seen.append(("before", f is future)))
    future.set_state(Completed(data=1))
    future.add_done_callback(lambda f: seen.append(("after", f is future)))

    assert seen == [("before", True), ("after", True)]


def test_a_cancelled_run_calls_back_too() -> None:
    seen, future = [], pending()
    future.add_done_callback(lambda f: seen.append(f.state.name))

    future.set_state(Cancelled())

    assert seen == ["Cancelled"]


def test_a_callback_that_raises_keeps_nobody_else_from_being_called(caplog) -> None:
    seen, future = [], pending()

    def broken(_):
        raise ValueError("no")

    future.add_done_callback(broken)
    future.add_done_callback(lambda f: seen.append(f.result()))
    future.set_state(Completed(data=1))
    future.add_done_callback(broken)

    assert seen == [1]
    assert [record.exc_info[1].args for record in caplog.records] == [("no",), ("no",)]


def test_a_callback_can_be_taken_back() -> None:
    seen, future = [], pending()
    future.add_done_callback(seen.append)

    future.remove_done_callback(seen.append)
    future.set_state(Completed())

    assert seen == []


def test_the_first_final_state_counts() -> None:
    future = ended(1)

    future.set_state(Failed())

    assert (future.state.name, future.result()) == ("Completed", 1)


def test_futures_live_in_sets_and_dicts() -> None:
    one, other = ended(1), ended(1)

    assert len({one, other, one}) == 2
    assert {one: "a"}[one] == "a"


def test_wait_sorts_into_done_and_not_done_and_drops_duplicates() -> None:
    over, late = ended(1), pending()

    found = wait([over, late, over, late], timeout=0.05)

    assert found == DoneAndNotDoneFutures(done={over}, not_done={late})
    assert (found.done, found.not_done) == ({over}, {late})
    assert late._callbacks == []


def test_wait_watches_all_at_once() -> None:
    """The one that is asked for first is the last to end."""
    waiting = [pending(str(n)) for n in range(5)]
    thread = threading.Thread(target=lambda: [f.set_state(Completed()) for f in reversed(waiting)])
    thread.start()

    assert wait(waiting, timeout=10).not_done == set()
    thread.join()


def test_as_completed_yields_in_the_order_of_the_ends_and_each_once() -> None:
    first, second = pending("first"), pending("second")
    seen = []

    for future in as_completed([second, first, first, ended(0)], timeout=10):
        seen.append(future)
        if len(seen) == 1:
            first.set_state(Completed())
        elif len(seen) == 2:
            second.set_state(Completed())

    assert seen[1:] == [first, second]
    assert len(seen) == 3


def test_as_completed_says_how_many_are_late() -> None:
    with pytest.raises(TimeoutError, match=r"1 \(of 2\) futures unfinished"):
        list(as_completed([ended(1), pending()], timeout=0.01))


def test_futures_are_found_in_nested_collections() -> None:
    expr = {"a": [ended(1), (ended(2),)], "b": PrefectFutureList([ended(3)]), "c": "text"}

    values, states = resolve_futures_to_results(expr), resolve_futures_to_states(expr)

    assert values == {"a": [1, (2,)], "b": [3], "c": "text"}
    assert [type(value) for value in (values["b"], states["b"])] == [list, list]
    assert states["b"][0].is_completed()


def test_a_future_cannot_be_awaited() -> None:
    async def main():
        await ended(1)

    with pytest.raises(TypeError, match="await"):
        asyncio.run(main())


def test_a_wrapped_future_ends_with_the_state_the_other_gives() -> None:
    release = threading.Event()
    run_id = uuid4()
    with ThreadPoolExecutor() as pool:
        inner = pool.submit(lambda: (release.wait(10), Completed(data=3))[1])
        future = PrefectConcurrentFuture(run_id, inner)
        assert (future.task_run_id, future.wrapped_future, future.done()) == (run_id, inner, False)
        release.set()

        assert future.result(timeout=10) == 3
    assert future.wait(timeout=0) is None


def test_a_wrapped_future_that_raises_crashes_the_run() -> None:
    seen = []
    with ThreadPoolExecutor() as pool:
        future = PrefectWrappedFuture(
            TaskRun(name="r", task_key="t", dynamic_key="0"), pool.submit(lambda: 1 / 0)
        )
        future.add_done_callback(lambda f: seen.append(f.state.type.value))
        future.wait(10)

    assert seen == ["CRASHED"]
    with pytest.raises(ZeroDivisionError):
        future.result()
