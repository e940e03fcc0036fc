"""Workers: real processes that start the runs of a pool."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys

import pytest

from penstock import flow
from penstock._ids import new_id
from penstock._link.client import path_of, store
from penstock.bundles import create_bundle_for_flow_run, execute_bundle_in_subprocess
from penstock.client.orchestration import get_client
from penstock.deployments import run_deployment
from penstock.deployments.runner import DeploymentApplyError
from penstock.futures import PenstockFlowRunFuture
from penstock.runner import Runner
from penstock.testing.cli import invoke_and_assert
from penstock.workers.base import BaseJobConfiguration, BaseWorker, BaseWorkerResult
from penstock.workers.process import ProcessJobConfiguration, ProcessWorker

CLI = ("-c", "from penstock.cli import main; main()")


@flow(persist_result=True)
def where(x: int):
    return os.getpid(), os.getcwd(), os.environ.get("MODE"), x


@pytest.fixture
def pool():
    name = f"pool-{new_id()}"
    template = ProcessWorker.get_default_base_job_template()
    body = {"name": name, "type": "process", "base_job_template": template}
    store().request("POST", "/api/work_pools/", body)
    return name


@pytest.fixture
def start(place):
    """Start a worker and wait until it says so."""

    def begin(pool, *more):
        worker = place.start(*CLI, "worker", "start", "--pool", pool, *more)
        for line in worker.stdout:
            if "started!" in line:
                return worker
        raise AssertionError("the worker did not start")

    return begin


def run_of(run_id):
    return store().request("GET", path_of("api", "flow_runs", run_id))


def said(*command, code=0):
    return invoke_and_assert(list(command), expected_code=code).output


def test_a_worker_runs_deployments_of_its_pool_as_they_come(place, work, start):
    said("work-pool", "create", "local", "--type", "process")
    work.add.deploy("pooled", work_pool_name="local", print_next_steps=False)
    worker = start("local", "--name", "w1")
    run = run_deployment("add/pooled", parameters={"x": 4}, timeout=60)
    assert (run.state.name, run.state.result()) == ("Completed", 5)
    assert int(place.lines("add")[0].split()[0]) != worker.pid
    assert run.infrastructure_pid.endswith(place.lines("add")[0].split()[0])
    (shown,) = store().request("POST", "/api/work_pools/local/workers/filter", {})
    assert (shown["name"], shown["status"]) == ("w1", "ONLINE")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=40) == 0


def test_the_limit_of_a_worker_holds_and_sigterm_cancels_what_runs(place, work, start, eventually):
    said("work-pool", "create", "few")
    work.held.deploy("pooled", work_pool_name="few", print_next_steps=False)
    worker = start("few", "--limit", "1")
    first = run_deployment("held/pooled", parameters={"name": "a"}, timeout=0)
    eventually(lambda: place.lines("began-a"), 60)
    second = run_deployment("held/pooled", parameters={"name": "b"}, timeout=0)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=60) == 0
    assert (run_of(first.id)["state_name"], run_of(second.id)["state_name"]) == ("Cancelled", "Scheduled")


def test_a_dead_process_is_a_crash_and_a_killed_worker_leaves_its_runs_alone(place, work, start, eventually):
    said("work-pool", "create", "local")
    for one in (work.dies, work.held):
        one.deploy("pooled", work_pool_name="local", print_next_steps=False)
    worker = start("local")
    dead = run_deployment("dies/pooled", timeout=60)
    assert (dead.state.name, "exit status 3" in dead.state.message) == ("Crashed", True)
    run = run_deployment("held/pooled", parameters={"name": "o"}, timeout=0)
    eventually(lambda: place.lines("began-o"), 60)
    worker.kill()
    worker.wait()
    place.let_go("o")
    eventually(lambda: run_of(run.id)["state_name"] == "Completed", 60)


def test_only_runs_of_the_wanted_queues_are_started(place, work):
    said("work-pool", "create", "local")
    work.add.deploy("pooled", work_pool_name="local", print_next_steps=False)
    mine = run_deployment("add/pooled", parameters={"x": 1}, timeout=0, work_queue_name="mine")
    other = run_deployment("add/pooled", parameters={"x": 1}, timeout=0)
    worker = place.start(*CLI, "worker", "start", "-p", "local", "-q", "mine", "--run-once")
    assert worker.wait(timeout=60) == 0
    assert (run_of(mine.id)["state_name"], run_of(other.id)["state_name"]) == ("Completed", "Scheduled")


def test_a_worker_makes_its_pool_and_a_type_that_is_not_installed_is_refused(place):
    worker = place.start(*CLI, "worker", "start", "--pool", "made", "--run-once")
    assert worker.wait(timeout=60) == 0
    made = store().request("GET", "/api/work_pools/made")
    assert (made["type"], made["base_job_template"]) == (
        "process",
        ProcessWorker.get_default_base_job_template(),
    )
    assert "no type of worker 'kubernetes'" in said(
        "worker", "start", "--pool", "made", "--type", "kubernetes", code=1
    )


def test_the_command_line_makes_shows_and_changes_pools(own_home, tmp_path):
    file = tmp_path / "template.json"
    said("work-pool", "get-default-base-job-template", "--type", "process", "--file", str(file))
    template = json.loads(file.read_text())
    template["variables"]["properties"]["env"]["default"] = {"MODE": "x"}
    file.write_text(json.dumps(template))
    assert "worker start" in said("work-pool", "create", "one", "--base-job-template", str(file), "--paused")
    assert "already" in said("work-pool", "create", "one", code=1)
    said("work-pool", "create", "one", "--overwrite", "--base-job-template", str(file), "--paused")
    shown = json.loads(said("work-pool", "inspect", "one"))
    assert (shown["is_paused"], shown["base_job_template"]) == (True, template)
    said("work-pool", "resume", "one")
    said("work-pool", "set-concurrency-limit", "one", "3")
    said("work-pool", "update", "one", "--description", "few")
    assert "few" in said("work-pool", "ls", "--verbose")
    assert json.loads(said("work-pool", "inspect", "one"))["concurrency_limit"] == 3
    said("work-pool", "clear-concurrency-limit", "one")
    said("work-pool", "pause", "one")
    assert json.loads(said("work-pool", "inspect", "one"))["status"] == "PAUSED"
    said("work-pool", "delete", "one")
    assert "no work pool" in said("work-pool", "inspect", "one", code=1)


def test_a_preview_shows_what_is_due_within_the_hours(own_home):
    said("work-pool", "create", "local")
    path = "/api/flow_runs/"
    flow_id = store().request("POST", "/api/flows/", {"name": "f"})["id"]
    for name in ("soon", "later"):
        details = {"scheduled_time": "2030-01-01T00:00:00Z" if name == "later" else "2020-01-01T00:00:00Z"}
        state = {"type": "SCHEDULED", "state_details": details}
        body = {"flow_id": flow_id, "name": name, "work_pool_name": "local", "state": state}
        store().request("POST", path, body)
    found = said("work-pool", "preview", "local", "--hours", "12")
    assert ("soon" in found, "later" in found) == (True, False)


def test_a_bundle_is_executed_by_a_runner_and_in_a_process(tmp_path):
    async def make():
        async with get_client() as client:
            return await client.create_flow_run(where, parameters={"x": 3})

    for execute in ("runner", "process"):
        run = asyncio.run(make())
        bundle = json.loads(json.dumps(create_bundle_for_flow_run(where, run)))
        env = {"MODE": execute}
        if execute == "runner":
            Runner().execute_bundle(bundle, cwd=tmp_path, env=env)
        else:
            process = execute_bundle_in_subprocess(bundle, cwd=tmp_path, env=env)
            process.join()
            assert process.exitcode == 0
        pid, folder, mode, x = PenstockFlowRunFuture(run.id).result(timeout=60)
        assert (folder, mode, x, pid != os.getpid()) == (str(tmp_path), execute, 3, True)


class LoudResult(BaseWorkerResult):
    """How a run of a `LoudWorker` ended."""


class LoudConfiguration(BaseJobConfiguration):
    volume: int = 1


class LoudWorker(BaseWorker[LoudConfiguration, LoudConfiguration, LoudResult]):
    """A type of worker of one's own: a process that is told how loud to be."""

    type = "loud"
    job_configuration = LoudConfiguration

    async def run(self, flow_run, configuration, task_status=None):
        if configuration.volume > 9:
            raise OSError("too loud")
        done = subprocess.run(  # noqa: ASYNC221  # each run has a loop of its own
            [sys.executable, "-c", "raise SystemExit(4)"]
            if configuration.volume > 5
            else [sys.executable, "-m", "penstock.engine"],
            env={**os.environ, **configuration.env, "MODE": str(configuration.volume)},
            check=False,
        )
        return LoudResult(identifier="here", status_code=done.returncode)


