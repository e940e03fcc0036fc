"""Served deployments: asked for here, run there, each run in a process of its own."""

from __future__ import annotations

import os
import signal

import pytest

from penstock import flow
from penstock._link.client import path_of, store
from penstock.deployments import run_deployment
from penstock.testing.cli import invoke_and_assert


def states(run_id) -> list[str]:
    found = store().request("GET", "/api/flow_run_states/", query={"flow_run_id": str(run_id)})
    return [state["name"] for state in found]


def state_of(run_id) -> str:
    return store().request("GET", path_of("api", "flow_runs", run_id))["state_name"]


def test_a_run_is_made_here_and_run_there(served):
    run = run_deployment("add/add-served", parameters={"x": 2}, timeout=60)
    assert run.state.name == "Completed"
    assert run.state.result() == 3
    assert states(run.id) == ["Scheduled", "Pending", "Running", "Completed"]
    pid, name = served.lines("add")[0].split()
    assert name == "add-served"
    assert int(pid) not in (os.getpid(), served.processes[0].pid)


def test_async_flows_and_those_of_classes_are_served(served):
    found = {
        "later/later-served": {"text": "up"},
        "of-class/of-class-served": {"n": 3},
        "of-nothing/of-nothing-served": {"n": 3},
    }
    results = [
        run_deployment(name, parameters=given, timeout=60).state.result() for name, given in found.items()
    ]
    assert results == ["UP", "weekly 3", 4]


def test_failures_and_dead_processes_are_told_apart(served):
    failed = run_deployment("broken/broken-served", timeout=60)
    assert (failed.state.name, "no such luck" in failed.state.message) == ("Failed", True)
    dead = run_deployment("dies/dies-served", timeout=60)
    assert dead.state.name == "Crashed"


def test_what_was_asked_for_before_waits_for_a_runner(place, work):
    work.add.deploy("waiting", print_next_steps=False)
    run = run_deployment("add/waiting", parameters={"x": 1}, timeout=0)
    assert run.state.name == "Scheduled"
    place.serve("-c", "from work import add; add.serve('waiting')")
    from penstock.futures import PenstockFlowRunFuture

    assert PenstockFlowRunFuture(run.id).result(timeout=60) == 2


def test_the_limit_holds_and_a_cancelled_run_ends(place, eventually):
    place.serve("work.py", "1")
    first = run_deployment("held/held-served", parameters={"name": "a"}, timeout=0)
    eventually(lambda: place.lines("began-a"))
    second = run_deployment("held/held-served", parameters={"name": "b"}, timeout=0)
    assert state_of(second.id) == "Scheduled"
    path = path_of("api", "flow_runs", first.id, "set_state")
    store().request("POST", path, {"state": {"type": "CANCELLING"}})
    eventually(lambda: place.lines("began-b"))
    assert states(first.id)[-2:] == ["Cancelling", "Cancelled"]
    place.let_go("b")
    eventually(lambda: state_of(second.id) == "Completed")


def test_sigterm_cancels_what_runs_and_pauses_the_schedules(place, eventually):
    runner = place.serve(
        "-c", "from work import held; held.serve('timed', cron='0 0 1 1 *', parameters={'name': 's'})"
    )
    run = run_deployment("held/timed", timeout=0)
    eventually(lambda: place.lines("began-s"))
    runner.send_signal(signal.SIGTERM)
    assert runner.wait(timeout=40) == 0
    assert state_of(run.id) == "Cancelled"
    assert store().request("GET", "/api/deployments/name/held/timed")["paused"]


def test_a_killed_runner_gives_back_what_it_had_not_begun(place, work, script, eventually):
    """The process takes a run as runners do, and dies before it starts it."""
    work.add.deploy("orphan", print_next_steps=False)
    run = run_deployment("add/orphan", parameters={"x": 5}, timeout=0)
    script(
        f"""
        import os
        from penstock._link.session import current_session
        session = current_session()
        body = {{"flow_run_id": {str(run.id)!r}, "client": session.client}}
        assert session.store.request("POST", "/link/take", body)["run"]
        os._exit(1)
        """,
        check=False,
    )
    eventually(lambda: states(run.id) == ["Scheduled", "Pending", "Scheduled"])
    place.serve("-c", "from work import add; add.serve('orphan')")
    eventually(lambda: state_of(run.id) == "Completed", 60)


def test_a_run_goes_on_when_its_runner_is_killed(place, eventually):
    runner = place.serve()
    run = run_deployment("held/held-served", parameters={"name": "o"}, timeout=0)
    eventually(lambda: place.lines("began-o"))
    runner.kill()
    runner.wait()
    place.let_go("o")
    eventually(lambda: state_of(run.id) == "Completed")


def test_schedules_run_by_themselves(place, eventually):
    place.serve("-c", "from work import add; add.serve('often', interval=1, parameters={'x': 1})")
    eventually(lambda: len(place.lines("add")) >= 2, 60)
    found = store().request(
        "POST", "/api/flow_runs/filter", {"flow_runs": {"state": {"name": {"any_": ["Completed"]}}}}
    )
    assert all(run["auto_scheduled"] for run in found)
    starts = [run["expected_start_time"] for run in found]
    assert len(starts) == len(set(starts))
    assert all(run["start_time"] >= run["expected_start_time"] for run in found)


def test_a_run_of_a_deployment_is_a_child_of_the_flow_that_asked(served, rows):
    @flow
    def parent_that_asks():
        return run_deployment("add/add-served", parameters={"x": 4}, timeout=60).state.result()

    assert parent_that_asks() == 5
    found = rows(
        "SELECT parent_flow_run_id AS id FROM runs WHERE flow_name = 'add' AND parameters->>'x' = '4'"
    )
    assert found == rows("SELECT id FROM runs WHERE flow_name = 'parent-that-asks'")


def test_a_file_that_cannot_be_loaded_crashes_its_run(place, work):
    work.add.deploy("gone", print_next_steps=False)
    (place.folder / "work.py").write_text("raise ImportError('no module of that name')")
    place.start(
        "-c",
        "import penstock.flows, time\nfrom penstock.runner import Runner\n"
        "from penstock._link.client import store\n"
        "r = Runner(); r._deployments[store().request('GET', '/api/deployments/name/add/gone')['id']] = '.'; r.start()",
    )
    run = run_deployment("add/gone", parameters={"x": 1}, timeout=60)
    assert run.state.name == "Crashed"
    assert "could not be loaded" in run.state.message


def test_the_command_line_serves_and_runs(place):
    cli = ("-c", "from penstock.cli import main; main()")
    place.serve(*cli, "flow", "serve", "work.py:add", "--name", "typed", "--interval", "86400")

    def said(*command, code=0):
        return invoke_and_assert(["deployment", *command], expected_code=code).output

    assert "add/typed" in said("ls")
    assert "is Completed" in said("run", "add/typed", "--param", "x=3", "--watch")
    assert "no parameters z" in said("run", "add/typed", "--param", "z=3", code=1)
    said("pause", "add/typed")
    assert "every 86400 s" in said("schedule", "ls", "add/typed")
    said("resume", "add/typed")
    assert '"typed"' in said("inspect", "add/typed")
    said("delete", "add/typed")
    assert store().request("POST", "/api/deployments/count", {}) == 0


@pytest.mark.parametrize("limit", [0, -1])
def test_a_runner_without_places_is_refused(limit):
    from penstock.runner import Runner

    with pytest.raises(ValueError, match="limit"):
        Runner(limit=limit)
