"""What a task knows of its flow run, wherever it runs."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

import cloudpickle
import pytest

from penstock import flow, runtime, tags, task
from penstock._engine.context_transfer import FlowRunFacts
from penstock.context import FlowRunContext, TaskRunContext, get_run_context
from penstock.task_runners import runner_class

RUNNERS = ["threads", pytest.param("dask", marks=pytest.mark.dask)]
_FACTS = (
    "id",
    "name",
    "flow_name",
    "flow_version",
    "tags",
    "parameters",
    "run_count",
    "parent_flow_run_id",
    "root_flow_run_id",
    "scheduled_start_time",
)


@pytest.fixture(scope="module", params=RUNNERS)
def runner(request, shared_home):
    """A runner; its Dask worker is a process of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENSTOCK_HOME", str(shared_home))
        made, close = runner_class(request.param).open_shared(1)
        cloudpickle.register_pickle_by_value(sys.modules[__name__])  # a worker cannot import the tests
        yield made
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
        made.finish()
        close()


def facts() -> dict[str, Any]:
    return {name: getattr(runtime.flow_run, name) for name in _FACTS}


@task
def told() -> tuple[dict[str, Any], int, str]:
    return facts(), os.getpid(), runtime.task_run.id


def test_a_task_knows_its_flow_run_wherever_it_runs(runner) -> None:
    @flow(flow_run_name="inner-run", version="v7", task_runner=runner)
    def inner(x: int, y: str = "unset"):
        return facts(), told.submit().result()

    @flow
    def outer():
        return inner(3), runtime.flow_run.id

    with tags("nightly"):
        (here, (there, pid, _)), root = outer()

    assert there == here
    assert (here["name"], here["flow_version"], here["parameters"]) == ("inner-run", "v7", {"x": 3})
    assert (here["tags"], here["parent_flow_run_id"], here["root_flow_run_id"]) == (["nightly"], root, root)
    assert (pid == os.getpid()) is (runner.type == "threads")


def test_each_attempt_of_the_flow_is_seen(runner) -> None:
    @flow(retries=1, task_runner=runner)
    def twice():
        seen = told.submit().result()[0]["run_count"]
        if runtime.flow_run.run_count == 1:
            raise ValueError("once more")
        return seen

    assert twice() == 2


def test_big_parameters_are_asked_for_and_do_not_travel(runner) -> None:
    text = "x" * 100_000

    @flow(task_runner=runner)
    def big(text: str):
        carried = FlowRunFacts.of(FlowRunContext.get())
        return len(told.submit().result()[0]["parameters"]["text"]), carried.parameters

    assert big(text) == (100_000, None)


def test_nothing_is_left_when_the_task_is_over(runner) -> None:
    @task
    def context_of() -> str:
        return type(get_run_context()).__name__

    @flow(task_runner=runner)
    def one() -> str:
        return context_of.submit().result()

    assert one() == "TaskRunContext"
    assert (runtime.flow_run.id, TaskRunContext.get()) == (None, None)


class ShortageError(ValueError):
    def __init__(self, litres: int) -> None:
        super().__init__(litres)
        self.litres = litres


class UnpicklableError(Exception):
    def __init__(self) -> None:
        super().__init__("holds a lock")
        self.lock = threading.Lock()


def test_an_exception_keeps_its_type_and_fields_across_processes(runner) -> None:
    @task
    def dry() -> None:
        raise ShortageError(3)

    @flow(task_runner=runner)
    def watered():
        error = dry.submit().result(raise_on_failure=False)
        return type(error).__name__, isinstance(error, ValueError), error.litres

    assert watered() == ("ShortageError", True, 3)


def test_an_exception_that_cannot_be_pickled_degrades_to_its_text(runner) -> None:
    @task
    def locked() -> None:
        raise UnpicklableError

    @flow(task_runner=runner)
    def opened():
        return locked.submit().result(raise_on_failure=False)

    error = opened()
    assert isinstance(error, Exception)
    assert "holds a lock" in str(error)


def test_parameters_that_cannot_be_pickled_do_not_travel() -> None:
    @flow(validate_parameters=False)
    def odd(lock):
        return FlowRunFacts.of(FlowRunContext.get()).parameters

    assert odd(threading.Lock()) is None
