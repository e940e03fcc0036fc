"""Queries while a flow writes."""

from __future__ import annotations

import itertools
import threading
import time

from penstock import flow, task
from penstock._link.client import store
from penstock._link.session import current_session

TASKS = 1000
LOOK = """
SELECT count(*) AS task_runs, count(*) FILTER (state_type IN ('COMPLETED')) AS done,
       count(*) FILTER (state_type IS NULL OR state_id IS NULL OR name IS NULL) AS parts,
       count(*) FILTER (state_type = 'COMPLETED' AND (start_time IS NULL OR end_time < start_time)) AS odd
FROM task_runs WHERE flow_run_id = (SELECT id FROM runs WHERE flow_name = 'many')
"""
ORDER = """
SELECT count(*) AS wrong FROM (
    SELECT type, lag(type) OVER (PARTITION BY run_id ORDER BY at_us, seq) AS before FROM states
    WHERE run_type = 'task-run'
) WHERE before = 'COMPLETED' OR (type = 'COMPLETED' AND before IS DISTINCT FROM 'RUNNING')
"""


@task
def work(x):
    time.sleep(0.002)  # the work
    return x


def ask(sql):
    """Ask the store alone: `query` would wait for what this process has yet to hand over."""
    answer = store().request("POST", "/link/sql", {"sql": sql})
    names = [column["name"] for column in answer["columns"]]
    (row,) = answer["rows"]
    return dict(zip(names, row, strict=True))


def test_a_reader_sees_whole_states_that_only_go_forward(own_home, eventually):
    seen, ended = [], threading.Event()

    @flow(name="many")
    def many():
        total = 0
        for start in range(0, TASKS, TASKS // 10):
            looks = len(seen)
            total += sum(work.map(range(start, start + TASKS // 10)).result())
            eventually(lambda looks=looks: len(seen) > looks)
        return total

    def read():
        while not ended.is_set():
            seen.append(ask(LOOK) | ask(ORDER))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert many() == sum(range(TASKS))
    finally:
        ended.set()
        reader.join()
    current_session().drain(20)
    seen.append(ask(LOOK) | ask(ORDER))
    for earlier, later in itertools.pairwise(seen):
        assert later["task_runs"] >= earlier["task_runs"]
        assert later["done"] >= earlier["done"]
    assert {(row["parts"], row["odd"], row["wrong"]) for row in seen} == {(0, 0, 0)}
    assert (seen[-1]["task_runs"], seen[-1]["done"]) == (TASKS, TASKS)
    assert len({row["done"] for row in seen if 0 < row["done"] < TASKS}) >= 5
