"""Background tasks: from `.delay` in one process through the store to a worker in another, and back."""

from __future__ import annotations

import signal

import pytest

from penstock import flow
from penstock._link.client import store
from penstock.client.orchestration import get_client
from penstock.exceptions import SerializationError


def states(run_id) -> list[str]:
    found = store().request("GET", "/api/task_run_states/", query={"task_run_id": str(run_id)})
    return [state["name"] for state in found]


def test_a_run_waits_for_a_worker_that_is_started_later(place, jobs) -> None:
    future = jobs.double.delay(21)
    assert states(future.task_run_id) == ["Scheduled"]
    place.worker()
    assert future.result(timeout=30) == 42
    assert states(future.task_run_id) == ["Scheduled", "Pending", "Running", "Completed"]
    with get_client(sync_client=True) as client:
        assert client.read_task_run(future.task_run_id).state.result() == 42


def test_a_task_has_one_identity_as_script_and_as_module(place, jobs, script, home) -> None:
    """`python jobs.py`, `import jobs` and `penstock task serve jobs.py:double` mean the same task."""
    said = script(
        f"""
        import runpy
        print(runpy.run_path({str(place.folder / "jobs.py")!r}, run_name="__main__x")["double"].task_key)
        """
    ).stdout.strip()
    assert said.startswith("double-")
    from penstock._loading.scripts import import_object

    assert import_object(f"{place.folder / 'jobs.py'}:double").task_key == jobs.double.task_key
    place.worker("-c", "from penstock.cli import main; main()", "task", "serve", "jobs.py:double")
    assert jobs.double.delay(1).result(timeout=30) == 2


def test_all_tasks_of_a_module_can_be_served(place, jobs) -> None:
    place.worker("-c", "from penstock.cli import main; main()", "task", "serve", "--module", "jobs")
    assert jobs.shout.delay("hello").result(timeout=30) == "HELLO"


def test_a_failure_comes_back_as_it_was(place, jobs) -> None:
    place.worker()
    future = jobs.fail.delay("no such luck")
    future.wait(timeout=30)
    assert future.state.name == "Failed"
    assert "no such luck" in future.state.message


def test_retries_hooks_and_caches_work(place, jobs) -> None:
    place.worker()
    flaky, first = jobs.flaky.delay(), jobs.cached.delay(7)
    assert flaky.result(timeout=30) == "at last"
    assert [line.split()[1] for line in place.lines("hooked")] == ["Completed"]
    assert first.result(timeout=30) == 7
    second = jobs.cached.delay(7)
    assert second.result(timeout=30) == 7
    assert second.state.name == "Cached"
    assert len(place.lines("cached")) == 1


def test_each_run_goes_to_one_of_many_workers(place, jobs, eventually) -> None:
    for _ in range(3):
        place.worker("jobs.py", "2")
    futures = jobs.double.map(list(range(40)), deferred=True)
    assert futures.result(timeout=60) == [2 * n for n in range(40)]
    lines = [line.split() for line in place.lines("double")]
    assert sorted(int(value) for _, value in lines) == list(range(40))
    assert len({pid for pid, _ in lines}) > 1


def test_the_limit_holds(place, jobs, eventually) -> None:
    place.worker("jobs.py", "1")
    first, second = jobs.held.delay("a"), jobs.held.delay("b")
    eventually(lambda: place.lines("began-a"))
    assert states(second.task_run_id) == ["Scheduled"]
    place.let_go("a")
    place.let_go("b")
    assert [first.result(timeout=30), second.result(timeout=30)] == ["a", "b"]


def test_a_killed_worker_crashes_what_it_ran(place, jobs, eventually) -> None:
    worker = place.worker()
    future = jobs.held.delay("k")
    eventually(lambda: place.lines("began-k"))
    worker.kill()
    future.wait(timeout=30)
    assert future.state.name == "Crashed"
    assert "ended without finishing" in future.state.message


