"""Who is alive: not who says so now and then, but who holds the lock of a journal (T14, T15)."""

from __future__ import annotations

import time
from uuid import uuid4

import pytest

from penstock._link.client import store
from penstock.concurrency.sync import concurrency

#: The store looks for dead processes once a second; a heartbeat of that rate would have been missed five times.
BUSY, NIGHTLY = 5, 65


@pytest.mark.slow
def test_a_task_that_keeps_the_interpreter_to_itself_keeps_its_slot(
    limit, begin, rows, pytestconfig, eventually
):
    """In a C call that does not let go of the interpreter no thread of the process can say that it lives.

    The nightly run lasts longer than the shortest lease.
    """
    seconds = NIGHTLY if pytestconfig.getoption("--nightly") else BUSY
    db = limit(1)
    process = begin("busy", db.name, seconds)
    eventually(lambda: db.taken == 1)
    since, looks = time.monotonic(), 0
    while time.monotonic() < since + seconds - 1:
        with pytest.raises(TimeoutError), concurrency(db.name, timeout_seconds=0.3):
            raise AssertionError("the slot was taken away")
        assert (db.taken, process.poll()) == (1, None)
        looks += 1
    assert looks > seconds
    assert process.wait(30) == 0
    assert db.taken == 0
    holders = rows(
        "SELECT holder_id FROM raw.lease JOIN concurrency_limits c ON c.id = limit_id "
        f"WHERE c.name = '{db.name}'"
    )
    ran = rows(f"SELECT state_type, run_count FROM task_runs WHERE id = '{holders[0]['holder_id']}'")
    assert ran == [{"state_type": "COMPLETED", "run_count": 1}]


@pytest.mark.parametrize("states", ["PENDING", "PENDING,RUNNING", "PENDING,RUNNING,CANCELLING"])
def test_runs_of_a_process_that_died_at_once_are_crashed_within_30_seconds(begin, rows, eventually, states):
    """It had no time to say anything but that the run exists: there is no last heartbeat to count from."""
    name = f"stillborn-{states.count(',')}"
    process = begin("stillborn", states, name)
    run = process.stdout.readline().strip()
    assert process.wait(30) == -9
    died = time.monotonic()

    def crashed():
        flow = rows(f"SELECT state_type, state_message FROM runs WHERE id = '{run}'")
        tasks = rows(
            f"SELECT state_type, flow_run_id IS NULL AS alone FROM task_runs WHERE task_name = '{name}'"
        )
        assert len(flow) == 1
        return flow[0]["state_type"] == "CRASHED" and flow[0], tasks

    eventually(lambda: crashed()[0], 30)
    assert time.monotonic() - died < 30
    flow, tasks = crashed()
    assert "ended without finishing this run" in flow["state_message"]
    assert sorted((task["state_type"], task["alone"]) for task in tasks) == [
        ("CRASHED", False),
        ("CRASHED", True),
    ]


@pytest.mark.parametrize("where", ["thread", "main", "tag"])
def test_a_run_that_waits_for_a_slot_can_be_cancelled_from_another_process(
    limit, begin, rows, eventually, where
):
    db = limit(1, name=f"tag:{uuid4().hex[:8]}" if where == "tag" else None)
    with concurrency(db.name):
        process = begin("waiter", db.name, where)
        run = process.stdout.readline().strip()
        eventually(lambda: db.waited_for == 1)
        store().request(
            "POST", f"/api/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}, "force": False}
        )
        assert process.wait(20) == 0
        assert db.waited_for == 0
    states = rows(f"SELECT state_type FROM runs WHERE id = '{run}'")
    states += rows(f"SELECT state_type FROM task_runs WHERE flow_run_id = '{run}'")
    assert [one["state_type"] for one in states] == ["CANCELLED", "CANCELLED"]
    assert db.taken == 0
