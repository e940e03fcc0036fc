"""Limits of tags, and `concurrency` blocks in tasks, hold wherever task runs are."""

from __future__ import annotations

import time
from uuid import uuid4

import pytest

from penstock import flow, tags, task
from penstock._link.client import store
from penstock.concurrency.sync import concurrency

from .support import eventually


def most_at_once(intervals):
    steps = sorted([(begun, 1) for begun, _ in intervals] + [(ended, -1) for _, ended in intervals])
    level = most = 0
    for _, change in steps:
        level += change
        most = max(most, level)
    return most


everywhere = pytest.mark.parametrize(
    "word",
    [
        "threads",
        "processes",
        pytest.param("dask", marks=pytest.mark.dask),
        pytest.param("ray", marks=pytest.mark.ray),
    ],
)


@everywhere
def test_no_more_runs_of_a_tag_run_at_once_than_it_has_slots(shared, word):
    tag, free = f"tag-{uuid4().hex[:8]}", f"free-{uuid4().hex[:8]}"
    limit = f"/api/concurrency_limits/tag/{tag}"
    store().request("POST", "/api/concurrency_limits/", {"tag": tag, "concurrency_limit": 1})

    @task
    def interval():
        """When this ran, on the clock that all processes of a machine share."""
        begun = time.monotonic_ns()
        time.sleep(0.02)
        return begun, time.monotonic_ns()

    @flow(task_runner=shared(word))
    def both():
        with tags(tag):
            one_by_one = [interval.submit() for _ in range(6)]
        with tags(free):
            together = [interval.submit() for _ in range(2)]
        return [[future.result() for future in futures] for futures in (one_by_one, together)]

    one_by_one, together = both()
    assert (len(one_by_one), most_at_once(one_by_one)) == (6, 1)
    assert len(together) == 2
    eventually(lambda: store().request("GET", limit)["active_slots"] == [])

    def states():
        """What workers say of task runs arrives a little later than the slots they give back."""
        shown = store().request("POST", "/api/task_runs/filter", {"task_runs": {"tags": {"all_": [tag]}}})
        return [run["state_type"] for run in shown]

    eventually(lambda: states() == ["COMPLETED"] * 6)


@everywhere
def test_no_more_blocks_of_a_limit_run_at_once_than_it_has_slots(shared, word):
    name = f"limit-{uuid4().hex[:8]}"
    store().request("POST", "/api/v2/concurrency_limits/", {"name": name, "limit": 2})

    @task
    def interval():
        with concurrency(name, occupy=2, timeout_seconds=60):
            begun = time.monotonic_ns()
            time.sleep(0.02)
            return begun, time.monotonic_ns()

    @flow(task_runner=shared(word))
    def both():
        return [future.result() for future in [interval.submit() for _ in range(4)]]

    assert most_at_once(both()) == 1
    eventually(lambda: store().request("GET", f"/api/v2/concurrency_limits/{name}")["active_slots"] == 0)
