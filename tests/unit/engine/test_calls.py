"""Calling flows and tasks: values, states, submit, wait_for, final states."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from penstock import allow_failure, flow, task
from penstock._values.states import State
from penstock.exceptions import MissingResult, UnfinishedRun, UpstreamTaskError
from penstock.futures import as_completed, wait
from penstock.states import Completed, Failed
from penstock.utilities.annotations import quote


@task
def double(x: Any) -> Any:
    return x * 2


@task
def fail(text: str = "no") -> None:
    raise ValueError(text)


@task
def identity(x: Any) -> Any:
    return x


def test_a_flow_returns_what_its_function_returns(witness) -> None:
    @flow
    def plain(x: int) -> dict[str, int]:
        return {"x": x}

    assert plain(3) == {"x": 3}
    assert witness.states("plain") == ["Pending", "Running", "Completed"]
    assert plain.fn(4) == {"x": 4}


def test_the_original_exception_object_is_raised() -> None:
    error = KeyError("gone")

    @flow
    def broken() -> None:
        raise error

    with pytest.raises(KeyError) as caught:
        broken()
    assert caught.value is error


def test_return_state_never_raises_what_the_user_raised(witness) -> None:
    @flow
    def broken() -> None:
        fail()

    state = broken(return_state=True)

    assert (state.name, state.message) == ("Failed", "Flow run encountered an exception: ValueError: no")
    assert type(state.result(raise_on_failure=False)) is ValueError
    assert witness.states("fail") == ["Pending", "Running", "Failed"]


def test_a_task_works_without_a_flow(witness) -> None:
    assert double(4) == 8
    state = fail(return_state=True)

    assert (state.name, str(state.data)) == ("Failed", "no")
    assert witness.task_runs["double"].flow_run_id is None


def test_submit_gives_a_future_and_result_the_value() -> None:
    @flow
    def one() -> tuple[Any, ...]:
        future = double.submit(5)
        value = future.result()
        return value, future.state.name, future.done(), future.task_run_id == future.task_run.id

    assert one() == (10, "Completed", True, True)


def test_submit_with_return_state_waits() -> None:
    @flow
    def one() -> tuple[str, Any]:
        good, bad = double.submit(1, return_state=True), fail.submit(return_state=True)
        return f"{good.name} {bad.name}", good.result()

    assert one() == ("Completed Failed", 2)


@pytest.mark.parametrize("verb", ["submit", "map"])
def test_submit_and_map_need_a_flow(verb) -> None:
    with pytest.raises(RuntimeError, match="call it inside a flow"):
        getattr(double, verb)([1])


@dataclass
class Box:
    inside: Any


def test_futures_are_resolved_wherever_they_are() -> None:
    @flow
    def nested() -> Any:
        future = double.submit(1)
        return identity({"list": [future, 7], "box": Box(future), (1,): {"deep": (future,)}})

    assert nested() == {"list": [2, 7], "box": Box(2), (1,): {"deep": (2,)}}


def test_a_failed_upstream_means_the_task_does_not_start(witness) -> None:
    @flow
    def chain() -> State:
        return double.submit(fail.submit("rain"), return_state=True)

    state = chain(return_state=True)

    assert witness.states("double") == ["Pending", "NotReady"]
    assert state.name == "Failed"
    inner = state.data
    assert (inner.name, inner.type.value, type(inner.data)) == ("NotReady", "PENDING", UpstreamTaskError)
    assert "did not reach a 'COMPLETED' state" in str(inner.data)
    assert "rain" in inner.message


def test_the_result_of_a_run_that_was_not_ready_tells_why() -> None:
    @flow
    def chain() -> Any:
        return double.submit(fail.submit("rain")).result()

    with pytest.raises(
        UnfinishedRun,
        match=r"Run is in NotReady state, its results are not available\. "
        r"Upstream task run 'fail-\w+' did not reach a 'COMPLETED' state: it is Failed \(.*rain\)",
    ):
        chain()


def test_wait_for_holds_back_and_a_failed_one_blocks(witness) -> None:
    order: list[str] = []

    @task
    def note(name: str) -> str:
        order.append(name)
        return name

    @flow
    def ordered() -> list[str]:
        first = note.submit("first")
        second = note.submit("second", wait_for=[first])
        third = note("third", wait_for=[second])
        blocked = double.submit(1, wait_for=[fail.submit()])
        allowed = identity.submit("ran", wait_for=[allow_failure(fail.submit())])
        blocked.wait()
        return [third, blocked.state.name, allowed.result()]

    assert ordered() == ["third", "NotReady", "ran"]
    assert order == ["first", "second", "third"]


def test_allow_failure_hands_over_the_exception() -> None:
    @flow
    def tolerant() -> Any:
        return identity(allow_failure(fail.submit("hail")))

    error = tolerant()

    assert (type(error), str(error)) == (ValueError, "hail")


def test_quote_hands_a_value_over_unexamined() -> None:
    received: list[Any] = []

    @task
    def keep(x: Any) -> None:
        received.append(x)

    @flow
    def quoted() -> bool:
        box = {"f": double.submit(1)}
        keep(quote(box))
        return received[0] is box

    assert quoted() is True


def test_a_state_as_argument_becomes_its_value() -> None:
    @flow
    def by_state() -> int:
        return double(double(3, return_state=True))

    assert by_state() == 12


def test_futures_left_alone_are_finished_before_the_flow_ends(witness) -> None:
    @flow
    def careless() -> str:
        for n in range(5):
            double.submit(n)
        return "done"

    assert careless() == "done"
    assert witness.states("double").count("Completed") == 5
    assert witness.flows[-1] == ("careless", "Completed")


def test_returned_futures_decide_the_final_state() -> None:
    @flow
    def returning(*names: str) -> Any:
        futures = {"good": double.submit(1), "bad": fail.submit()}
        return [futures[name] for name in names]

    good, bad = returning("good", "good", return_state=True), returning("good", "bad", return_state=True)

    assert (good.name, good.message) == ("Completed", "All states completed.")
    assert [state.result() for state in good.result()] == [2, 2]
    assert (bad.name, bad.message) == ("Failed", "1/2 states failed.")
    with pytest.raises(ValueError, match="no"):
        bad.result()


def test_a_failed_task_does_not_fail_the_flow_by_itself() -> None:
    @flow
    def shrug() -> str:
        fail.submit().wait()
        return "fine"

    assert shrug() == "fine"


def test_a_manual_state_ends_the_run_under_its_own_name() -> None:
    @flow
    def skipped() -> State:
        return Completed(name="Skipped", message="nothing new")

    state = skipped(return_state=True)

    assert (state.name, state.type.value, state.message) == ("Skipped", "COMPLETED", "nothing new")


def test_a_returned_failed_state_raises_for_who_asks_for_the_value() -> None:
    @task
    def hand_made() -> State:
        return Failed(message="by hand")

    @flow
    def calling() -> None:
        hand_made()

    with pytest.raises(Exception, match="by hand"):
        calling()


def test_a_flow_that_returns_a_generator_is_drained() -> None:
    @flow
    def lazy() -> Any:
        return (double(n) for n in range(3))

    assert lazy() == [0, 2, 4]


def test_wait_and_as_completed_see_every_future_once() -> None:
    @flow
    def many() -> tuple[int, int, list[int]]:
        futures = [double.submit(n) for n in range(4)]
        done, left = wait([*futures, futures[0]])
        return len(done), len(left), sorted(f.result() for f in as_completed(futures))

    assert many() == (4, 0, [0, 2, 4, 6])


def test_result_and_wait_give_up_at_their_timeout() -> None:
    import threading

    release = threading.Event()

    @task
    def held() -> str:
        release.wait(20)
        return "late"

    @flow
    def impatient() -> Any:
        futures = [held.submit(), held.submit()]
        with pytest.raises(TimeoutError, match=r"did not complete within 0.01 seconds"):
            futures[0].result(timeout=0.01)
        done, left = wait(futures, timeout=0.01)
        with pytest.raises(TimeoutError, match=r"2 \(of 2\) futures unfinished"):
            list(as_completed(futures, timeout=0.01))
        futures[0].wait(timeout=0.01)
        release.set()
        return len(done), len(left), [f.result() for f in futures]

    assert impatient() == (0, 2, ["late", "late"])


def test_callbacks_fire_also_when_added_late() -> None:
    seen: list[Any] = []

    @flow
    def watched() -> bool:
        future = double.submit(1)
        future.add_done_callback(seen.append)
        future.wait()
        future.add_done_callback(seen.append)
        return seen == [future, future]

    assert watched() is True


def test_result_without_raising_returns_the_exception() -> None:
    @flow
    def look() -> Any:
        return repr(fail.submit("x").result(raise_on_failure=False))

    assert look() == "ValueError('x')"


def test_a_future_cannot_be_awaited() -> None:
    @flow
    async def wrong() -> Any:
        return await double.submit(1)

    with pytest.raises(TypeError, match="await"):
        asyncio.run(wrong())


@pytest.mark.parametrize("verb", ["submit", "__call__"])
def test_an_input_whose_value_is_gone_fails_the_task(verb, witness) -> None:
    """The error came out of the engine: the run stayed Pending, or crashed with "the engine failed"."""
    gone = task(cache_result_in_memory=False)(lambda: 1)

    @flow
    def chain() -> Any:
        future = gone.submit()
        return {"state": getattr(double, verb)(future, return_state=True)}

    state = chain()["state"]

    assert (state.name, type(state.data)) == ("Failed", MissingResult)
    assert witness.states("double") == ["Pending", "Failed"]
