from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest


def soon(seconds):
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def test_a_run_keeps_everything_it_was_made_with(api):
    flow = api.flow()
    sent = {
        "flow_id": flow["id"],
        "name": "red-fox",
        "parameters": {"n": 2, "deep": {"list": [1, None]}},
        "context": {"who": "me"},
        "tags": ["a", "b"],
        "labels": {"x": 1, "flag": True},
        "flow_version": "7",
        "empirical_policy": {"retries": 3, "retry_delay": 5},
        "work_queue_name": "default",
        "job_variables": {"env": {"A": "1"}},
    }
    made = api.post("/flow_runs/", sent, 201)
    shown = {name: made[name] for name in sent}
    policy = made["empirical_policy"]
    assert shown == {**sent, "empirical_policy": policy}
    assert (policy["retries"], policy["retry_delay"], policy["pause_keys"]) == (3, 5, [])
    assert (made["state_type"], made["state_name"], made["run_count"]) == ("PENDING", "Pending", 0)
    assert api.get(f"/flow_runs/{made['id']}") == {
        **made,
        "estimated_start_time_delta": pytest.approx(0, abs=60),
    }


def test_creation_is_idempotent_on_flow_and_key(api):
    one, other = api.flow()["id"], api.flow()["id"]
    body = {"flow_id": one, "idempotency_key": "k", "parameters": {"n": 1}}
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: api.request("POST", "/api/flow_runs/", json=body), range(16)))
    assert len({reply.json()["id"] for reply in made}) == 1
    assert sorted(reply.status_code for reply in made) == [200] * 15 + [201]
    again = api.post("/flow_runs/", {**body, "parameters": {"n": 2}}, 200)
    assert again["parameters"] == {"n": 1}
    assert api.post("/flow_runs/", {**body, "flow_id": other}, 201)["id"] != again["id"]


def test_creating_in_state_running_counts_and_starts(api):
    """Server section 9 (c): the first state is forced, yet what goes with it happens."""
    run = api.flow_run("RUNNING")
    assert (run["run_count"], run["start_time"] is not None) == (1, True)
    assert run["expected_start_time"] == run["start_time"]


def test_a_scheduled_run_has_its_time_until_it_starts(api):
    due = soon(3600)
    run = api.flow_run({"type": "SCHEDULED", "state_details": {"scheduled_time": due}})
    moment = datetime.fromisoformat(due)
    assert datetime.fromisoformat(run["expected_start_time"]) == moment
    assert datetime.fromisoformat(run["next_scheduled_start_time"]) == moment
    started = api.propose(run["id"], "RUNNING", force=True)
    assert started["status"] == "ACCEPT"
    after = api.get(f"/flow_runs/{run['id']}")
    assert after["next_scheduled_start_time"] is None
    assert datetime.fromisoformat(after["expected_start_time"]) == moment


def test_an_update_changes_only_what_was_sent(api):
    run = api.flow_run(tags=["kept"], parameters={"n": 1}, labels={"a": 1})
    path = f"/flow_runs/{run['id']}"
    api.patch(path, {"name": "new", "infrastructure_pid": "host:1"})
    after = api.get(path)
    assert (after["name"], after["infrastructure_pid"]) == ("new", "host:1")
    assert (after["tags"], after["parameters"]) == (["kept"], {"n": 1})
    api.patch(path, {"tags": [], "parameters": {"n": 2}})
    assert (api.get(path)["tags"], api.get(path)["parameters"]) == ([], {"n": 2})
    api.patch(f"{path}/labels", {"b": "x"})
    assert api.get(path)["labels"] == {"a": 1, "b": "x"}
    api.patch(path, {"colour": "red"}, 422)
    api.patch(f"/flow_runs/{uuid4()}", {"name": "x"}, 404)


def test_job_variables_change_only_before_a_deployments_run_starts(api):
    flow = api.flow()["id"]
    scheduled = api.flow_run("SCHEDULED", flow, deployment_id=str(uuid4()))
    api.patch(f"/flow_runs/{scheduled['id']}", {"job_variables": {"a": 1}})
    assert api.get(f"/flow_runs/{scheduled['id']}")["job_variables"] == {"a": 1}
    for run in (api.flow_run("SCHEDULED"), api.flow_run("RUNNING", flow, deployment_id=str(uuid4()))):
        assert "Job variables" in api.patch(f"/flow_runs/{run['id']}", {"job_variables": {}}, 400)["detail"]


def test_a_deleted_run_is_gone_with_all_it_has(api):
    run = api.flow_run("RUNNING")
    task = api.task_run(run["id"])
    path = f"/flow_runs/{run['id']}"
    api.post(f"{path}/input", {"key": "k", "value": "v"}, 201)
    line = {"name": "l", "level": 20, "message": "m", "timestamp": soon(0), "flow_run_id": run["id"]}
    api.post("/logs/", [line], 201)
    api.delete(path)
    for gone in (
        path,
        f"/task_runs/{task['id']}",
        f"{path}/input/k",
        f"{path}/graph-v2",
        f"{path}/logs/download",
    ):
        assert set(api.get(gone, 404)) == {"detail", "exception_message"}
    assert api.post("/logs/filter", {"logs": {"flow_run_id": {"any_": [run["id"]]}}}) == []
    assert api.get(f"/flow_run_states/?flow_run_id={run['id']}") == []
    api.post(f"{path}/set_state", {"state": {"type": "COMPLETED"}}, 404)
    api.delete(path, 404)


def test_what_was_deleted_stays_deleted_when_the_store_starts_again(own_api):
    run, kept = own_api.flow_run("RUNNING"), own_api.flow_run("RUNNING")
    own_api.delete(f"/flow_runs/{run['id']}")
    from penstock._store.live import load, unfinished

    assert unfinished(own_api.database) == [kept["id"]]
    assert list(load(own_api.database, [run["id"], kept["id"]])) == [kept["id"]]