def test_a_killed_worker_gives_back_what_it_had_not_begun(place, jobs, script, eventually) -> None:
    """The process takes a run as workers do, and dies before it begins."""
    future = jobs.double.delay(5)
    dead = script(
        f"""
        import os
        from penstock._link.session import current_session
        session = current_session()
        body = {{"worker": session.client + "#1", "keys": [{jobs.double.task_key!r}], "timeout": 10}}
        print(session.store.request("POST", "/link/claim", body)["run"]["id"], flush=True)
        os._exit(1)
        """,
        check=False,
    )
    assert dead.stdout.strip() == str(future.task_run_id)
    eventually(lambda: states(future.task_run_id) == ["Scheduled", "Pending", "Scheduled"])
    place.worker()
    assert future.result(timeout=30) == 10
    assert states(future.task_run_id)[3:] == ["Pending", "Running", "Completed"]


def test_a_killed_store_keeps_what_waits(place, jobs, own_home, eventually) -> None:
    import json
    import os

    futures = [jobs.double.delay(n) for n in range(5)]
    os.kill(json.loads((own_home / "endpoint.json").read_text())["pid"], signal.SIGKILL)
    place.worker()
    assert [future.result(timeout=30) for future in futures] == [0, 2, 4, 6, 8]


def test_sigterm_lets_running_tasks_finish_and_takes_no_more(place, jobs, eventually) -> None:
    worker = place.worker("jobs.py", "1")
    running, waiting = jobs.held.delay("t"), jobs.held.delay("u")
    eventually(lambda: place.lines("began-t"))
    worker.send_signal(signal.SIGTERM)
    place.let_go("t")
    assert running.result(timeout=30) == "t"
    assert worker.wait(timeout=20) == 0
    assert states(waiting.task_run_id) == ["Scheduled"]


def test_a_delayed_task_delays_another(place, jobs, eventually) -> None:
    place.worker()
    inner = jobs.outer.delay(4).result(timeout=30)
    from penstock.futures import PenstockDistributedFuture

    assert PenstockDistributedFuture(inner).result(timeout=30) == 8
    with get_client(sync_client=True) as client:
        parents = client.read_task_run(inner).task_inputs["__parents__"]
    assert [one["input_type"] for one in parents] == ["task_run"]


def test_futures_are_waited_for_by_the_worker(place, jobs) -> None:
    first = jobs.double.delay(1)
    second = jobs.double.apply_async((first,), wait_for=[first])
    place.worker("-c", "from jobs import double; double.serve()")
    assert second.result(timeout=30) == 4


def test_values_of_this_process_travel(place, jobs) -> None:
    @flow
    def parent() -> int:
        local = jobs.double.submit(1)
        return jobs.double.delay(local).result(timeout=30)

    place.worker()
    assert parent() == 4


def test_what_cannot_be_pickled_is_refused_at_once(jobs) -> None:
    import threading

    with pytest.raises(SerializationError):
        jobs.double.delay(threading.Lock())
    assert store().request("POST", "/api/task_runs/count", {}) == 0


def test_workers_that_ask_are_listed(place, jobs, eventually) -> None:
    place.worker()
    key = jobs.double.task_key

    def listed():
        body = {"task_worker_filter": {"task_keys": [key]}}
        return store().request("POST", "/api/task_workers/filter", body)

    found = eventually(listed)
    assert key in found[0]["task_keys"]
    body = {"task_worker_filter": {"task_keys": ["another-task"]}}
    assert store().request("POST", "/api/task_workers/filter", body) == []


def test_a_flow_may_leave_its_tasks_to_task_workers(place, jobs) -> None:
    from penstock.task_runners import PrefectTaskRunner, runner_class

    worker = place.worker()

    @flow(task_runner=PrefectTaskRunner())
    def wide():
        first = jobs.double.submit(1)
        return [jobs.double.submit(first).result(timeout=30), *jobs.double.map([5, 6]).result(timeout=30)]

    assert wide() == [4, 10, 12]
    pids = {line.split()[0] for line in place.lines("double")}
    assert pids == {str(worker.pid)}

    @flow(task_runner="task-workers")
    def waits_at_its_end():
        jobs.double.submit(7)
        return "done"

    assert waits_at_its_end() == "done"
    assert place.lines("double")[-1].split()[1] == "7"
    assert runner_class("task-workers") is PrefectTaskRunner
