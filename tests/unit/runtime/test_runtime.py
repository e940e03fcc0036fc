"""penstock.runtime: inside and outside runs, from another process, mocked. Reference: concepts/runtime-context."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock import flow, runtime, tags, task
from penstock._engine.contexts import FlowRunContext, TaskRunContext
from penstock._values.states import utc_now
from penstock.runtime._attributes import cast
from penstock.settings import temporary_settings


def snapshot(module: Any) -> dict[str, Any]:
    """Every attribute that is no getter."""
    return {name: getattr(module, name) for name in dir(module) if not name.startswith("get_")}


def test_outside_a_run_everything_is_empty_and_the_start_is_now() -> None:
    flow_run = snapshot(runtime.flow_run)
    moment = flow_run.pop("scheduled_start_time")

    assert abs(moment - utc_now()) < timedelta(seconds=10)
    assert flow_run == {
        "id": None, "name": None, "flow_name": None, "flow_version": None, "tags": [], "parameters": {},
        "run_count": 0, "parent_flow_run_id": None, "parent_deployment_id": None, "root_flow_run_id": None,
        "api_url": None, "ui_url": None, "job_variables": None,
    }  # fmt: skip
    assert snapshot(runtime.task_run) == {
        "id": None, "name": None, "task_name": None, "tags": [], "parameters": {}, "run_count": 0,
        "api_url": None, "ui_url": None,
    }  # fmt: skip
    assert snapshot(runtime.deployment) == {
        "id": None, "name": None, "version": None, "flow_run_id": None, "parameters": {}
    }  # fmt: skip


@pytest.mark.parametrize("name", ["flow_run", "task_run", "deployment"])
def test_unknown_attributes_are_errors_and_known_ones_are_listed(name) -> None:
    module = getattr(runtime, name)

    with pytest.raises(AttributeError, match=f"penstock.runtime.{name}' has no attribute 'nonsense'"):
        module.nonsense  # noqa: B018
    assert {"id", "name", "parameters", "get_id", "get_name"} <= set(dir(module))
    assert not hasattr(module, "__wrapped__")


def test_attributes_are_evaluated_at_each_access() -> None:
    @flow
    def named(n: int) -> tuple[str | None, int]:
        return runtime.flow_run.name, runtime.flow_run.parameters["n"]

    first, second = named.with_options(flow_run_name="one")(1), named.with_options(flow_run_name="two")(2)

    assert (first, second, runtime.flow_run.name) == (("one", 1), ("two", 2), None)


def test_getters_and_attributes_say_the_same(witness) -> None:
    @task
    def step(x: int) -> Any:
        run, own = runtime.flow_run, runtime.task_run
        return [
            (own.get_id(), own.id),
            (own.get_task_name(), own.task_name),
            (own.get_parameters(), own.parameters),
            (run.get_flow_name(), run.flow_name),
            (run.get_tags(), run.tags),
            (run.get_root_flow_run_id(), run.root_flow_run_id),
        ]

    @flow
    def outer() -> Any:
        return step(3)

    with tags("t"):
        pairs = outer()

    assert [left for left, _ in pairs] == [right for _, right in pairs]
    task_run, flow_run = witness.task_runs["step"], witness.flow_runs["outer"]
    assert [left for left, _ in pairs] == [
        str(task_run.id),
        "step",
        {"x": 3},
        "outer",
        ["t"],
        str(flow_run.id),
    ]


def test_parameters_of_a_flow_run_leave_unset_defaults_out() -> None:
    @task
    def step(a: int, b: int = 2) -> Any:
        return runtime.task_run.parameters

    @flow
    def outer(a: int, b: int = 2) -> Any:
        return runtime.flow_run.parameters, step(1)

    assert outer(1) == ({"a": 1}, {"a": 1, "b": 2})
    assert outer(1, b=2)[0] == {"a": 1, "b": 2}


def test_urls_come_from_settings() -> None:
    @task
    def step() -> Any:
        return runtime.task_run.api_url, runtime.task_run.ui_url, runtime.task_run.id

    @flow
    def outer() -> Any:
        return runtime.flow_run.api_url, runtime.flow_run.ui_url, runtime.flow_run.id, step()

    with temporary_settings({"api.url": "http://host/api"}):
        api, ui, run_id, (task_api, task_ui, task_id) = outer()
    with temporary_settings({"api.url": "http://host/api", "ui_url": "http://people/"}):
        other = outer()[1]
    assert (api, ui) == (f"http://host/api/flow_runs/{run_id}", f"http://host/runs/flow-run/{run_id}")
    assert (task_api, task_ui) == (
        f"http://host/api/task_runs/{task_id}",
        f"http://host/runs/task-run/{task_id}",
    )
    assert other.startswith("http://people/runs/flow-run/")


def without_context() -> Any:
    """As in another process: the task run is known, its flow run is in the store only."""
    token = FlowRunContext._variable.set(None)
    try:
        run = runtime.flow_run
        return {
            "id": run.id, "name": run.name, "flow_name": run.flow_name, "parameters": run.parameters, "tags": run.tags,
            "run_count": run.run_count, "parent": run.parent_flow_run_id, "root": run.root_flow_run_id,
            "version": run.flow_version, "start": run.scheduled_start_time.tzinfo is not None,
        }  # fmt: skip
    finally:
        FlowRunContext._variable.reset(token)


def test_what_is_not_in_the_context_is_asked_of_the_store(witness, rows) -> None:
    @task
    def far() -> Any:
        rows("select 1")  # everything has arrived
        return without_context()

    @flow(version="7")
    def inner(x: int, y: int = 2) -> Any:
        return far()

    @flow
    def outer() -> Any:
        return inner(1)

    with tags("t"):
        seen = outer()

    run, parent = witness.flow_runs["inner"], witness.flow_runs["outer"]
    assert seen == {
        "id": str(run.id), "name": run.name, "flow_name": "inner", "parameters": {"x": 1}, "tags": ["t"],
        "run_count": 1, "parent": str(parent.id), "root": str(parent.id), "version": "7", "start": True,
    }  # fmt: skip


def test_asking_the_store_inside_async_code_does_not_block_the_loop_for_good() -> None:
    """The store is another process: its answer needs nothing of this loop, and the wait has an end."""

    @task
    async def far() -> Any:
        began = time.monotonic()
        return without_context()["id"] == runtime.flow_run.id, time.monotonic() - began

    @flow
    async def outer() -> Any:
        return await far()

    same, seconds = asyncio.run(outer())
    assert same
    assert seconds < 10


def test_the_run_a_process_is_to_go_on_with_is_known_before_it_begins(monkeypatch) -> None:
    monkeypatch.setenv("PENSTOCK__FLOW_RUN_ID", "not even an id")

    assert (runtime.flow_run.id, runtime.flow_run.name) == ("not even an id", None)


@pytest.mark.parametrize(
    ("variable", "text", "module", "name", "value"),
    [
        ("FLOW_RUN__NAME", "mocked", "flow_run", "name", "mocked"),
        ("FLOW_RUN__RUN_COUNT", "3", "flow_run", "run_count", 3),
        ("FLOW_RUN__SCHEDULED_START_TIME", "2024-01-02T03:04:05Z", "flow_run", "scheduled_start_time",
         datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("TASK_RUN__FAKE_KEY", "foo", "task_run", "fake_key", "foo"),
        ("DEPLOYMENT__ID", "d", "deployment", "id", "d"),
    ],
)  # fmt: skip
def test_mocks_are_cast_to_the_attributes_type(variable, text, module, name, value, monkeypatch) -> None:
    monkeypatch.setenv(f"PENSTOCK__RUNTIME__{variable}", text)

    assert getattr(getattr(runtime, module), name) == value


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("1", True), ("False", False), ("0", False), ("", False)]
)
def test_bools_are_cast_from_their_text(text, value) -> None:
    assert cast(text, bool, "V") is value


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("FLOW_RUN__RUN_COUNT", "many", "RUN_COUNT='many' is not of type int"),
        ("FLOW_RUN__TAGS", "a,b", "a list is not mocked by a variable. Replace the attribute"),
    ],
)
def test_a_mock_that_does_not_fit_is_told(variable, text, message, monkeypatch) -> None:
    monkeypatch.setenv(f"PENSTOCK__RUNTIME__{variable}", text)

    with pytest.raises(ValueError, match=message):
        getattr(runtime.flow_run, variable.rpartition("__")[2].lower())


def test_runtime_fields_are_usable_in_a_storage_key(tmp_path) -> None:
    @task(
        persist_result=True,
        result_storage=tmp_path,
        result_storage_key="{flow_run.flow_name}-{task_run.name}.x",
    )
    def step() -> int:
        return f"{runtime.flow_run.name}/{runtime.task_run.task_name}"

    @flow(flow_run_name="here")
    def outer() -> Any:
        return step()

    assert outer() == "here/step"
    assert [path.name for path in tmp_path.glob("outer-step*")] != []
    assert TaskRunContext.get() is None