def test_a_type_of_worker_of_ones_own_starts_runs_by_its_own_means():
    name = f"loud-{new_id()}"

    async def use(**variables):
        async with LoudWorker(name) as worker:
            future = await worker.submit(where, parameters={"x": 1}, job_variables=variables)
            return await asyncio.to_thread(lambda: (future.wait(60), future.state)[1])

    assert BaseWorker.get_worker_class_from_type("loud") is LoudWorker
    assert asyncio.run(use(volume=3)).result()[2:] == ("3", 1)
    failed = asyncio.run(use(volume=6))
    assert (failed.name, "status 4" in failed.message) == ("Crashed", True)
    never = asyncio.run(use(volume=10))
    assert (never.name, "too loud" in never.message) == ("Crashed", True)


def test_a_deployment_that_names_no_pool_is_given_that_of_the_settings(place, work, monkeypatch):
    said("work-pool", "create", "usual")
    monkeypatch.setenv("PENSTOCK_DEFAULT_WORK_POOL_NAME", "usual")
    work.add.deploy("settled", print_next_steps=False)
    assert store().request("GET", "/api/deployments/name/add/settled")["work_pool_name"] == "usual"
    with pytest.raises(DeploymentApplyError, match="no work pool 'other'"):
        work.add.deploy("settled", work_pool_name="other", print_next_steps=False)


def test_a_worker_of_another_type_than_its_pool_says_so(pool, caplog):
    with caplog.at_level("WARNING", logger="penstock.workers"):
        asyncio.run(LoudWorker(pool).setup())
    assert f"Work pool {pool!r} is of type 'process', and this worker starts runs as 'loud'" in caplog.text


def test_a_template_is_filled_by_type_and_dicts_are_merged():
    template = {
        "variables": {
            "properties": {
                "env": {"default": {"A": "1", "B": "2"}},
                "name": {},
                "stream_output": {"default": True},
            }
        },
        "job_configuration": {
            "env": "{{ env }}",
            "name": "run-{{ name }}",
            "stream_output": "{{ stream_output }}",
            "command": "{{ command }}",
        },
    }
    values = {"env.B": "3", "env.C": None, "name": "x", "stream_output": False}
    made = ProcessJobConfiguration.from_template_and_values(template, values)
    assert (made.env, made.name, made.stream_output, made.command) == (
        {"A": "1", "B": "3", "C": None},
        "run-x",
        False,
        None,
    )
    with pytest.raises(ValueError, match="not there on"):
        ProcessJobConfiguration(working_dir="/no/such/folder")
