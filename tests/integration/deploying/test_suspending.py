"""Suspended flow runs: left by their process, and gone on with in another one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from penstock import flow, resume_flow_run, suspend_flow_run, task
from penstock._ids import new_id
from penstock._link.client import path_of, store
from penstock.deployments import run_deployment
from penstock.exceptions import Abort, MissingContextError
from penstock.flow_engine import load_flow, load_flow_and_flow_run
from penstock.flows import load_flow_from_flow_run
from penstock.futures import PenstockFlowRunFuture


def run_of(run_id):
    return store().request("GET", path_of("api", "flow_runs", run_id))


def states(run_id) -> list[str]:
    found = store().request("GET", "/api/flow_run_states/", query={"flow_run_id": str(run_id)})
    return [state["name"] for state in found]


def is_suspended(run_id) -> bool:
    return run_of(run_id)["state_name"] == "Suspended"


def has_ended(line: str) -> bool:
    return not Path(f"/proc/{line.split(maxsplit=1)[0]}").exists()


def test_a_suspended_run_leaves_its_process_and_goes_on_with_the_answer(place, eventually):
    place.serve()
    run = run_deployment("reviewed/reviewed-served", timeout=0)
    eventually(lambda: is_suspended(run.id), 60)
    eventually(lambda: has_ended(place.lines("step")[0]), 60)
    resume_flow_run(run.id, run_input={"value": 5})
    assert PenstockFlowRunFuture(run.id).result(timeout=60) == 8
    first, second = (line.split() for line in place.lines("step"))
    assert (first[1], second[1], first[0] != second[0]) == ("1", "2", True)
    assert states(run.id) == [
        *("Scheduled", "Pending", "Running", "Suspended"),
        *("Resuming", "Pending", "Running", "Completed"),
    ]
    assert run_of(run.id)["run_count"] == 1


def test_a_run_that_others_suspend_is_left_where_its_next_task_would_begin(place, eventually):
    place.serve()
    run = run_deployment("left/left-served", parameters={"name": "a"}, timeout=0)
    eventually(lambda: place.lines("began-a"), 60)
    suspend_flow_run(flow_run_id=run.id, timeout=60)
    assert is_suspended(run.id)
    eventually(lambda: has_ended(place.lines("began-a")[0]), 60)
    assert len(place.lines("step")) == len(place.lines("began-a"))
    assert is_suspended(run.id)
    place.let_go("a")
    resume_flow_run(run.id)
    assert PenstockFlowRunFuture(run.id).result(timeout=60) == 0
    with pytest.raises(Abort, match="cannot be suspended"):
        suspend_flow_run(flow_run_id=run.id)


def test_a_run_without_a_deployment_cannot_be_suspended_and_says_so():
    after = []

    @task
    def note():
        after.append("went on")

    @flow
    def alone():
        suspend_flow_run()
        note()

    with pytest.raises(Abort, match="without a deployment"):
        alone()

    @flow
    async def alone_too():
        await suspend_flow_run()
        note()

    with pytest.raises(Abort, match="without a deployment"):
        asyncio.run(alone_too())
    with pytest.raises(MissingContextError, match="Which flow run"):
        suspend_flow_run()
    assert after == []


def test_a_flow_is_loaded_from_a_run_of_it(place, work):
    work.add.deploy("loaded", print_next_steps=False)
    run = run_deployment("add/loaded", parameters={"x": 1}, timeout=0)
    found = load_flow_from_flow_run(None, run)
    assert (found.name, found.fn(2)) == ("add", 3)
    (place.folder / "work.py").write_text(
        "raise ImportError('gone')\n@flow\ndef add(x: int, y: int = 1): ...\n"
    )
    assert load_flow_from_flow_run(None, run).name == "add"
    with pytest.raises(Exception, match="gone"):
        load_flow_from_flow_run(None, run, use_placeholder_flow=False)
    alone = run.model_copy(update={"deployment_id": None, "id": new_id()})
    with pytest.raises(ValueError, match="no deployment"):
        load_flow_from_flow_run(None, alone)


def test_the_engine_loads_a_run_and_its_flow(place, work):
    work.add.deploy("engine", print_next_steps=False)
    made = run_deployment("add/engine", parameters={"x": 1}, timeout=0)
    run, found = load_flow_and_flow_run(made.id)
    assert (run.id, found.name, load_flow(run).fn(2)) == (made.id, "add", 3)
