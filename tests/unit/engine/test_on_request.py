"""Flows and tasks that are run on request: by id, with runs made before, in processes of their own."""

from __future__ import annotations

import asyncio
import logging
from uuid import uuid4

import pytest

from penstock import flow, runtime, tags, task
from penstock._link.client import store
from penstock.client.schemas.objects import FlowRun, TaskRunResult
from penstock.context import FlowRunContext, TaskRunContext, serialize_context
from penstock.engine import handle_engine_signals
from penstock.exceptions import Abort, ObjectNotFound, ParameterBindError, Pause
from penstock.flow_engine import (
    FlowRunTimeoutError,
    load_flow_run,
    run_flow,
    run_flow_async,
    run_flow_in_subprocess,
    run_flow_sync,
)
from penstock.futures import PrefectFlowRunFuture
from penstock.task_engine import TaskRunTimeoutError, run_task, run_task_async, run_task_sync
from penstock.task_runs import TaskRunWaiter
from penstock.tasks import Task, TaskOptions, TaskRunNameCallbackWithParameters


@task
def double(x: int, plus: int = 0) -> int:
    return 2 * x + plus


@task
async def late_double(x: int) -> int:
    return 2 * x


@flow
def doubled(x: int, plus: int = 0) -> int:
    return double(x, plus)


@flow
async def late_doubled(x: int) -> int:
    return await late_double(x)


@task
def broken() -> None:
    raise ValueError("no water")


def test_a_task_is_run_by_its_parameters(witness) -> None:
    run_id = uuid4()

    assert run_task(double, run_id, parameters={"x": 2}) == 4
    assert run_task_sync(double, parameters={"x": 2, "plus": 1}) == 5
    assert witness.states("double") == ["Pending", "Running", "Completed"] * 2
    assert run_task(broken, return_type="state").name == "Failed"
    with pytest.raises(ValueError, match="no water"):
        run_task(broken)
    with pytest.raises(ParameterBindError):
        run_task(double, parameters={"y": 2})


def test_async_tasks_and_flows_give_coroutines() -> None:
    async def main():
        return [
            await run_task(late_double, parameters={"x": 2}),
            await run_task_async(late_double, parameters={"x": 3}),
            await run_flow(late_doubled, parameters={"x": 4}),
            (await run_flow_async(late_doubled, parameters={"x": 5}, return_type="state")).name,
        ]

    assert asyncio.run(main()) == [4, 6, 8, "Completed"]


def test_the_documented_wait_for_a_task_run_by_id() -> None:
    run_id = uuid4()

    async def main():
        running = asyncio.create_task(run_task_async(late_double, task_run_id=run_id, parameters={"x": 2}))
        state = await TaskRunWaiter.wait_for_task_run(run_id, timeout=20)
        return await running, state.result()

    assert asyncio.run(main()) == (4, 4)


def test_a_run_is_made_first_and_executed_later(rows) -> None:
    @flow
    def around():
        context, upstream = FlowRunContext.get(), double.submit(1)
        run = double.create_run(
            parameters={"x": upstream},
            flow_run_context=context,
            extra_task_inputs={"note": {TaskRunResult(id=upstream.task_run_id)}},
        )
        before = run.state_name
        return before, run_task(double, task_run=run, parameters={"x": upstream}), run, upstream.task_run_id

    before, value, run, upstream = around()

    edge = [{"input_type": "task_run", "id": str(upstream)}]
    assert (before, value, run.state_name, run.run_count) == ("Pending", 4, "Completed", 1)
    assert run.task_inputs == {"x": edge, "note": edge}
    found = rows(
        f"SELECT state_name, CAST(flow_run_id AS VARCHAR) AS flow FROM task_runs WHERE id = '{run.id}'"
    )
    assert found == [{"state_name": "Completed", "flow": str(run.flow_run_id)}]


def test_making_a_run_may_be_awaited_and_names_its_parent() -> None:
    @task
    async def outer():
        context, run_id = TaskRunContext.get(), uuid4()
        run = await double.create_local_run(id=run_id, parameters={"x": 1}, parent_task_run_context=context)
        return run.id == run_id, run.task_inputs["__parents__"][0]["id"] == str(context.task_run.id)

    assert asyncio.run(outer()) == (True, True)


def test_a_deferred_run_waits_for_a_task_worker(rows) -> None:
    run = double.create_run(parameters={"x": 1}, deferred=True)

    found = rows(
        f"SELECT state_type, state_details->>'deferred' AS deferred FROM task_runs WHERE id = '{run.id}'"
    )
    assert found == [{"state_type": "SCHEDULED", "deferred": "true"}]


