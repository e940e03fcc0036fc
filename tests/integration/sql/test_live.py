"""Queries while a flow writes."""

from __future__ import annotations

import itertools
import threading

from penstock import flow, query, task

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
    return x


@flow(name="many")
def many():
    return sum(work.map(range(TASKS)).result())


def test_a_reader_sees_whole_states_that_only_go_forward(own_home):
    seen, ended = [], threading.Event()

    def read():
        while not ended.is_set():
            seen.extend(query(LOOK, to="rows"))
            seen[-1]["wrong"] = query(ORDER, to="rows")[0]["wrong"]

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert many() == sum(range(TASKS))
    finally:
        ended.set()
        reader.join()
    seen.extend(query(LOOK, to="rows"))
    assert len(seen) > 3
    for earlier, later in itertools.pairwise(seen):
        assert later["task_runs"] >= earlier["task_runs"]
        assert later["done"] >= earlier["done"]
    assert {(row["parts"], row["odd"], row.get("wrong", 0)) for row in seen} == {(0, 0, 0)}
    assert (seen[-1]["task_runs"], seen[-1]["done"]) == (TASKS, TASKS)
    assert any(0 < row["task_runs"] < TASKS for row in seen) or any(0 < row["done"] < TASKS for row in seen)
