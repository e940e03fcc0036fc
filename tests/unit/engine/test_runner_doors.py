"""What every runner offers, used on its own; hooks and keys of tasks."""

from __future__ import annotations

import threading

import pytest

from penstock import allow_failure, task, unmapped
from penstock.futures import PrefectFutureList, wait
from penstock.task_runners import TaskRunner, ThreadPoolTaskRunner
from penstock.tasks import Task, task_input_hash


@task
def add(x: int, y: int = 1) -> int:
    return x + y


def test_a_runner_submits_and_maps_without_a_flow() -> None:
    with ThreadPoolTaskRunner(max_workers=2) as runner:
        one = runner.submit(add, {"x": 1, "y": 2})
        many = runner.map(add, {"x": [1, 2], "y": unmapped(10)}, wait_for=[allow_failure(one)])

        assert isinstance(runner, TaskRunner)
        assert (one.result(), type(many) is PrefectFutureList, many.result()) == (3, True, [11, 12])


def test_a_duplicate_has_the_same_options_and_work_of_its_own() -> None:
    with ThreadPoolTaskRunner(max_workers=3) as runner:
        twin = runner.duplicate()

        assert (type(twin), twin.name, twin._max_workers) == (ThreadPoolTaskRunner, "threadpool", 3)
        assert twin is not runner
        assert not twin._started


def test_the_same_runner_can_be_started_again() -> None:
    runner = ThreadPoolTaskRunner(max_workers=1)
    values = []
    for _ in range(2):
        with runner:
            values.append(runner.submit(add, {"x": 1}).result())

    assert values == [2, 2]


def test_cancelling_all_ends_what_waits_and_what_runs() -> None:
    begun, release = threading.Event(), threading.Event()

    @task
    def slow() -> None:
        begun.set()
        release.wait(20)

    runner = ThreadPoolTaskRunner(max_workers=1)
    with runner:
        running, waiting = runner.submit(slow, {}), runner.submit(slow, {})
        assert begun.wait(20)
        runner.cancel_all()
        release.set()

        assert wait([running, waiting], timeout=20).not_done == set()
        assert (running.state.type.value, waiting.state.type.value) == ("CRASHED", "CANCELLED")


def test_a_runner_of_ones_own_says_what_it_lacks() -> None:
    with pytest.raises(NotImplementedError):
        TaskRunner().duplicate()


def test_hooks_are_registered_by_decorator() -> None:
    seen, tries = [], []

    @task(retries=1)
    def flaky() -> None:
        tries.append(1)
        raise ValueError("no")

    @flaky.on_running
    def starting(this: Task, run, state) -> None:
        seen.append(("running", state.name))

    @flaky.on_failure
    def failing(this: Task, run, state) -> None:
        seen.append(("failed", len(tries)))

    flaky(return_state=True)

    assert seen == [("running", "Running"), ("running", "Retrying"), ("failed", 2)]


def test_the_input_hash_depends_on_source_and_inputs() -> None:
    class Context:
        task = add

    class Other:
        task = task(lambda x: x)

    keys = [
        task_input_hash(Context, {"x": 1}),
        task_input_hash(Context, {"x": 2}),
        task_input_hash(Other, {"x": 1}),
    ]

    assert len(set(keys)) == 3
    assert task_input_hash(Context, {"x": 1}) == keys[0]
