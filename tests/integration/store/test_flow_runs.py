from __future__ import annotations

import json
import threading
from uuid import uuid4

from .conftest import eventually


def test_creating_is_idempotent_and_finds_the_flow_by_name(store):
    run_id = str(uuid4())
    body = {"run": {"id": run_id, "flow_name": "etl", "parameters": {"n": 1}}, "state": {"type": "PENDING"}}
    first, again = store.post("/link/flow_runs", body), store.post("/link/flow_runs", body)
    assert (first.status, again.status) == (201, 200)
    assert first.json["state"]["id"] == again.json["state"]["id"]
    other = store.create(flow_name="etl")
    flow_id = first.json["run"]["flow_id"]
    rows = store.sql(f"SELECT flow_id, parameters FROM runs WHERE id = '{run_id}'")
    assert rows == [[flow_id, '{"n":1}']]
    assert store.get(f"/api/flow_runs/{other}").json["flow_id"] == flow_id
    assert store.get("/api/flows/name/etl").json["id"] == flow_id


def test_proposals_follow_the_policy(store):
    run = store.create()
    accepted = store.propose(run, "RUNNING")
    assert (accepted["status"], accepted["run_count"]) == ("ACCEPT", 1)
    assert store.propose(run, "PENDING")["status"] == "ABORT"
    assert store.propose(run, "COMPLETED")["status"] == "ACCEPT"
    ended = store.propose(run, "CANCELLING")
    assert (ended["status"], ended["state"]["type"]) == ("ABORT", "COMPLETED")
    assert store.propose(run, "RUNNING", force=True)["run_count"] == 2
    states = store.get(f"/api/flow_run_states/?flow_run_id={run}").json
    assert [state["type"] for state in states] == ["PENDING", "RUNNING", "COMPLETED", "RUNNING"]


def test_a_proposal_sent_twice_is_done_once(store):
    run, state_id = store.create(), str(uuid4())
    first, again = (store.propose(run, "RUNNING", id=state_id) for _ in range(2))
    assert first == again
    assert first["run_count"] == 1
    assert len(store.get(f"/api/flow_run_states/?flow_run_id={run}").json) == 2


def test_an_unknown_run_is_404_everywhere(store):
    unknown = uuid4()
    paths = [
        f"/api/flow_runs/{unknown}",
        f"/link/flow_runs/{unknown}/wait",
        f"/api/flow_runs/{unknown}/input/a",
    ]
    assert [store.get(path).status for path in paths] == [404, 404, 404]
    assert store.post(f"/link/flow_runs/{unknown}/propose", {"state": {"type": "RUNNING"}}).status == 404


def test_a_long_poll_wakes_on_the_next_state(store):
    run = store.create("RUNNING")
    state = store.get(f"/api/flow_runs/{run}").json["state_id"]
    answers = []
    path = f"/link/flow_runs/{run}/wait?after={state}&timeout=20"
    waiter = threading.Thread(target=lambda: answers.append(store.get(path).json))
    waiter.start()
    store.propose(run, "COMPLETED")
    waiter.join(5)
    assert [answer["state"]["type"] for answer in answers] == ["COMPLETED"]
    late = store.get(f"/link/flow_runs/{run}/wait?after={answers[0]['state']['id']}&timeout=0.1").json
    assert late["state"]["id"] == answers[0]["state"]["id"]


def paused(store, client=None):
    run = store.create("RUNNING", client=client)
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    store.post(f"/api/flow_runs/{run}/input", {"key": "p-schema", "value": json.dumps(schema)})
    keyset = {"schema": "p-schema", "response": "p-response", "description": "p-description"}
    details = {"pause_key": "p", "run_input_keyset": keyset}
    assert store.propose(run, "PAUSED", state_details=details)["status"] == "ACCEPT"
    return run


def test_a_bad_answer_changes_nothing_and_says_what_is_wrong(store):
    run = paused(store)
    before = store.get(f"/api/flow_runs/{run}").json
    answer = store.post(f"/api/flow_runs/{run}/resume", {"run_input": {"ok": "perhaps"}}).json
    assert (answer["status"], answer["details"]["type"]) == ("REJECT", "abort_details")
    assert "ok: 'perhaps' is not of type 'boolean'" in answer["details"]["reason"]
    assert store.get(f"/api/flow_runs/{run}").json == before
    assert store.get(f"/api/flow_runs/{run}/input/p-response").status == 404


