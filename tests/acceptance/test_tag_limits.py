"""Limits of tags hold wherever task runs are: in threads, in processes and on Dask."""

from __future__ import annotations

import time
from uuid import uuid4

import pytest

from penstock import flow, tags, task
from penstock._link.client import store

from .support import eventually


def most_at_once(intervals):
    steps = sorted([(begun, 1) for begun, _ in intervals] + [(ended, -1) for _, ended in intervals])
    level = most = 0
    for _, change in steps:
        level += change
        most = max(most, level)
    return most


@pytest.mark.parametrize("word", ["threads", "processes", pytest.param("dask", marks=pytest.mark.dask)])
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
    shown = store().request("POST", "/api/task_runs/filter", {"task_runs": {"tags": {"all_": [tag]}}})
    assert {run["state_type"] for run in shown} == {"COMPLETED"}
