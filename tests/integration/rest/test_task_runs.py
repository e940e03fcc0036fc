from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4


def test_a_task_run_keeps_everything_it_was_made_with(api):
    run = api.flow_run("RUNNING")["id"]
    upstream = api.task_run(run)["id"]
    sent = {
        "task_key": "demo.clean-1a2b",
        "dynamic_key": "0",
        "flow_run_id": run,
        "name": "clean-0",
        "cache_key": "k",
        "task_version": "2",
        "tags": ["t"],
        "labels": {"a": 1},
        "empirical_policy": {"retries": 2, "retry_delay": [1.0, 2.0], "retry_jitter_factor": 0.5},
        "task_inputs": {
            "x": [{"input_type": "task_run", "id": upstream}],
            "y": [{"input_type": "parameter", "name": "n"}],
        },
    }
    made = api.post("/task_runs/", sent, 201)
    policy = made["empirical_policy"]
    assert {name: made[name] for name in sent} == {**sent, "empirical_policy": policy}
    assert policy["retry_delay"] == [1.0, 2.0]
    assert (made["state_type"], made["run_count"], made["flow_run_run_count"]) == ("PENDING", 0, 0)


def test_creation_is_idempotent_on_flow_run_task_and_dynamic_key(api):
    run = api.flow_run("RUNNING")["id"]
    body = {"flow_run_id": run, "task_key": "a", "dynamic_key": "0"}
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: api.request("POST", "/api/task_runs/", json=body), range(16)))
    assert len({reply.json()["id"] for reply in made}) == 1
    assert sorted(reply.status_code for reply in made) == [200] * 15 + [201]
    assert api.post("/task_runs/", {**body, "dynamic_key": "1"}, 201)["id"] != made[0].json()["id"]
    chosen = {**body, "id": str(uuid4()), "dynamic_key": "2"}
    assert api.post("/task_runs/", chosen, 201)["id"] == chosen["id"]
    assert api.post("/task_runs/", chosen, 200)["id"] == chosen["id"]


def test_a_task_run_without_a_flow_run_is_a_background_task(api):
    """Server section 5 (c): its transitions look at no flow run."""
    task = api.task_run()
    assert task["flow_run_id"] is None
    other = api.task_run()
    assert other["id"] != task["id"]
    assert api.propose(task["id"], "RUNNING", "task_runs")["status"] == "ACCEPT"
    api.post("/task_runs/", {"task_key": "a", "dynamic_key": "0", "flow_run_id": str(uuid4())}, 404)


def test_tasks_do_not_start_in_flow_runs_that_do_not_run(api):
    pending, running = api.flow_run(), api.flow_run("RUNNING")
    paused = api.flow_run("RUNNING")
    api.propose(paused["id"], "PAUSED", state_details={"pause_timeout": "2100-01-01T00:00:00Z"})

    def started(run):
        return api.propose(api.task_run(run["id"])["id"], "RUNNING", "task_runs")

    assert started(running)["status"] == "ACCEPT"
    assert started(pending)["status"] == "ABORT"
    held = started(paused)
    assert (held["status"], held["state"]["type"], held["state"]["name"]) == ("REJECT", "PAUSED", "NotReady")
    assert held["state"]["state_details"]["pause_timeout"].startswith("2100-01-01")


def test_two_retries_are_three_attempts(api):
    """Server section 8 (c): the run count is compared after it has been raised."""
    run = api.flow_run("RUNNING")["id"]
    task = api.task_run(run, empirical_policy={"retries": 2, "retry_delay": 0})["id"]
    seen = []
    for _ in range(3):
        seen.append(api.propose(task, "RUNNING", "task_runs")["state"]["name"])
        failed = api.propose(task, "FAILED", "task_runs")
        seen.append((failed["status"], failed["state"]["name"]))
    again = ("REJECT", "AwaitingRetry")
    assert seen == ["Running", again, "Retrying", again, "Retrying", ("ACCEPT", "Failed")]
    assert api.get(f"/task_runs/{task}")["run_count"] == 3


def test_concurrent_proposals_on_one_task_run_count_each_attempt(api):
    task = api.task_run(api.flow_run("RUNNING")["id"])["id"]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: api.propose(task, "RUNNING", "task_runs"), range(16)))
    assert api.get(f"/task_runs/{task}")["run_count"] == 16
    times = [state["timestamp"] for state in api.get(f"/task_run_states/?task_run_id={task}")]
    assert len(set(times)) == 17