def test_dependencies_become_edges(witness) -> None:
    upstream = TaskRunResult(id=uuid4())

    run_task(double, parameters={"x": 1}, dependencies={"x": {upstream}})

    assert witness.task_runs["double"].task_inputs == {
        "x": [{"input_type": "task_run", "id": str(upstream.id)}]
    }


def test_a_task_runs_where_the_context_was_taken() -> None:
    @task
    def where():
        return runtime.flow_run.id, runtime.task_run.tags

    @flow
    def around():
        with tags("carried"):
            return runtime.flow_run.id, serialize_context()

    run, context = around()

    assert run_task(where, context=context) == (run, ["carried"])


def test_a_flow_is_run_by_its_parameters(caplog) -> None:
    @flow
    def bad():
        raise ValueError("no water")

    assert run_flow(doubled, parameters={"x": 2}) == 4
    assert run_flow_sync(doubled, parameters={"x": 2}, return_type="state").result() == 4
    logger = logging.getLogger("mine")
    with pytest.raises(ValueError, match="no water"):
        run_flow(bad, error_logger=logger)
    assert [record.exc_info[1].args for record in caplog.records if record.name == "mine"] == [("no water",)]


def test_a_flow_run_that_was_made_before_is_gone_on_with() -> None:
    body = {
        "name": "made-before",
        "flow_id": _flow_id(),
        "parameters": {"x": 3},
        "state": {"type": "PENDING"},
    }
    made = FlowRun.model_validate(store().request("POST", "/api/flow_runs/", body))

    assert run_flow(doubled, flow_run=load_flow_run(made.id)) == 6

    run = load_flow_run(made.id)
    assert (run.name, run.state_name, run.run_count, run.parameters) == (
        "made-before",
        "Completed",
        1,
        {"x": 3},
    )


def _flow_id() -> str:
    assert doubled(0) == 0  # so that the store knows the flow
    return str(store().request("POST", "/api/flows/", {"name": "doubled"})["id"])


def test_a_flow_run_nobody_made_is_refused() -> None:
    unknown = FlowRun(flow_id=uuid4(), name="nobody")

    with pytest.raises(ObjectNotFound):
        load_flow_run(unknown.id)
    with pytest.raises(Abort, match="cannot be continued"):
        run_flow(doubled, flow_run=unknown, parameters={"x": 1})


def test_a_flow_runs_in_a_process_of_its_own() -> None:
    ids = []

    @flow(persist_result=True)
    def away(x: int) -> tuple[int, str, list[str]]:
        import os

        return 2 * x + os.getpid() * 0, runtime.flow_run.id, runtime.flow_run.tags

    with tags("carried"):
        process = run_flow_in_subprocess(away, parameters={"x": 4})
    process.join(60)
    found = store().request("POST", "/api/flow_runs/filter", {"flows": {"name": {"any_": ["away"]}}})
    ids = [run["id"] for run in found]

    assert process.exitcode == 0
    assert PrefectFlowRunFuture(ids[0]).result(timeout=20) == (8, ids[0], ["carried"])


def test_an_error_in_a_process_of_its_own_is_its_exit_status() -> None:
    @flow
    def away() -> None:
        raise ValueError("no water")

    process = run_flow_in_subprocess(away)
    process.join(60)

    assert process.exitcode == 1


@pytest.mark.parametrize(
    ("raised", "status"), [(Abort("taken over"), 0), (Pause("later"), 0), (ValueError("no"), 1)]
)
def test_engine_signals_end_the_process(raised, status) -> None:
    with pytest.raises(SystemExit) as ended, handle_engine_signals(uuid4()):
        raise raised

    assert ended.value.code == status


def test_a_termination_signal_ends_the_process_by_that_signal(script) -> None:
    done = script(
        """
        from penstock.engine import handle_engine_signals
        from penstock.exceptions import TerminationSignal
        with handle_engine_signals():
            raise TerminationSignal(15)
        """,
        check=False,
    )

    assert done.returncode == -15


def test_timeouts_are_found_where_they_are_documented() -> None:
    @task(timeout_seconds=0.01)
    def slow():
        while True:
            pass

    @flow(timeout_seconds=0.01)
    def slow_flow():
        while True:
            pass

    with pytest.raises(TaskRunTimeoutError):
        slow()
    with pytest.raises(FlowRunTimeoutError):
        slow_flow()


def test_types_for_annotations() -> None:
    options: TaskOptions = {"name": "shown", "retries": 2}
    named = Task(double.fn, **options)

    assert (named.name, named.retries) == ("shown", 2)
    is_one = TaskRunNameCallbackWithParameters.is_callback_with_parameters
    assert (is_one(lambda parameters: "x"), is_one(lambda: "x")) == (True, False)
