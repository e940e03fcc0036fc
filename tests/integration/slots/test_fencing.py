"""A worker that was stopped while others took its run over cannot write how it ended (T16)."""

from __future__ import annotations

import json
import os
import random
import signal
from contextlib import suppress

import pytest
from tests.conftest import stop_store

from penstock._link.client import store

pytestmark = pytest.mark.slow
#: Workers a trial; trials nightly.
WORKERS, NIGHTLY = 2, 50


def trials(pytestconfig):
    return NIGHTLY if pytestconfig.getoption("--nightly") else 1


@pytest.mark.parametrize("restart", [False, True], ids=["same-store", "new-store"])
def test_a_worker_that_wakes_after_the_takeover_cannot_end_its_run(
    own_home, begin, folder, rows, limit, pytestconfig, eventually, restart
):
    rng, done = random.Random(16), 0
    for trial in range(trials(pytestconfig)):
        place = folder / str(trial)
        place.mkdir()
        tag = limit(WORKERS, name=f"tag:work-{trial}")
        done += _trial(own_home, begin, place, rows, tag, eventually, restart=restart, rng=rng)
    assert done == WORKERS * trials(pytestconfig)


def _trial(home, begin, folder, rows, tag, eventually, *, restart, rng):
    driver = begin("driver", folder, WORKERS, tag.name.removeprefix("tag:"))
    files = [folder / f"{number}.pid" for number in range(WORKERS)]
    eventually(lambda: all(path.exists() and path.read_text() for path in files), 40)
    workers = {task: int(pid) for pid, task in (path.read_text().split() for path in files)}
    run = (folder / "run").read_text()
    assert tag.taken == WORKERS
    try:
        for pid in set(workers.values()):
            os.kill(pid, signal.SIGSTOP)
        driver.kill()
        driver.wait()
        _await_states(rows, workers, "CRASHED", eventually)
        # What they held by their tags is free, though they live.
        eventually(lambda: tag.taken == 0)
        second = begin("driver", folder, WORKERS, tag.name.removeprefix("tag:"), PENSTOCK__FLOW_RUN_ID=run)
        assert second.stdout.readline().strip() == str(sum(range(WORKERS)))
        assert second.wait(40) == 0
        if restart:
            stop_store(home)
        (folder / "go").touch()
        for pid in rng.sample(sorted(set(workers.values())), len(set(workers.values()))):
            os.kill(pid, signal.SIGCONT)
        # They wake, end their functions and write so into their journals, which the store takes in.
        eventually(lambda: _written_late(rows, workers) == len(workers), 40)
    finally:
        for pid in set(workers.values()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    _await_states(rows, workers, "CRASHED", eventually)
    assert rows(f"SELECT state_type FROM runs WHERE id = '{run}'") == [{"state_type": "COMPLETED"}]
    ended = rows(
        f"SELECT type FROM states WHERE task_run_id IN ({_list(workers)}) AND type IN ('COMPLETED', 'CRASHED')"
    )
    assert {one["type"] for one in ended} == {"CRASHED"}
    for task in workers:
        assert store().request("GET", f"/api/task_runs/{task}")["state_type"] == "CRASHED"
    return len(workers)


def _await_states(rows, tasks, kind, eventually):
    sql = f"SELECT count(*) AS found FROM task_runs WHERE id IN ({_list(tasks)}) AND state_type = '{kind}'"
    eventually(lambda: rows(sql)[0]["found"] == len(tasks), 30)


def _written_late(rows, tasks):
    """Task runs whose worker wrote a last state that is in the store, whatever it counts for."""
    sql = (
        "SELECT count(DISTINCT task_run_id) AS found FROM raw.task_state "
        f"WHERE task_run_id IN ({_list(tasks)}) AND type = 'COMPLETED'"
    )
    return rows(sql)[0]["found"]


def _list(ids):
    return json.dumps(sorted(ids))[1:-1].replace('"', "'")
