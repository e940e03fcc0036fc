"""Inputs resolved and traced, links from results to runs, prints. Section 13 of the inventory."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from dataclasses import dataclass
from typing import Any

import pytest

from penstock import flow, task
from penstock._values.run_inputs import FlowRunResult, RunType, TaskRunResult
from penstock.exceptions import TerminationSignal, UpstreamTaskError
from penstock.states import Completed
from penstock.utilities.annotations import allow_failure, quote
from penstock.utilities.collections import visit_collection
from penstock.utilities.engine import (
    capture_sigterm,
    collect_task_run_inputs,
    collect_task_run_inputs_sync,
    get_state_for_result,
    link_state_to_flow_run_result,
    link_state_to_task_run_result,
    resolve_inputs,
    resolve_inputs_sync,
    resolve_to_final_result,
    should_log_prints,
)


@task
def make(x: Any = 1) -> Any:
    return x


@task
def fail() -> None:
    raise ValueError("no")


@dataclass
class Box:
    inside: Any


def test_futures_states_and_quotes_become_data_however_nested() -> None:
    @flow
    def run() -> Any:
        future, state = make.submit(5), make(6, return_state=True)
        given = {"a": future, "b": [{"k": (state,)}], "c": quote([1]), "d": Box([future]), "e": 7}
        return resolve_inputs_sync(given), asyncio.run(resolve_inputs(given))

    wanted = {"a": 5, "b": [{"k": (6,)}], "c": [1], "d": Box([5]), "e": 7}
    assert run() == (wanted, wanted)


def test_an_upstream_that_did_not_complete_is_an_error_unless_allowed() -> None:
    @flow
    def run() -> Any:
        failed = fail.submit()
        failed.wait()
        with pytest.raises(UpstreamTaskError, match="fail"):
            resolve_inputs_sync({"x": [failed]})
        return repr(resolve_inputs_sync({"x": [allow_failure(failed)]}))

    assert run() == "{'x': [ValueError('no')]}"


def test_depth_and_data_can_be_limited() -> None:
    @flow
    def run() -> Any:
        future = make.submit(5)
        kept = resolve_inputs_sync({"x": [future, [future]]}, max_depth=1)
        return kept["x"][0], kept["x"][1] == [future], resolve_inputs_sync({"x": future}, return_data=False)

    assert run() == (5, True, {"x": None})


def test_the_visitor_can_be_used_alone() -> None:
    state = make(4, return_state=True)

    assert visit_collection([state, 1], resolve_to_final_result, return_data=True, context={}) == [4, 1]


def test_runs_are_found_in_futures_states_and_results() -> None:
    @flow
    def run() -> Any:
        future, state, result = make.submit(1), make(2, return_state=True), make([3])
        by_result = get_state_for_result(result)
        assert by_result is not None
        wanted = {
            TaskRunResult(id=future.task_run_id),
            TaskRunResult(id=state.state_details.task_run_id),
            TaskRunResult(id=by_result[0].state_details.task_run_id),
        }
        found = collect_task_run_inputs_sync({"a": [future], "b": (state, {"c": result})})
        nothing = collect_task_run_inputs_sync([quote(future), 1])
        return found == wanted, asyncio.run(collect_task_run_inputs([future])), future.task_run_id, nothing

    same, by_future, run_id, nothing = run()
    assert same
    assert by_future == {TaskRunResult(id=run_id)}
    assert nothing == set()


def test_depth_limits_where_runs_are_looked_for() -> None:
    @flow
    def run() -> Any:
        future = make.submit()
        return [len(collect_task_run_inputs_sync([[future]], max_depth=depth)) for depth in (1, 2, -1)]

    assert run() == [0, 1, 1]


@pytest.mark.parametrize("value", [[1, ["in"]], {"k": ["in"]}, Box(["in"]), (["in"],)])
def test_a_result_and_what_is_directly_in_it_lead_to_their_run(value) -> None:
    @flow
    def run() -> Any:
        result = make(value)
        inner = (
            result.inside
            if isinstance(result, Box)
            else result["k"]
            if isinstance(result, dict)
            else result[-1]
        )
        return [get_state_for_result(obj) for obj in (result, inner)]

    whole, part = run()
    assert whole == part
    assert whole[1] is RunType.TASK_RUN
    assert whole[0].is_completed()


def test_only_one_level_is_linked_and_singletons_never_are() -> None:
    """Section 13 (c) 3."""

    @flow
    def run() -> Any:
        result = make([[["deep"]], 1, None, "text"])
        return [get_state_for_result(obj) is not None for obj in (result[0], result[0][0], 1, None, "text")]

    assert run() == [True, False, False, False, False]


def test_copies_lose_the_link_and_changed_objects_keep_it() -> None:
    """Section 13 (c) 3."""

    @flow
    def run() -> Any:
        result = make([1])
        result.append(2)
        return get_state_for_result(result) is not None, get_state_for_result(list(result))

    assert run() == (True, None)


def test_linked_objects_are_kept_so_that_their_ids_are_not_reused() -> None:
    """Section 13 (c) 3."""

    @flow
    def run() -> Any:
        ids = {id(make([number])) for number in range(50)}
        gc.collect()
        return len(ids), [get_state_for_result([number]) for number in range(50)]

    assert run() == (50, [None] * 50)


def test_links_can_be_made_by_hand_inside_a_flow() -> None:
    @flow
    def run() -> Any:
        one, two = ["one"], ["two"]
        link_state_to_flow_run_result(Completed(), one)
        link_state_to_task_run_result(Completed(), two)
        return [get_state_for_result(obj)[1] for obj in (one, two)], collect_task_run_inputs_sync(one)

    assert run() == ([RunType.FLOW_RUN, RunType.TASK_RUN], set())


def test_a_child_flow_is_an_input_of_its_own_kind() -> None:
    @flow
    def child() -> list[int]:
        return [1]

    @flow
    def run() -> Any:
        return collect_task_run_inputs_sync(child())

    (found,) = run()
    assert isinstance(found, (FlowRunResult, TaskRunResult))


def test_outside_a_flow_nothing_is_linked() -> None:
    value = ["x"]
    link_state_to_task_run_result(Completed(), value)

    assert get_state_for_result(value) is None


def test_prints_follow_the_definition_then_the_run_around_then_the_settings(monkeypatch) -> None:
    plain, loud = flow(lambda: None), flow(log_prints=True)(lambda: None)

    @flow(log_prints=True)
    def around() -> bool:
        return should_log_prints(plain)

    assert (should_log_prints(plain), should_log_prints(loud), around()) == (False, True, True)
    monkeypatch.setenv("PENSTOCK_LOGGING_LOG_PRINTS", "true")
    assert should_log_prints(plain)


def test_sigterm_is_an_exception_inside_the_block() -> None:
    with pytest.raises(TerminationSignal) as caught, capture_sigterm():
        os.kill(os.getpid(), signal.SIGTERM)
    assert caught.value.signal == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
