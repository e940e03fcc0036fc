from __future__ import annotations

import json
from uuid import uuid4

from .conftest import StoreProcess, eventually
from .events import hello, logs, task_lines

NAME = "box-1-1-aa"
TABLES = (
    "flow flow_run flow_state task_run task_state edge log input owner renamed artifact fence client rejected"
)


def test_of_eight_that_start_together_one_survives(cold):
    processes = [cold.spawn() for _ in range(8)]
    eventually(cold.answers)
    eventually(lambda: sum(process.poll() is not None for process in processes) == 7)
    codes = sorted(str(process.poll()) for process in processes)
    assert codes == ["75"] * 7 + ["None"]
    assert cold.endpoint["pid"] in [process.pid for process in processes if process.poll() is None]


def test_a_killed_store_is_replaced_with_its_stale_socket(cold):
    cold.start()
    run, token = cold.create(), cold.endpoint["token"]
    cold.kill()
    assert (cold.home / "store.sock").exists()
    cold.start()
    assert cold.get(f"/api/flow_runs/{run}").json["state_type"] == "PENDING"
    assert cold.endpoint["token"] != token


def test_it_stops_in_good_order_and_leaves_nothing_to_find(store):
    run = store.create("RUNNING")
    assert store.stop() == 0
    left = {path.name for path in store.home.iterdir()}
    assert left == {"journal", "limited_tags.json", "store.duckdb", "store.lock", "store.log"}
    assert store.log() == ""
    store.start()
    assert store.get(f"/api/flow_runs/{run}").json["state_type"] == "RUNNING"
    assert store.post("/link/stop").status == 200
    assert store.processes[-1].wait(10) == 0


def test_it_goes_when_nobody_needs_it_and_stays_while_a_client_lives(home):
    from .conftest import ClientProcess

    store = StoreProcess(home, PENSTOCK_STORE_IDLE_SECONDS="0.3")
    try:
        client = ClientProcess(store)
        process = store.start().processes[-1]
        eventually(lambda: store.get("/api/health").status == 200)
        assert process.poll() is None
        client.order("end")
        client.close()
        assert process.wait(10) == 0
        assert not (home / "endpoint.json").exists()
    finally:
        store.close()


def test_files_are_private(store):
    store.create()
    modes = {path.name: path.stat().st_mode & 0o077 for path in store.home.rglob("*")}
    open_to_others = {name for name, mode in modes.items() if mode and name != "store.log"}
    assert len(modes) > 4
    assert open_to_others == set()


def contents(store):
    return {
        table: store.sql(f"SELECT * FROM raw.{table} ORDER BY ALL", limit=100_000) for table in TABLES.split()
    }


def test_a_lost_database_is_rebuilt_to_the_same_tables(store, client):
    run = store.create("RUNNING", client=client.name)
    store.post(f"/api/flow_runs/{run}/input", {"key": "k", "value": "v"})
    client.order(f"tasks {run} 200")
    client.kill()
    eventually(lambda: store.get(f"/api/flow_runs/{run}").json["state_type"] == "CRASHED")
    heir = store.create("RUNNING")
    store.propose(heir, "PAUSED", state_details={"pause_key": "a"})
    store.stop()
    store.start()
    eventually(lambda: len(list((store.home / "journal" / "archive").glob("*"))) == 2)
    live, runs = contents(store), store.sql("FROM runs ORDER BY id")
    store.kill()
    (store.home / "store.duckdb").unlink()
    (store.home / "store.duckdb.wal").unlink(missing_ok=True)
    store.start()
    rebuilt = contents(store)
    assert len(live["task_state"]) >= 600
    assert len(live["flow_state"]) >= 4
    own = {name for rows in (live["client"], rebuilt["client"]) for name in (row[0] for row in rows)}
    assert len(own) >= 4
    for table in TABLES.split():
        if table != "client":
            assert rebuilt[table] == live[table], table
    assert store.sql("FROM runs ORDER BY id") == runs


def test_an_unreadable_database_is_kept_aside_and_rebuilt(store):
    run = store.create("RUNNING")
    store.kill()
    (store.home / "store.duckdb").write_bytes(b"not a database" * 1000)
    store.start()
    assert store.get(f"/api/flow_runs/{run}").json["state_type"] == "RUNNING"
    kept = list((store.home / "quarantine").glob("*/store.duckdb"))
    assert [path.read_bytes()[:14] for path in kept] == [b"not a database"]


def test_decisions_journalled_but_not_committed_are_made_good(store):
    run = store.create("RUNNING")
    store.kill()
    journal = next((store.home / "journal").glob("*.jsonl"))
    from penstock._journal.line import encode
    from penstock._journal.reader import read_all

    last = list(read_all(journal))[-1]
    body = {
        **last.body,
        "type": "COMPLETED",
        "name": "Completed",
        "state_id": str(uuid4()),
    }
    with journal.open("ab") as file:
        file.write(encode(last.seq + 1, "state", last.at + 5, body) + b"1234torn")
    store.start()
    assert store.get(f"/api/flow_runs/{run}").json["state_type"] == "COMPLETED"


def test_a_cut_write_ahead_log_is_healed_from_the_archive(store):
    archived = store.home / "journal" / "archive" / f"{NAME}.jsonl"
    lines, _ = task_lines(1)
    archived.parent.mkdir(exist_ok=True)
    store.ingest(NAME, [hello(), *lines])
    archived.write_bytes(b"".join([hello(), *lines, *logs(4, 30)]))
    store.stop()
    store.start()
    eventually(lambda: store.sql("SELECT count(*) FROM logs") == [[30]])
    assert store.sql("SELECT count(*) FROM task_runs") == [[1]]


def test_the_endpoint_says_everything_a_client_needs(store):
    about = store.endpoint
    assert set(about) >= {"socket", "tcp_port", "token", "pid", "start", "version", "protocol"}
    assert len(about["token"]) == 64
    assert json.loads((store.home / "store.lock").read_text())["pid"] == about["pid"]