def test_the_answer_to_a_proposal_says_what_became_of_it(api):
    run = api.flow_run()
    due = soon(90.5)
    later = api.flow_run({"type": "SCHEDULED", "state_details": {"scheduled_time": due}})
    accepted = api.propose(run["id"], "RUNNING", message="go")
    assert accepted["status"] == "ACCEPT"
    assert accepted["details"] == {"type": "accept_details"}
    assert (accepted["state"]["type"], accepted["state"]["message"]) == ("RUNNING", "go")
    aborted = api.propose(run["id"], "PENDING")
    assert (aborted["status"], aborted["state"]) == ("ABORT", None)
    assert aborted["details"]["type"] == "abort_details"
    waits = api.propose(later["id"], "RUNNING")
    assert (waits["status"], waits["details"]["type"]) == ("WAIT", "wait_details")
    assert 85 < waits["details"]["delay_seconds"] <= 91
    rejected = api.propose(later["id"], "PAUSED")
    assert (rejected["status"], rejected["details"]["type"]) == ("REJECT", "reject_details")
    assert rejected["state"]["type"] == "SCHEDULED"


def test_a_state_is_written_only_when_it_is_new(api):
    run = api.flow_run("RUNNING")["id"]
    body = {"state": {"type": "COMPLETED", "state_details": {"transition_id": str(uuid4())}}}
    first = api.request("POST", f"/api/flow_runs/{run}/set_state", json=body)
    again = api.request("POST", f"/api/flow_runs/{run}/set_state", json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert (first.json()["status"], again.json()["status"]) == ("ACCEPT", "REJECT")
    assert first.json()["state"] == again.json()["state"]
    states = api.get(f"/flow_run_states/?flow_run_id={run}")
    assert [state["type"] for state in states] == ["RUNNING", "COMPLETED"]
    assert api.get(f"/flow_run_states/{states[1]['id']}") == states[1]


def test_concurrent_proposals_on_one_run_come_one_after_the_other(api):
    """Of many workers that claim a scheduled run, one gets it; the others abort."""
    run = api.flow_run("SCHEDULED")["id"]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: api.propose(run, "PENDING")["status"], range(24)))
    assert sorted(answers) == ["ABORT"] * 23 + ["ACCEPT"]
    states = api.get(f"/flow_run_states/?flow_run_id={run}")
    assert [state["type"] for state in states] == ["SCHEDULED", "PENDING"]


def test_no_two_states_of_a_run_share_an_instant(api):
    run = api.flow_run("RUNNING")["id"]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: api.propose(run, "RUNNING"), range(32)))
    times = [state["timestamp"] for state in api.get(f"/flow_run_states/?flow_run_id={run}")]
    assert len(set(times)) == 33
    assert times == sorted(times)


def test_many_runs_are_moved_by_one_request(api):
    tag = str(uuid4())
    running = [api.flow_run("RUNNING", tags=[tag])["id"] for _ in range(2)]
    ended = api.flow_run("COMPLETED", tags=[tag])["id"]
    body = {"flow_runs": {"tags": {"all_": [tag]}}, "state": {"type": "CANCELLING"}}
    results = api.post("/flow_runs/bulk_set_state", body)["results"]
    statuses = {one["flow_run_id"]: one["status"] for one in results}
    assert statuses == {running[0]: "ACCEPT", running[1]: "ACCEPT", ended: "ABORT"}
    api.post("/flow_runs/bulk_set_state", {**body, "limit": 51}, 422)


def test_resume_says_abort_for_a_run_that_is_not_paused(api):
    """Server section 9 (c): the status is in the body, the code is 200."""
    run = api.flow_run("RUNNING")["id"]
    answer = api.post(f"/flow_runs/{run}/resume", {}, 200)
    assert (answer["status"], answer["state"]) == ("ABORT", None)
    api.post(f"/flow_runs/{uuid4()}/resume", {}, 404)


def test_ids_that_are_none_are_not_found(api):
    """Server section 3 (c): a path with something else than a UUID is no route."""
    assert api.get("/flow_runs/not-an-id", 404) == {"detail": "Not Found"}
    assert api.request("PUT", "/api/flow_runs/filter").status_code == 405
    assert api.request("GET", "/api/flow_runs/filter").json() == {"detail": "Method Not Allowed"}


def test_retries_of_a_run_made_over_rest_are_the_stores_to_count(api):
    """Server section 8.1, rule 14: with two retries there are three executions; a pause key holds again."""
    run = api.flow_run("RUNNING", empirical_policy={"retries": 2, "retry_delay": 0})["id"]
    seen = []
    for _ in range(3):
        api.propose(run, "PAUSED", state_details={"pause_key": "1"})
        assert api.propose(run, "RUNNING")["status"] == "ACCEPT"
        failed = api.propose(run, "FAILED", message="no water")
        seen.append((failed["status"], failed["state"]["name"], failed["state"]["message"]))
        api.propose(run, "RUNNING")
    again = ("REJECT", "AwaitingRetry", "no water")
    assert seen == [again, again, ("ACCEPT", "Failed", "no water")]
    assert api.get(f"/flow_runs/{run}")["run_count"] == 4  # the last one by hand, after the end


@pytest.mark.parametrize(
    ("version", "status"),
    [("0.8.4", 200), ("0.8.0", 200), ("1.0", 200), ("0.7.9", 400), ("x", 400), ("", 400)],
)
def test_the_version_of_the_api_is_negotiated(api, version, status):
    assert api.get(
        "/flows/name/none", 404 if status == 200 else status, headers={"X-PREFECT-API-VERSION": version}
    )
