"""The documented functions between values, exceptions and states; sync and awaited."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from penstock import flow, task
from penstock._results.store import ResultStore
from penstock._values.awaited import awaitable_too
from penstock.exceptions import CancelledRun, FailedRun, HashError, MissingResult, UnfinishedRun
from penstock.states import (
    AwaitingConcurrencySlot,
    Cancelled,
    Cancelling,
    Completed,
    Crashed,
    Failed,
    Paused,
    Retrying,
    Running,
    State,
    StateDetails,
    aget_state_exception,
    araise_state_exception,
    exception_to_crashed_state,
    exception_to_failed_state,
    format_exception,
    get_state_exception,
    get_state_result,
    return_value_to_state,
    to_state_create,
)

WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_first_failed_state_of_an_aggregate_is_raised() -> None:
    """Not a summary error, and not the cancelled one before it."""
    members = [
        Completed(),
        Cancelled(message="c"),
        Failed(data=HashError("first")),
        Failed(data=KeyError("second")),
    ]
    state = return_value_to_state(members)

    with pytest.raises(HashError, match="first"):
        state.result()


def test_an_aggregate_that_only_holds_cancelled_states_says_so() -> None:
    state = Failed(data=[Completed(), Cancelled(message="stopped")])

    assert repr(get_state_exception(state)) == repr(CancelledRun("stopped"))


def test_a_returned_state_that_is_not_over_has_no_exception_of_its_own() -> None:
    state = Failed(data=Paused(), message="The state is Paused.")

    assert repr(get_state_exception(state)) == repr(FailedRun("The state is Paused."))


def test_a_crash_is_not_a_failure() -> None:
    state = Crashed()

    assert (state.is_failed(), state.is_crashed(), state.is_final()) == (False, True, True)


@pytest.mark.parametrize("state", [Running(), Retrying(), Cancelling(), AwaitingConcurrencySlot()])
def test_a_value_that_is_not_there_yet_is_never_none(state) -> None:
    with pytest.raises(UnfinishedRun, match=state.name):
        get_state_result(state)


def test_a_result_that_is_gone_is_never_none(tmp_path) -> None:
    state = Completed(data=ResultStore(tmp_path).stored("nowhere"))

    with pytest.raises(MissingResult, match="nowhere"):
        state.result(retry_result_failure=False)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (KeyboardInterrupt(), "Execution was aborted by an interrupt signal."),
        (SystemExit(1), "Execution was aborted by Python system exit call."),
        (asyncio.CancelledError(), "Execution was cancelled by the runtime environment."),
        (OSError("disk"), "Execution was interrupted by an unexpected exception: OSError: disk"),
    ],
)
def test_what_ended_a_run_from_outside_is_told(error, message) -> None:
    state = exception_to_crashed_state(error)

    assert (state.type.value, state.message, state.data) == ("CRASHED", message, error)


def test_a_failed_state_is_made_of_the_exception_at_hand() -> None:
    error = ValueError("no")
    try:
        raise error
    except ValueError:
        state = exception_to_failed_state(message="Flow run encountered an exception:", name="Broken")

    assert state.data is error
    assert (state.name, state.message) == ("Broken", "Flow run encountered an exception: ValueError: no")
    with pytest.raises(ValueError, match="No exception was given"):
        exception_to_failed_state()


def test_an_exception_is_kept_in_storage_when_asked(tmp_path) -> None:
    store = ResultStore(tmp_path)

    state = exception_to_failed_state(ValueError("kept"), result_store=store, write_result=True)

    assert list(tmp_path.iterdir()) != []
    assert to_state_create(state).data == {
        "type": "reference",
        "storage_key": str(state.id),
        "storage": f"file://{tmp_path}",
        "run": None,
    }
    with pytest.raises(ValueError, match="kept"):
        state.result()


@pytest.mark.parametrize("make", [Failed, Crashed, Cancelled])
def test_a_wrapper_is_raised_only_where_no_exception_is_attached(make) -> None:
    error = HashError("the real one")

    assert get_state_exception(make(data=error, message="m")) is error
    wrapper = get_state_exception(make(message="m"))
    assert (type(wrapper).__name__, str(wrapper)) == (f"{make.__name__}Run", "m")


def test_a_state_may_be_annotated_with_its_value() -> None:
    assert State[int].__origin__ is State


def test_a_value_is_kept_under_its_key_until_it_expires(tmp_path) -> None:
    store = ResultStore(tmp_path)
    until = datetime.now(UTC) + timedelta(hours=1)

    state = return_value_to_state([1], store, key="k", expiration=until, write_result=True)

    assert (state.result(), store.read("k").result, store.look("k").expiration) == ([1], [1], until)
    assert return_value_to_state(None, store, key="none", write_result=True).result() is None


def test_a_state_made_by_hand_has_no_run_ids() -> None:
    """One that has is an upstream state, and is summed up."""
    manual = Failed(name="Skipped", message="by hand")
    upstream = Failed(message="upstream", state_details=StateDetails(task_run_id=uuid4()))

    assert return_value_to_state(manual) is manual
    assert return_value_to_state(upstream) is not upstream
    assert return_value_to_state(upstream).name == "Failed"


def test_text_of_an_exception_with_and_without_traceback() -> None:
    try:
        raise ValueError("no")
    except ValueError as error:
        plain, full = format_exception(error), format_exception(error, error.__traceback__)

    assert plain == "ValueError: no"
    assert full.startswith("Traceback (most recent call last):")
    assert full.endswith(plain)


def test_details_may_be_a_dict_and_the_callers_details_stay() -> None:
    details = StateDetails(pause_key="mine")

    paused = Paused(state_details=details, pause_expiration_time=WHEN)

    assert (paused.state_details.pause_key, paused.state_details.pause_timeout) == ("mine", WHEN)
    assert details.pause_timeout is None
    assert State("PENDING", state_details={"cache_key": "k"}).state_details.cache_key == "k"
    with pytest.raises(ValueError, match="extra pause timeout"):
        Paused(state_details=paused.state_details, timeout_seconds=3)


def test_a_plain_call_gives_the_value_under_a_running_loop_and_an_awaited_one_too() -> None:
    async def main():
        state, bad = Completed(data=2), Failed(data=ValueError("no"))
        awaited = [await state.result(), await get_state_result(state), await state.aresult()]
        made = await exception_to_failed_state(KeyError("k"))
        return (
            state.result(),
            awaited,
            made.name,
            await bad.result(raise_on_failure=False),
            state.result(_sync=True),
        )

    plain, awaited, name, error, forced = asyncio.run(main())
    assert (plain, awaited, name, forced) == (2, [2, 2, 2], "Failed", 2)
    assert repr(error) == "ValueError('no')"


def test_an_awaited_result_raises_the_original_exception() -> None:
    error = ValueError("the very one")

    async def main():
        await Failed(data=error).result()

    with pytest.raises(ValueError, match="the very one") as caught:
        asyncio.run(main())
    assert caught.value is error


def test_the_documented_async_example(home) -> None:
    @task
    async def twice(x: int) -> int:
        return 2 * x

    @flow
    async def hello(x: int) -> int:
        state = await twice(x, return_state=True)
        return await state.result() + state.result()

    async def main():
        state = await hello(3, return_state=True)
        return await state.result()

    assert asyncio.run(main()) == 12


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="reads CPython's byte code")
def test_awaited_calls_are_told_from_others_however_they_are_written() -> None:
    @awaitable_too
    def double(x: int, *, plus: int = 0) -> int:
        return 2 * x + plus

    async def main():
        args = (1,)
        for _ in range(200):  # the interpreter rewrites hot code
            plain = [double(1), double(*args), double(x=1, plus=0)]
            awaited = [await double(1), await double(*args), await double(x=1, plus=0)]
            within = str(double(1)) + str(await double(1))
        return plain, awaited, within

    assert asyncio.run(main()) == ([2, 2, 2], [2, 2, 2], "22")
    assert double(1) == 2


def test_exceptions_of_states_have_async_twins() -> None:
    failed = Failed(message="no water")

    assert repr(asyncio.run(aget_state_exception(failed))) == "FailedRun('no water')"
    with pytest.raises(FailedRun, match="no water"):
        asyncio.run(araise_state_exception(failed))
    assert asyncio.run(araise_state_exception(Completed())) is None
