from __future__ import annotations

import http.client
import threading

from penstock._journal.line import encode

from .conftest import eventually
from .events import START, hello, logs, task_lines, task_state

NAME = "box-1-1-aa"


def test_lines_are_counted_once_and_a_gap_is_refused(store):
    lines = [hello(), *logs(1, 50)]
    assert store.ingest(NAME, lines).json == {"hwm": 50}
    assert store.ingest(NAME, lines).json == {"hwm": 50}
    refused = store.ingest(NAME, logs(60, 3))
    assert (refused.status, refused.json["hwm"]) == (409, 50)
    assert store.ingest(NAME, logs(40, 30)).json == {"hwm": 69}
    assert store.sql("SELECT count(*), count(DISTINCT seq) FROM logs") == [[69, 69]]
    assert store.post("/link/hello", {"client": NAME, "protocol": 1}).json["hwm"] == 69


def test_a_damaged_batch_changes_nothing(store):
    lines = [hello(), *logs(1, 3)]
    broken = b"".join(lines)[:-10] + b"#########\n"
    assert store.ingest(NAME, [broken]).status == 400
    assert store.sql("SELECT count(*) FROM logs") == [[0]]
    assert store.ingest(NAME, lines).json == {"hwm": 3}


def test_a_line_that_cannot_be_understood_is_kept_and_does_not_stop_the_others(store):
    odd = [encode(1, "task_run", START, {"id": "no uuid"}), encode(2, "from_the_future", START, {"a": 1})]
    assert store.ingest(NAME, [hello(), *odd, *logs(3, 2)]).json == {"hwm": 4}
    assert store.sql("SELECT seq, kind FROM raw.rejected ORDER BY seq") == [
        [1, "task_run"],
        [2, "from_the_future"],
    ]
    assert store.sql("SELECT count(*) FROM logs") == [[2]]


def test_task_runs_states_and_edges_become_rows(store):
    first, upstream = task_lines(1)
    second, task = task_lines(
        4, inputs={"x": [{"input_type": "task_run", "id": upstream}]}, states=("RUNNING",)
    )
    store.ingest(NAME, [hello(), *first, *second])
    found = store.sql("SELECT id, state_type, run_count, tags, duration FROM task_runs ORDER BY name")
    assert found == [[upstream, "COMPLETED", 1, ["x"], 1e-6], [task, "RUNNING", 1, ["x"], None]]
    assert store.sql("FROM edges")[0][:4] == [task, "x", upstream, "task_run"]
    assert store.get(f"/api/task_runs/{task}").json["state"]["name"] == "Running"
    states = store.get(f"/api/task_run_states/?task_run_id={upstream}").json
    assert [state["type"] for state in states] == ["PENDING", "RUNNING", "COMPLETED"]


def test_states_of_others_after_a_fence_do_not_count(store):
    lines, task = task_lines(1, states=("RUNNING",))
    fence = encode(3, "fence", START + 3, {"task_run_id": task})
    store.ingest(NAME, [hello(), *lines, fence, task_state(4, task, "FAILED")])
    late = [hello(), task_state(1, task, "COMPLETED", at=START + 10)]
    assert store.ingest("box-2-2-bb", late).json == {"hwm": 1}
    assert store.sql("SELECT state_type FROM task_runs") == [["FAILED"]]


def test_nothing_acknowledged_is_lost_when_the_store_is_killed(cold):
    cold.start()
    acknowledged, stop, kills = {"hwm": -1}, threading.Event(), 0

    def send():
        sequence, lines = 0, [hello()]
        while not stop.is_set():
            try:
                answer = cold.ingest(NAME, lines, timeout=5)
            except (OSError, ValueError, KeyError, http.client.HTTPException):
                continue
            if answer.status == 409:
                sequence = answer.json["hwm"]
            elif answer.status == 200:
                sequence = acknowledged["hwm"] = answer.json["hwm"]
            lines = logs(sequence + 1, 40) if sequence >= 0 else [hello()]

    sender = threading.Thread(target=send)
    sender.start()
    try:
        for _ in range(4):
            mark = acknowledged["hwm"]
            eventually(lambda mark=mark: acknowledged["hwm"] > mark + 200)
            cold.kill()
            kills += 1
            cold.start()
    finally:
        stop.set()
        sender.join()
    last = acknowledged["hwm"]
    found = cold.sql("SELECT count(*), count(DISTINCT seq), max(seq) FROM logs")[0]
    assert kills == 4
    assert last > 800
    assert found[0] == found[1] == found[2] >= last
