"""Contexts: where code belongs, in threads, loops and other processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from contextvars import copy_context

import cloudpickle
import pydantic
import pytest

from penstock import flow, runtime, tags, task
from penstock.context import (
    ContextModel,
    EngineContext,
    FlowRunContext,
    RunContext,
    TagsContext,
    TaskRunContext,
    get_run_context,
    hydrated_context,
    serialize_context,
)
from penstock.settings import get_current_settings, temporary_settings
from penstock.task_runners import ThreadPoolTaskRunner


def current_tags() -> list[str]:
    return sorted(TagsContext.tags())


def test_contexts_are_never_changed() -> None:
    @task
    def step() -> list[str]:
        context = TaskRunContext.get()
        refused = []
        for change in (lambda: setattr(context, "parameters", {}), lambda: delattr(context, "task")):
            with pytest.raises(AttributeError, match="cannot"):
                change()
            refused.append("refused")
        return refused

    @flow
    def outer() -> list[str]:
        with pytest.raises(AttributeError, match="cannot assign to field 'flow_run'"):
            FlowRunContext.get().flow_run = None
        return step()

    assert outer() == ["refused", "refused"]
    with pytest.raises(TypeError, match="invented"):
        TagsContext(invented=1)


def test_the_task_context_shadows_the_flow_context() -> None:
    @task
    def step() -> tuple[bool, bool, bool]:
        innermost = get_run_context()
        return (
            innermost is TaskRunContext.get(),
            innermost is FlowRunContext.get(),
            innermost is RunContext.get(),
        )

    @flow
    def outer():
        return step(), get_run_context() is FlowRunContext.get() is RunContext.get() is EngineContext.get()

    assert outer() == ((True, False, True), True)
    assert (RunContext.get(), ContextModel.get()) == (None, None)


def test_tasks_inside_flows_inside_tasks_come_back_to_where_they_were() -> None:
    seen = []

    def note(what: str) -> None:
        inner, outer = TaskRunContext.get(), FlowRunContext.get()
        seen.append((what, inner and inner.task.name, outer and outer.flow.name))

    @task
    def deepest() -> None:
        note("deepest")

    @flow
    def child() -> None:
        deepest()
        note("child")

    @task
    def around() -> None:
        child()
        note("around")

    @flow
    def top() -> None:
        around()
        note("top")

    top()
    note("outside")

    assert seen == [
        ("deepest", "deepest", "child"),
        ("child", "around", "child"),
        ("around", "around", "top"),
        ("top", None, "top"),
        ("outside", None, None),
    ]


def test_one_context_can_be_entered_by_threads_at_once_and_inside_itself() -> None:
    shared, both = TagsContext(current_tags=frozenset({"shared"})), threading.Barrier(2, timeout=10)
    seen = []

    def work() -> None:
        with shared:
            both.wait()
            with shared:
                seen.append(current_tags())
            both.wait()
            seen.append(current_tags())
        seen.append(current_tags())

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert sorted(seen) == [[], [], ["shared"], ["shared"], ["shared"], ["shared"]]


def test_async_tasks_do_not_see_each_others_contexts() -> None:
    async def one(name: str, others: asyncio.Barrier) -> list[str]:
        with tags(name):
            await others.wait()
            return current_tags()

    async def main():
        others = asyncio.Barrier(2)
        return await asyncio.gather(one("a", others), one("b", others)), current_tags()

    assert asyncio.run(main()) == ([["a"], ["b"]], [])


def test_documented_fields_are_there() -> None:
    @task(log_prints=True, persist_result=True)
    def step(x: int):
        context = TaskRunContext.get()
        return (
            context.parameters,
            context.log_prints,
            context.persist_result,
            context.result_store is not None,
        )

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
    def outer(y: int = 5):
        context = FlowRunContext.get()
        inner = step.submit(3).result()
        assert context.task_run_dynamic_keys.keys() == {step.task_key}
        assert context.start_time <= TaskRunContext(task=1, task_run=2, parameters={}).start_time
        assert (context.detached, context.input_keyset, context.observed_flow_pauses) == (
            False,
            None,
            {"counter": 0},
        )
        assert type(context.task_runner) is ThreadPoolTaskRunner
        return inner, context.parameters, context.result_store is not None

    assert outer() == (({"x": 3}, True, True, True), {"y": 5}, True)


def test_a_copy_is_another_context() -> None:
    first = TagsContext(current_tags=frozenset({"a"}))

    second = first.model_copy(update={"current_tags": frozenset({"b"})})

    assert (first.current_tags, second.current_tags) == ({"a"}, {"b"})
    assert first.model_copy() is not first


def test_secrets_are_masked_when_asked() -> None:
    context = TaskRunContext(task=1, task_run=2, parameters={"key": [pydantic.SecretStr("s3")], "x": 1})

    assert context.serialize()["parameters"]["key"][0].get_secret_value() == "s3"
    assert context.serialize(include_secrets=False)["parameters"] == {"key": ["**********"], "x": 1}


def test_nothing_is_carried_where_nothing_is_active() -> None:
    with hydrated_context(), hydrated_context(serialize_context()):
        assert (RunContext.get(), current_tags()) == (None, [])
    assert serialize_context({"direct": []})["asset_context"] == {"direct": []}


def test_a_context_is_taken_to_a_thread_that_has_none(rows) -> None:
    """Tags, settings, and the flow run: a task called there belongs to it."""
    seen = {}

    @task
    def step() -> str:
        return runtime.flow_run.id

    def work(carried) -> None:
        with hydrated_context(carried):
            context = get_run_context()
            seen.update(
                detached=context.detached,
                parameters=runtime.flow_run.parameters,
                tags=current_tags(),
                retries=get_current_settings().tasks_default_retries,
                run=step.submit().result(),
            )
        seen.update(after=(RunContext.get(), current_tags()))

    @flow
    def outer(x: int) -> str:
        with temporary_settings({"tasks_default_retries": 4}):
            thread = threading.Thread(target=work, args=(serialize_context(),))
            thread.start()
            thread.join(20)
        return runtime.flow_run.id

    with tags("nightly"):
        run = outer(3)

    assert seen == {
        "detached": True,
        "parameters": {"x": 3},
        "tags": ["nightly"],
        "retries": 4,
        "run": run,
        "after": (None, []),
    }
    assert [row["n"] for row in rows(f"SELECT count(*) AS n FROM task_runs WHERE flow_run_id = '{run}'")] == [
        1
    ]


_CHILD = """
import sys, cloudpickle
from penstock import runtime
from penstock.context import TaskRunContext, hydrated_context
with hydrated_context(cloudpickle.loads(bytes.fromhex(sys.argv[1]))):
    own = runtime.flow_run
    print(own.id, own.name, own.flow_name, own.parameters, own.root_flow_run_id, TaskRunContext.get().task.name)
"""


def test_a_context_is_taken_to_another_process() -> None:
    @task
    def step() -> str:
        carried = cloudpickle.dumps(serialize_context()).hex()
        return subprocess.run(
            [sys.executable, "-c", _CHILD, carried],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        ).stdout

    @flow(flow_run_name="here")
    def inner(x: int) -> tuple[str, str]:
        return runtime.flow_run.id, step()

    @flow
    def outer() -> tuple[str, tuple[str, str]]:
        return runtime.flow_run.id, inner(3)

    root, (run, printed) = outer()
    assert printed.split() == [run, "here", "inner", "{'x':", "3}", root, "step"]


def test_contexts_follow_a_copied_context() -> None:
    with tags("a"):
        copied = copy_context()

    assert copied.run(current_tags) == ["a"]
    assert current_tags() == []