def test_resuming_without_a_process_schedules_the_run(store):
    run = paused(store)
    reply = store.post(f"/api/flow_runs/{run}/resume", {"run_input": {"ok": True}})
    assert (reply.status, reply.json["status"], reply.json["state"]["name"]) == (201, "ACCEPT", "Resuming")
    assert store.get(f"/api/flow_runs/{run}/input/p-response").raw == b'{"ok":true}'
    again = store.post(f"/api/flow_runs/{run}/resume", {"run_input": {"ok": True}}).json
    assert (again["status"], again["state"]) == ("ABORT", None)
    assert store.propose(run, "PENDING")["status"] == "ACCEPT"
    assert store.propose(run, "RUNNING")["run_count"] == 1


def test_resuming_with_a_living_process_runs_on_at_once(store, client):
    run = paused(store, client.name)
    answer = store.post(f"/api/flow_runs/{run}/resume", {"run_input": {"ok": False}}).json
    assert (answer["status"], answer["state"]["type"]) == ("ACCEPT", "RUNNING")
    assert store.get(f"/api/flow_runs/{run}").json["run_count"] == 1
    repeated = store.propose(run, "PAUSED", state_details={"pause_key": "p"})
    assert (repeated["status"], repeated["state"]["type"]) == ("REJECT", "RUNNING")


def test_inputs_are_kept_by_key(store):
    run = store.create()
    path = f"/api/flow_runs/{run}/input"
    for key in ("m-1", "m-2", "other"):
        assert store.post(path, {"key": key, "value": f'"{key}"', "sender": "me"}).status == 201
    assert store.post(path, {"key": "m-1", "value": "1"}).status == 409
    found = store.post(f"{path}/filter", {"prefix": "m-", "limit": 5, "exclude_keys": ["m-1"]}).json
    assert [(item["key"], item["value"], item["sender"]) for item in found] == [("m-2", '"m-2"', "me")]
    assert store.request("DELETE", f"{path}/m-1").status == 204
    assert store.request("DELETE", f"{path}/m-1").status == 404
    assert store.get(f"{path}/m-2").raw == b'"m-2"'


def test_a_living_owner_keeps_its_run_and_a_dead_one_loses_it(store, client):
    run = store.create("RUNNING", client=client.name)
    store.propose(run, "PAUSED", state_details={"pause_key": "a"})
    assert store.post("/link/adopt", {"flow_run_id": run, "client": "heir"}).status == 409
    client.order(f"tasks {run} 3")
    client.kill()
    answer = store.post("/link/adopt", {"flow_run_id": run, "client": "heir"})
    assert (answer.status, answer.json["run"]["client"]) == (200, "heir")
    assert answer.json["state"]["type"] == "PAUSED"
    counts = store.sql("SELECT state_type, count(*) FROM task_runs GROUP BY ALL ORDER BY ALL")
    assert counts == [["COMPLETED", 1], ["CRASHED", 2]]
    stale = store.propose(run, "RUNNING", client=client.name)
    assert (stale["status"], stale["state"]["type"]) == ("ABORT", "PAUSED")


def test_a_killed_client_leaves_all_its_states_and_a_crashed_run(store, client):
    run = store.create("RUNNING", client=client.name)
    child = store.create("COMPLETED", client=client.name)
    client.order("tasks none 2")
    last = client.order(f"tasks {run} 400")
    client.kill()
    state = eventually(lambda: crashed(store, run))
    assert (
        state["message"]
        == f"Process {client.process.pid} on {client.name.split('-')[0]} ended without finishing this run."
    )
    assert store.sql(f"SELECT max(last_seq) FROM raw.batch WHERE client = '{client.name}'") == [[last]]
    counts = store.sql("SELECT state_type, count(*) FROM task_runs GROUP BY ALL ORDER BY ALL")
    assert counts == [["COMPLETED", 201], ["CRASHED", 201]]
    assert store.get(f"/api/flow_runs/{child}").json["state_type"] == "COMPLETED"
    eventually((store.home / "journal" / "archive" / f"{client.name}.jsonl").exists)


def crashed(store, run):
    state = store.get(f"/api/flow_runs/{run}").json["state"]
    return state if state["type"] == "CRASHED" else None
