"""Flows bound to infrastructure: called here, run in processes that workers of a pool start."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path

import pytest

from penstock import flow, tags, task
from penstock._ids import new_id
from penstock._link.client import path_of, store
from penstock.exceptions import (
    FailedRun,
    MissingResult,
    ObjectNotFound,
    ParameterTypeError,
    SerializationError,
)
from penstock.filesystems import LocalFileSystem
from penstock.flows import bind_flow_to_infrastructure
from penstock.workers.process import ProcessWorker, process

CLI = ("-c", "from penstock.cli import main; main()")


@task
def double(x):
    return 2 * x


@flow
def add(x: int, y: int = 1):
    return os.getpid(), double(x) + y


@flow
def broken():
    raise ValueError("no such luck")


@flow
def held(folder: str):
    Path(folder, "began").write_text(str(os.getpid()))
    while not Path(folder, "go").exists():
        time.sleep(0.01)


@pytest.fixture
def pool():
    name = f"pool-{new_id()}"
    store().request("POST", "/api/work_pools/", {"name": name, "type": "process"})
    return name


@pytest.fixture
def bound(pool):
    return lambda a_flow, **variables: process(pool, **variables)(a_flow)


def count_runs() -> int:
    return store().request("POST", "/api/flow_runs/count", {})


def states(run_id) -> list[str]:
    found = store().request("GET", "/api/flow_run_states/", query={"flow_run_id": str(run_id)})
    return [state["name"] for state in found]


def run_of(run_id):
    return store().request("GET", path_of("api", "flow_runs", run_id))


def work_once(beside, pool, *more):
    """Let a worker in another folder start what is due, and wait for its end."""
    worker = beside.start(*CLI, "worker", "start", "--pool", pool, "--run-once", *more)
    said, _ = worker.communicate(timeout=60)
    assert worker.returncode == 0, said
    return said


def test_a_call_runs_in_a_process_of_its_own_and_returns_its_value(bound, rows):
    with tags("far"):
        pid, value = bound(add)(2)
    assert (value, pid != os.getpid()) == (5, True)
    (run,) = rows("SELECT id, tags, state_name FROM runs WHERE flow_name = 'add' AND 'far' IN tags")
    assert run["state_name"] == "Completed"
    assert states(run["id"]) == ["Pending", "Running", "Completed"]
    assert run_of(run["id"])["infrastructure_pid"].endswith(f":{pid}")


def test_an_argument_that_cannot_travel_is_named_before_anything_is_recorded(bound):
    before = count_runs()
    with (
        sqlite3.connect(":memory:") as connection,
        pytest.raises(
            SerializationError, match=r"Flow 'add' cannot be sent.*parameter 'y' is a sqlite3.Connection"
        ),
    ):
        bound(add.with_options(validate_parameters=False)).submit_to_work_pool(1, y=connection)
    connection.close()
    with pytest.raises(ParameterTypeError):
        bound(add)("one")
    assert count_runs() == before


def test_a_pool_that_is_not_there_is_said_before_anything_is_recorded(bound):
    before = count_runs()
    for begin in ("submit", "submit_to_work_pool"):
        with pytest.raises(ObjectNotFound, match="work-pool create"):
            getattr(process("nowhere")(add), begin)(1)
    assert count_runs() == before


def test_the_result_is_only_to_be_had_from_the_storage_both_sides_share(bound, pool, beside, tmp_path):
    kept = tmp_path / "kept"
    future = bound(add.with_options(result_storage=LocalFileSystem(basepath=str(kept)))).submit_to_work_pool(
        3
    )
    assert future.state.name == "Scheduled"
    said = work_once(beside, pool)
    assert "started!" in said
    assert future.result(timeout=60)[1] == 7
    key = future.state.state_details.cache_key
    assert (kept / key).is_file()
    assert list((kept / "bundles").iterdir()) == []
    (kept / key).unlink()
    with pytest.raises(MissingResult, match=str(kept)):
        future.state.result()
    with pytest.raises(ValueError, match="persist_result=False"):
        bound(add.with_options(persist_result=False)).submit(1)


def test_a_relative_folder_means_the_same_one_on_both_sides(
    bound, pool, beside, tmp_path_factory, monkeypatch
):
    here = tmp_path_factory.mktemp("here")
    monkeypatch.chdir(here)
    future = bound(add.with_options(result_storage=LocalFileSystem(basepath="kept"))).submit_to_work_pool(3)
    assert beside.folder != here
    work_once(beside, pool)
    assert future.result(timeout=60)[1] == 7
    assert not (beside.folder / "kept").exists()


def test_a_storage_that_is_not_there_under_its_path_is_said_in_the_run(bound, pool, beside, tmp_path):
    """What a volume that is mounted elsewhere looks like from the other side."""
    shared = tmp_path / "shared"
    future = bound(add.with_options(result_storage=shared)).submit_to_work_pool(3)
    shared.rename(tmp_path / "mounted-elsewhere")
    work_once(beside, pool)
    state = future.state
    assert state.name == "Crashed"
    assert f"file://{shared}" in state.message
    assert "same path" in state.message


def test_a_submitted_run_is_a_child_and_its_arguments_are_edges(bound, rows):
    far = bound(add)

    @flow
    def asks():
        future = far.submit(double.submit(4), y=double.submit(1))
        return future.flow_run_id, double(future.result()[1])

    run_id, value = asks()
    assert value == 36
    (run,) = rows(
        f"SELECT parent_flow_run_id AS id, parent_task_run_id AS marker FROM runs WHERE id = '{run_id}'"
    )
    assert rows(f"SELECT flow_name FROM runs WHERE id = '{run['id']}'") == [{"flow_name": "asks"}]
    (marker,) = rows(f"SELECT state_name, inputs FROM task_runs WHERE id = '{run['marker']}'")
    assert marker["state_name"] == "Completed"
    assert marker["inputs"].count('"task_run"') == 2


def test_what_a_run_raises_is_told_here(bound):
    with pytest.raises(FailedRun, match="ValueError: no such luck"):
        bound(broken)()
    assert bound(broken)(return_state=True).is_failed()


def test_an_async_flow_is_awaited(bound):
    @flow
    async def later(text: str):
        return os.getpid(), text.upper()

    pid, text = asyncio.run(bound(later)("up"))
    assert (text, pid != os.getpid()) == ("UP", True)


def test_a_run_that_is_cancelled_ends_and_its_process_with_it(bound, tmp_path, eventually):
    future = bound(held).submit(str(tmp_path))
    pid = int(eventually((tmp_path / "began").exists, 60) and eventually((tmp_path / "began").read_text))
    path = path_of("api", "flow_runs", future.flow_run_id, "set_state")
    store().request("POST", path, {"state": {"type": "CANCELLING"}})
    future.wait(timeout=60)
    assert future.state.name == "Cancelled"
    eventually(lambda: not Path(f"/proc/{pid}").exists(), 60)


def test_a_caller_that_is_interrupted_cancels_its_run(pool, tmp_path, beside, eventually):
    program = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        f"from test_bound_flows import held\nfrom penstock.workers.process import process\n"
        f"process({pool!r})(held)({str(tmp_path)!r})"
    )
    caller = beside.start("-c", program)
    eventually((tmp_path / "began").exists, 60)
    caller.send_signal(signal.SIGINT)
    caller.communicate(timeout=60)
    assert caller.returncode not in (0, None)
    (run,) = store().request(
        "POST", "/api/flow_runs/filter", {"flow_runs": {"name": {"like_": ""}}, "limit": 1}
    )
    eventually(lambda: run_of(run["id"])["state_name"] == "Cancelled", 60)


def test_job_variables_and_options_reach_the_process(pool, tmp_path):
    @flow
    def surroundings():
        return os.environ.get("MODE"), os.environ.get("LEVEL"), os.getcwd()

    template = ProcessWorker.get_default_base_job_template()
    template["variables"]["properties"]["env"]["default"] = {"LEVEL": "3", "MODE": "daily"}
    store().request("PATCH", path_of("api", "work_pools", pool), {"base_job_template": template})
    far = bind_flow_to_infrastructure(surroundings, pool, ProcessWorker, {"env": {"MODE": "nightly"}})
    assert far() == ("nightly", "3", os.getcwd())
    there = far.with_options(name="elsewhere", job_variables={"working_dir": str(tmp_path)})
    assert there.name == "elsewhere"
    assert there() == ("daily", "3", str(tmp_path))


def test_modules_of_the_users_own_travel_with_the_flow(bound, pool, beside, tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("modules")
    (folder / "deep_part.py").write_text(
        "FACTOR = 7\nclass Box:\n    def __init__(self, n): self.n = n * FACTOR\n"
    )
    (folder / "own_part.py").write_text("import deep_part\ndef box(n): return deep_part.Box(n)\n")
    (folder / "own_flow.py").write_text(
        "from penstock import flow\nfrom own_part import box\n@flow\ndef boxed(n): return box(n).n\n"
    )
    with monkeypatch.context() as patch:
        patch.syspath_prepend(str(folder))
        import own_flow  # type: ignore[import-not-found]

        future = bound(own_flow.boxed).submit_to_work_pool(2)
    for name in ("own_flow", "own_part", "deep_part"):
        sys.modules.pop(name)
        (folder / f"{name}.py").unlink()
    work_once(beside, pool)
    assert future.result(timeout=60) == 14
