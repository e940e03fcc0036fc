"""The default runner: threads, limits, use on its own, reuse."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from penstock import flow, tags, task
from penstock.settings import temporary_settings
from penstock.task_runners import ThreadPoolTaskRunner


@task
def double(x: int) -> int:
    return x * 2


def busiest(runner: Any, runs: int) -> int:
    """How many tasks were inside at once, when each waits for the others as far as there is room."""
    inside, most, lock = [0], [0], threading.Lock()

    @task
    def step(n: int) -> None:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        for _ in range(20):
            threading.Event().wait(0.001)
        with lock:
            inside[0] -= 1

    @flow(task_runner=runner)
    def run() -> None:
        step.map(range(runs)).wait()

    run()
    return most[0]


def test_tasks_run_at_the_same_time() -> None:
    meeting = threading.Barrier(4, timeout=20)

    @task
    def meet(n: int) -> int:
        meeting.wait()
        return n

    assert flow(lambda: meet.map(range(4)).result())() == [0, 1, 2, 3]


def test_the_limit_holds() -> None:
    assert busiest(ThreadPoolTaskRunner(max_workers=2), 6) <= 2
    with temporary_settings({"tasks_runner_thread_pool_max_workers": 1}):
        assert busiest(ThreadPoolTaskRunner, 3) == 1


def test_a_runner_works_on_its_own() -> None:
    with ThreadPoolTaskRunner(max_workers=2) as runner:
        futures = [runner.submit(double, {"x": 2}), *runner.map(double, {"x": [3, 4]})]
        values = [future.result() for future in futures]

    assert values == [4, 6, 8]


def test_a_runner_serves_several_runs_and_itself_stays_closed() -> None:
    runner = ThreadPoolTaskRunner(max_workers=2)

    @flow(task_runner=runner)
    def run(n: int) -> int:
        return double.submit(n).result()

    assert [run(1), run(2)] == [2, 4]
    assert runner._started is False


def test_children_have_runners_of_their_own() -> None:
    from penstock.context import FlowRunContext

    @flow
    def inner() -> Any:
        double.submit(1).wait()
        return FlowRunContext.get().task_runner

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
    def outer() -> bool:
        mine = FlowRunContext.get().task_runner
        first, second = inner(), inner()
        return len({id(mine), id(first), id(second)}) == 3 and double.submit(2).result() == 4

    assert outer() is True


def test_tags_of_the_caller_reach_the_threads(witness) -> None:
    @task
    def outer_task() -> int:
        return double(1)

    @flow
    def run() -> None:
        with tags("inside"):
            outer_task.submit().wait()

    run()

    assert witness.task_runs["double"].tags == ["inside"]


@pytest.mark.parametrize("word", ["threads", ThreadPoolTaskRunner, ThreadPoolTaskRunner(max_workers=3)])
def test_a_runner_is_chosen_by_word_class_or_instance(word, rows, witness) -> None:
    @flow(task_runner=word)
    def run() -> None:
        double.submit(1)

    run()

    run_id = witness.flow_runs["run"].id
    found = rows(f"select runner from task_runs where flow_run_id = '{run_id}'")
    assert found == [{"runner": "threads"}]


def test_an_unknown_word_names_the_ones_there_are() -> None:
    with pytest.raises(Exception, match=r"'boats'.*threads"):
        flow(task_runner="boats")(lambda: None)
