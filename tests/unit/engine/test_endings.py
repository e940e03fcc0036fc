"""How runs end when they are not let to: interrupts, signals, exits, and what is recorded of it."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest

from penstock import flow, task
from penstock.settings import temporary_settings


def in_background(act: Any) -> threading.Thread:
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def test_an_interrupt_crashes_the_flow_and_stops_its_tasks(witness, eventually, rows) -> None:
    begun = threading.Event()

    @task
    def working() -> None:
        begun.set()
        for _ in range(20_000):
            threading.Event().wait(0.001)

    @task
    def waiting(x: Any) -> None: ...

    @flow
    def interrupted() -> None:
        future = working.submit()
        waiting.submit(future)
        begun.wait(20)
        os.kill(os.getpid(), signal.SIGINT)
        future.wait()

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert witness.states("interrupted")[-1] == "Crashed"
    assert witness.states("working") == ["Pending", "Running", "Crashed"]
    assert witness.states("waiting") == ["Pending", "Cancelled"]
    run = witness.flow_runs["interrupted"]
    assert rows(f"select state_type from runs where id = '{run.id}'") == [{"state_type": "CRASHED"}]


def test_an_interrupt_in_an_async_flow_crashes_it(witness) -> None:
    import asyncio

    @flow
    async def interrupted() -> None:
        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGINT)
        await asyncio.sleep(20)

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(interrupted())

    assert witness.states("interrupted") == ["Pending", "Running", "Crashed"]


def test_an_interrupt_reaches_the_child_and_its_parent(witness) -> None:
    @flow
    def inner() -> None:
        raise KeyboardInterrupt

    @flow
    def outer() -> None:
        inner()

    with pytest.raises(KeyboardInterrupt):
        outer()

    assert (witness.states("inner")[-1], witness.states("outer")[-1]) == ("Crashed", "Crashed")


def test_an_interrupt_in_a_task_called_directly(witness) -> None:
    @task
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert witness.states("interrupted") == ["Pending", "Running", "Crashed"]


def test_interrupts_of_user_code_are_not_retried(witness) -> None:
    @flow(retries=3)
    def interrupted() -> None:
        raise KeyboardInterrupt

    interrupted(return_state=True)

    assert witness.states("interrupted") == ["Pending", "Running", "Crashed"]


def test_a_system_exit_crashes_the_run(witness) -> None:
    @flow
    def leaving() -> None:
        sys.exit(3)

    with pytest.raises(SystemExit):
        leaving()

    assert witness.states("leaving")[-1] == "Crashed"


PROGRAM = """
import os, sys, time
from penstock import flow, task
@task
def step(n):
    return n
@flow(name=sys.argv[1])
def work():
    step.map(range(int(sys.argv[2]))).wait()
    print("ready", flush=True)
    if sys.argv[3] == "exit":
        os._exit(3)
    if sys.argv[3] == "wait":
        time.sleep(60)
    return "done"
work()
"""


def test_nothing_is_lost_at_a_clean_exit(script, rows) -> None:
    script(PROGRAM, "clean-exit", "1000", "return")

    found = rows(
        "select r.state_name, count(*) as n, count(distinct t.id) as runs, min(t.state_name) as low, "
        "max(t.state_name) as high from runs r join task_runs t on t.flow_run_id = r.id "
        "where r.flow_name = 'clean-exit' group by all"
    )
    states = rows(
        "select s.name, count(*) as n from states s join runs r on r.id = s.flow_run_id "
        "where r.flow_name = 'clean-exit' and run_type = 'task-run' group by all order by 1"
    )

    assert found == [
        {"state_name": "Completed", "n": 1000, "runs": 1000, "low": "Completed", "high": "Completed"}
    ]
    assert states == [{"name": name, "n": 1000} for name in ("Completed", "Pending", "Running")]


def test_a_process_that_vanishes_leaves_its_run_crashed(script, rows, eventually) -> None:
    done = script(PROGRAM, "vanished", "20", "exit", check=False)

    def ended() -> Any:
        return rows("select state_type from runs where flow_name = 'vanished' and state_type = 'CRASHED'")

    assert done.returncode == 3
    assert eventually(ended) == [{"state_type": "CRASHED"}]
    counted = rows(
        "select t.state_name, count(*) as n from task_runs t join runs r on r.id = t.flow_run_id "
        "where r.flow_name = 'vanished' group by all"
    )
    assert counted == [{"state_name": "Completed", "n": 20}]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_recorded_as_a_crash(number, tmp_path, rows) -> None:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    name = f"signalled-{int(number)}"
    process = subprocess.Popen(
        [sys.executable, str(path), name, "3", "wait"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    try:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()

    assert process.returncode != 0, errors
    assert rows(f"select state_type from runs where flow_name = '{name}'") == [{"state_type": "CRASHED"}]


def test_a_flow_without_a_store_is_journalled_and_swept_later(own_home, rows, witness) -> None:
    """No store can start while somebody else holds its lock. The run goes on; a later store takes the journal."""
    lock = os.open(own_home / "store.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)

    @task
    def step() -> int:
        return 2

    @flow
    def alone() -> int:
        return step.submit().result()

    with temporary_settings({"store_start_timeout": 0.2}):
        assert alone() == 2
    os.close(lock)

    assert witness.states("alone") == ["Pending", "Running", "Completed"]
    found = rows("select flow_name, state_name, run_count from runs")
    assert found == [{"flow_name": "alone", "state_name": "Completed", "run_count": 1}]
    assert rows("select task_name, state_name from task_runs") == [
        {"task_name": "step", "state_name": "Completed"}
    ]


UNDECODABLE = """
from penstock import flow, task

@task
def broken():
    raise FileNotFoundError("no caf\\udce9")

@flow(name="undecodable", flow_run_name="caf\\udce9")
def work(x):
    broken()

work("caf\\udce9", return_state=True)
"""


def test_texts_that_json_refuses_do_not_stop_the_record(script, rows) -> None:
    """A file name with an undecodable byte in an error kept everything after it from being stored."""
    script(UNDECODABLE)

    found = rows("select name, state_name, state_message from runs where flow_name = 'undecodable'")
    assert found == [
        {
            "name": "caf\\udce9",
            "state_name": "Failed",
            "state_message": "Flow run encountered an exception: FileNotFoundError: no caf\\udce9",
        }
    ]


def test_a_flow_leaves_no_threads_behind(eventually) -> None:
    @task
    def step(n: int) -> int:
        return n

    flow(lambda: step.map(range(8)).result())()

    assert [t.name for t in threading.enumerate() if t.name.startswith("penstock-task")] == []
