"""Runs of any process: waited for, and set to states, by their ids."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from penstock import flow
from penstock._ids import new_id
from penstock._link.client import store
from penstock.client.orchestration import get_client
from penstock.exceptions import Abort, FlowRunWaitTimeout, ObjectNotFound
from penstock.flow_runs import wait_for_flow_run
from penstock.flows import FlowDecorator, FlowStateHook
from penstock.states import Completed, Pending, Running, Scheduled
from penstock.utilities.engine import propose_state, propose_state_sync


@flow
def elsewhere():
    return None


def make(state):
    with get_client(sync_client=True) as client:
        return client.create_flow_run(elsewhere, state=state)


def states(run_id):
    found = store().request("GET", "/api/flow_run_states/", query={"flow_run_id": str(run_id)})
    return [state["name"] for state in found]


def test_the_end_of_a_run_is_waited_for_and_the_run_returned(caplog):
    run = make(Pending())

    async def both():
        waiting = asyncio.create_task(wait_for_flow_run(run.id, timeout=60, log_states=True))
        await propose_state(None, Running(), run.id)
        await propose_state(None, Completed(message="all well"), run.id)
        return await waiting

    with caplog.at_level("INFO", logger="penstock.flow_runs"):
        found = asyncio.run(both())
    assert (found.id, found.state.name, found.state.message) == (run.id, "Completed", "all well")
    assert "is in state 'Completed'" in caplog.text


def test_a_run_that_has_not_ended_in_time_is_said_and_goes_on():
    run = make(Running())
    with pytest.raises(FlowRunWaitTimeout, match=r"still Running after 0 s.*flow-run cancel"):
        asyncio.run(wait_for_flow_run(run.id, timeout=0))
    assert states(run.id) == ["Running"]
    with pytest.raises(ObjectNotFound):
        asyncio.run(wait_for_flow_run(new_id()))


def test_a_proposed_state_comes_back_as_the_store_decided():
    run = make(Pending())
    mine = Running()
    assert propose_state_sync(None, mine, run.id).id == mine.id
    propose_state_sync(None, Completed(), run.id)
    with pytest.raises(Abort):
        propose_state_sync(None, Scheduled(), run.id)
    assert propose_state_sync(None, Running(), run.id, force=True).name == "Running"


def test_a_state_that_is_too_early_is_proposed_again_when_its_time_has_come():
    due = datetime.now(UTC) + timedelta(seconds=0.3)
    run = make(Scheduled(scheduled_time=due))
    running = propose_state_sync(None, Running(), run.id)
    assert running.name == "Running"
    assert running.timestamp >= due


def test_the_documented_types_of_decorator_and_hook_fit():
    def hook(flow, flow_run, state): ...

    assert isinstance(flow, FlowDecorator)
    assert isinstance(hook, FlowStateHook)