def test_states_rename_and_deletion(api):
    task = api.task_run(api.flow_run("RUNNING")["id"])["id"]
    api.propose(task, "COMPLETED", "task_runs", force=True)
    states = api.get(f"/task_run_states/?task_run_id={task}")
    assert [state["type"] for state in states] == ["PENDING", "COMPLETED"]
    assert api.get(f"/task_run_states/{states[0]['id']}") == states[0]
    api.get(f"/flow_run_states/{states[0]['id']}", 404)
    assert api.propose(task, "CRASHED", "task_runs")["status"] == "ABORT"
    api.patch(f"/task_runs/{task}", {"name": "renamed"})
    assert api.get(f"/task_runs/{task}")["name"] == "renamed"
    api.delete(f"/task_runs/{task}")
    api.get(f"/task_runs/{task}", 404)
    api.delete(f"/task_runs/{task}", 404)
    api.patch(f"/task_runs/{task}", {"name": "x"}, 404)


def test_task_runs_are_selected_through_their_flow_runs(api):
    flow = api.flow()
    run = api.flow_run("RUNNING", flow["id"])
    outer, plain = api.task_run(run["id"], tags=["x"]), api.task_run(run["id"])
    api.flow_run("RUNNING", flow["id"], parent_task_run_id=outer["id"])
    own = {"flow_runs": {"id": {"any_": [run["id"]]}}}

    def ids(**filters):
        return {task["id"] for task in api.post("/task_runs/filter", {**own, "task_runs": filters})}

    both = {outer["id"], plain["id"]}
    assert ids() == both
    assert ids(subflow_runs={"exists_": True}) == {outer["id"]}
    assert ids(subflow_runs={"exists_": False}) == {plain["id"]}
    assert ids(tags={"is_null_": True}) == {plain["id"]}
    assert ids(flow_run_id={"is_null_": True}) == set()
    assert api.post("/task_runs/count", own) == 2
    assert api.post("/task_runs/paginate", {**own, "limit": 1})["pages"] == 2
    subflows = {
        "flow_runs": {"parent_task_run_id": {"is_null_": False}},
        "flows": {"id": {"any_": [flow["id"]]}},
    }
    assert api.post("/flow_runs/count", subflows) == 1


def test_a_completed_state_is_reused_under_its_cache_key_until_it_expires(api):
    """Server section 8.2, rules 1 and 10."""
    run = api.flow_run("RUNNING")["id"]
    key = f"key-{uuid4()}"

    def proposed(task, **details):
        return api.propose(task, "RUNNING", "task_runs", state_details={"cache_key": key, **details})

    first, second = api.task_run(run)["id"], api.task_run(run)["id"]
    assert proposed(first)["status"] == "ACCEPT"
    details = {"cache_key": key, "cache_expiration": "2100-01-01T00:00:00Z"}
    api.propose(first, "COMPLETED", "task_runs", state_details=details, message="kept")
    hit = proposed(second)
    assert (hit["status"], hit["state"]["name"], hit["state"]["message"]) == ("REJECT", "Cached", "kept")
    assert hit["state"]["state_details"]["cache_key"] == key
    assert proposed(api.task_run(run)["id"], refresh_cache=True)["status"] == "ACCEPT"
    other = api.task_run(run)["id"]
    api.propose(other, "RUNNING", "task_runs")
    expired = {"cache_key": key, "cache_expiration": "2001-01-01T00:00:00Z"}
    api.propose(other, "COMPLETED", "task_runs", state_details=expired)
    assert proposed(api.task_run(run)["id"])["status"] == "ACCEPT"


def test_a_cache_key_has_a_longest(api):
    task = api.task_run(api.flow_run("RUNNING")["id"])["id"]
    api.propose(task, "RUNNING", "task_runs")
    long = api.propose(task, "COMPLETED", "task_runs", state_details={"cache_key": "k" * 2001})
    assert (long["status"], api.get(f"/task_runs/{task}")["state_type"]) == ("REJECT", "RUNNING")
    assert (
        api.propose(task, "COMPLETED", "task_runs", state_details={"cache_key": "k" * 2000})["status"]
        == "ACCEPT"
    )


def test_an_ended_task_run_starts_over_and_knows_the_retry_of_its_flow_run(api):
    """Server section 8.2, rules 2 and 9."""
    run = api.flow_run("RUNNING")["id"]
    task = api.task_run(run)["id"]
    api.propose(task, "RUNNING", "task_runs")
    api.propose(task, "FAILED", "task_runs")
    assert api.get(f"/task_runs/{task}")["flow_run_run_count"] == 1
    api.propose(run, "FAILED")
    api.propose(run, "RUNNING")
    again = api.propose(task, "RUNNING", "task_runs")
    assert (again["status"], again["state"]["name"]) == ("ACCEPT", "Retrying")
    shown = api.get(f"/task_runs/{task}")
    assert (shown["run_count"], shown["flow_run_run_count"]) == (1, 2)
