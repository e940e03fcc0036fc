"""What a definition is and keeps: binding, options, keys, tags, hooks, retries of flows."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import cloudpickle
import pytest

from penstock import flow, get_run_logger, pause_flow_run, tags, task
from penstock._engine.flow_run import FlowExecution
from penstock._ids import new_id
from penstock._link.session import current_session
from penstock._values.states import utc_now
from penstock.exceptions import Abort, Pause, PenstockSignal
from penstock.states import Cancelled, Completed, Failed, Paused, Running, Scheduled
from penstock.tasks import exponential_backoff


class Box:
    def __init__(self, size: int) -> None:
        self.size = size

    @flow
    def doubled(self, by: int = 2) -> int:
        return self.size * by

    @task
    def plus(self, n: int) -> int:
        return self.size + n

    @flow
    @classmethod
    def called(cls) -> str:
        return cls.__name__


def test_binding_survives_options_and_pickling() -> None:
    box = Box(3)
    assert box.doubled.with_options(name="other")(by=3) == 9
    assert box.plus.with_options(retries=1)(4) == 7
    assert cloudpickle.loads(cloudpickle.dumps(box.plus))(5) == 8
    assert cloudpickle.loads(cloudpickle.dumps(box.doubled))() == 6
    assert cloudpickle.loads(cloudpickle.dumps(Box.called))() == "Box"


def test_signals_pass_through_a_broad_except() -> None:
    @flow
    def stubborn(signal_kind: type[BaseException]) -> str:
        try:
            raise signal_kind("stop")
        except Exception:
            return "swallowed"

    for kind in (Abort, Pause):
        assert issubclass(kind, PenstockSignal)
        with pytest.raises(kind):
            stubborn(kind)


@pytest.mark.parametrize(
    "state",
    [Cancelled(), Paused(), Running(), Failed()],
    ids=lambda state: state.name,
)
def test_one_state_that_is_not_completed_fails_the_whole(state: Any) -> None:
    @task
    def fine() -> int:
        return 1

    @flow
    def both() -> Any:
        return [fine(return_state=True), state]

    assert both(return_state=True).is_failed()


def test_an_empty_list_is_data() -> None:
    state = flow(list)(return_state=True)
    assert (state.name, state.result()) == ("Completed", [])


def test_a_tuple_of_values_and_states_is_data() -> None:
    state = flow(lambda: ("value", Failed(message="on purpose")))(return_state=True)
    assert state.is_completed()
    assert state.result()[0] == "value"


@dataclass
class Pair:
    left: Any
    right: Any


def test_futures_inside_what_is_returned_are_waited_for() -> None:
    @task
    def one(x: int) -> int:
        return x

    @flow
    def nested() -> Any:
        return {"a": one.submit(1), "b": Pair(one.submit(2), [one.submit(3)])}

    found = nested()
    assert found["a"].result() == 1
    assert (found["b"].left.result(), found["b"].right[0].result()) == (2, 3)


def test_a_quoted_state_is_data_and_not_the_end() -> None:
    from penstock.utilities.annotations import quote

    state = flow(lambda: quote(Failed(message="kept")))(return_state=True)
    assert state.is_completed()
    assert state.result().name == "Failed"


def test_a_state_made_by_hand_has_no_run_and_one_of_a_run_does() -> None:
    @task
    def fails() -> None:
        raise ValueError("upstream")

    by_hand = flow(lambda: Completed(name="Skipped", message="nothing to do"))(return_state=True)
    upstream = flow(lambda: fails(return_state=True))(return_state=True)
    assert (by_hand.name, by_hand.message) == ("Skipped", "nothing to do")
    assert (upstream.name, upstream.message) == (
        "Failed",
        "Task run encountered an exception: ValueError: upstream",
    )


def test_tags_and_prints_pass_through_a_task_between_two_flows(witness) -> None:
    @flow
    def inner() -> None:
        print("from inside")
        get_run_logger().info("done")

    @task(log_prints=True)
    def between() -> None:
        inner()

    @flow
    def outer() -> None:
        with tags("outer"):
            between()

    outer()
    assert witness.flow_runs["inner"].tags == ["outer"]
    assert "from inside" in [message for _, message in witness.logs]


def test_tags_of_a_task_add_to_those_around_it_also_with_other_options(witness) -> None:
    @task(tags=iter(["a", "b"]))
    def tagged() -> None: ...

    with tags("around"):
        tagged()
        first = witness.task_runs["tagged"].tags
        tagged.with_options(tags=["c"])()
    assert (first, witness.task_runs["tagged"].tags) == (["a", "around", "b"], ["around", "c"])


def test_lambdas_and_places_have_keys_of_their_own() -> None:
    def elsewhere():
        return 1

    elsewhere.__module__, elsewhere.__name__, elsewhere.__qualname__ = (
        "elsewhere",
        "<lambda>",
        (lambda: 1).__qualname__,
    )
    here, there = task(lambda: 1), task(elsewhere)
    assert here.task_key == task(here.fn).task_key
    assert here.name == "unknown-lambda"
    assert there.name == here.name
    assert here.task_key != there.task_key


def test_a_hook_registered_on_a_shared_task_is_for_everybody() -> None:
    seen: list[str] = []

    @task
    def shared() -> None: ...

    @flow
    def user() -> None:
        shared()

    shared.on_completion(lambda t, run, state: seen.append(state.name))
    user()
    shared()
    assert seen == ["Completed", "Completed"]


def test_delays_of_a_flow_may_differ_from_retry_to_retry() -> None:
    tried = flow(retries=3, retry_delay_seconds=[0.1, 0.2])(lambda: None)
    execution = FlowExecution.prepare(tried, {}, {}, ())
    assert [execution.count_retry() for _ in range(3)] == [0.1, 0.2, 0.2]


def test_callable_delays_see_the_retries_of_their_own_task() -> None:
    asked: list[int] = []

    def delays(retries: int) -> list[float]:
        asked.append(retries)
        return exponential_backoff(1)(retries)

    made = task(retries=2, retry_delay_seconds=delays)(lambda: None)
    again = made.with_options(retries=4)
    assert (asked, made.retry_delay_seconds, again.retry_delay_seconds) == ([2, 4], [1, 2], [1, 2, 4, 8])


def test_a_pause_counts_against_the_time_of_its_flow() -> None:
    @flow(timeout_seconds=0.3)
    def waits() -> None:
        pause_flow_run(timeout=60)

    state = waits(return_state=True)
    assert (state.type.value, state.name) == ("FAILED", "TimedOut")


def test_an_interrupt_after_the_end_changes_nothing_and_is_not_lost(witness) -> None:
    def interrupts(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    @flow(on_completion=[interrupts])
    def done() -> int:
        return 1

    with pytest.raises(KeyboardInterrupt):
        done()
    assert witness.states("done")[-1] == "Completed"


def test_a_stop_asked_for_twice_is_handled_once(script) -> None:
    """The hook of the crash asks again; the run crashes once all the same."""
    out = script(
        """
        import os, signal
        from penstock import flow

        def again(f, run, state):
            print("hook", state.name, flush=True)

        @flow(on_crashed=[again])
        def ends():
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)
            import time
            time.sleep(10)

        try:
            ends()
        except BaseException as error:
            print(type(error).__name__, flush=True)
        """
    )
    assert out.stdout.split() == ["hook", "Crashed", "TerminationSignal"]


def test_an_error_around_user_code_crashes_and_one_inside_fails(monkeypatch) -> None:
    from penstock._engine.task_run import TaskExecution

    @task(persist_result=True)
    def fine() -> int:
        return 1

    @task
    def broken() -> None:
        raise ValueError("mine")

    @flow
    def both() -> list[str]:
        inside = broken.submit(return_state=True).name

        def no_context(self: Any) -> Any:
            raise MemoryError("not the user's")

        monkeypatch.setattr(TaskExecution, "keep", no_context)
        return [inside, fine.submit(return_state=True).name]

    assert both() == ["Failed", "Crashed"]


def test_a_run_that_is_to_begin_later_waits_for_the_clock_of_the_store(monkeypatch, witness) -> None:
    start = utc_now() + timedelta(seconds=0.4)
    run_id = str(new_id())
    run = {"id": run_id, "flow_name": "later", "name": "later-run", "parameters": {}, "client": None}
    current_session().store.request(
        "POST", "/link/flow_runs", {"run": run, "state": Scheduled(scheduled_time=start).to_json()}
    )
    monkeypatch.setenv("PENSTOCK__FLOW_RUN_ID", run_id)

    assert flow(lambda: 5, name="later")() == 5

    assert str(witness.flow_runs["later"].id) == run_id
    assert witness.flow_runs["later"].start_time >= start


def test_a_result_asked_for_on_the_loop_does_not_deadlock() -> None:
    @task
    async def quick(x: int) -> int:
        await asyncio.sleep(0)
        return x

    @flow
    async def asks() -> list[int]:
        return [quick.submit(1).result(), *quick.map([2, 3]).result()]

    assert asyncio.run(asks()) == [1, 2, 3]


def test_a_changed_option_of_a_flow_keeps_the_others() -> None:
    @flow(retries=2, log_prints=True, validate_parameters=False)
    def options() -> None: ...

    changed = options.with_options(retries=0, persist_result=False)
    assert (changed.retries, changed.persist_result) == (0, False)
    assert (changed.log_prints, changed.should_validate_parameters) == (True, False)
    assert (options.retries, options.persist_result) == (2, None)
