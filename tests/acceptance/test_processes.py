"""Tasks in processes of this machine."""

from __future__ import annotations

import os
import threading
from typing import Any

import numpy as np
import pytest

from penstock import allow_failure, flow, task, unmapped
from penstock.exceptions import SerializationError
from penstock.task_runners import ProcessPoolTaskRunner

from .support import DEADLINE, script


@task
def whoami(_: Any = None) -> int:
    return os.getpid()


@task
def element(values: Any, index: int) -> float:
    return float(values[index])


@pytest.fixture
def in_processes() -> Any:
    def run(body: Any) -> Any:
        return flow(body, task_runner=ProcessPoolTaskRunner(max_workers=2))(return_state=True)

    return run


def test_tasks_run_in_at_most_so_many_other_processes(in_processes) -> None:
    pids = in_processes(lambda: whoami.map(range(8)).result()).result()
    assert os.getpid() not in pids
    assert len(set(pids)) <= 2


def test_a_worker_that_dies_crashes_its_run_and_not_the_flow(in_processes) -> None:
    @task
    def dies() -> None:
        os._exit(3)

    def body() -> str:
        future = dies.submit()
        future.wait()
        return future.state.name

    assert in_processes(body).result() == "Crashed"


def test_a_big_argument_is_written_once(in_processes, monkeypatch) -> None:
    sent: list[Any] = []
    real = ProcessPoolTaskRunner._send_ahead
    monkeypatch.setattr(
        ProcessPoolTaskRunner, "_send_ahead", lambda self, obj: sent.append(obj) or real(self, obj)
    )
    values = np.arange(300_000.0)
    found = in_processes(lambda: element.map(unmapped(values), [1, 2, 3]).result()).result()
    assert (found, len(sent)) == ([1.0, 2.0, 3.0], 1)


def test_what_cannot_be_pickled_is_named(in_processes) -> None:
    lock = threading.Lock()

    def body() -> str:
        with pytest.raises(SerializationError, match="argument '_' is a _thread.lock"):
            whoami.submit(lock).result()
        return "told"

    assert in_processes(body).result() == "told"


def test_an_exception_comes_back_as_itself_and_can_be_handed_on(in_processes) -> None:
    @task
    def fails() -> None:
        raise KeyError("gone")

    @task
    def tells(error: Any) -> str:
        return f"{type(error).__name__} {error.args}"

    assert in_processes(lambda: tells.submit(allow_failure(fails.submit())).result()).result() == (
        "KeyError ('gone',)"
    )


def test_a_failed_upstream_is_called_by_its_name(in_processes) -> None:
    @task(task_run_name="the-upstream")
    def fails() -> None:
        raise ValueError

    def body() -> str:
        return whoami.submit(fails.submit(), return_state=True).message

    assert "Upstream task run 'the-upstream' did not reach a 'COMPLETED' state" in in_processes(body).result()


def test_a_small_pool_does_not_hang_on_chains(in_processes) -> None:
    @task
    def add(a: int, b: int) -> int:
        return a + b

    def body() -> int:
        total = add.submit(0, 0)
        for number in range(20):
            total = add.submit(total, number)
        return total.result()

    assert in_processes(body).result() == 190


def test_a_script_needs_no_main_guard(home, tmp_path) -> None:
    path = tmp_path / "unguarded.py"
    path.write_text(
        "from penstock import flow, task\n"
        "from penstock.task_runners import ProcessPoolTaskRunner\n"
        "print('once')\n"
        "@task\n"
        "def inc(x): return x + 1\n"
        "@flow(task_runner=ProcessPoolTaskRunner(max_workers=2))\n"
        "def f(): return inc.map([1, 2]).result()\n"
        "print(f())\n"
    )
    with script(path, home=home) as process:
        assert process.wait(DEADLINE) == 0, process.output()
        assert process.output().count("once") == 1
        assert "[2, 3]" in process.output()


def test_a_runner_serves_several_flow_runs_in_turn() -> None:
    runner = ProcessPoolTaskRunner(max_workers=1)
    runs = [flow(lambda: whoami.submit().result(), task_runner=runner)() for _ in range(2)]
    assert os.getpid() not in runs
    with runner as pool:
        assert pool.submit(whoami, {"_": None}).result() != os.getpid()
