"""Work pools over REST: identity, queues with their order and limits, workers, and which runs a worker gets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from penstock._ids import new_id
from penstock._store import deployment_runs, pools


@pytest.fixture
def pool(api):
    return api.post("/work_pools/", {"name": f"pool-{new_id()}", "type": "process"}, 201)


@pytest.fixture
def ask(api, pool):
    def make(path="", **body):
        return api.post(f"/work_pools/{pool['name']}{path}", body)

    return make


@pytest.fixture
def submit(api, pool):
    """Make a run that waits in the pool, so many seconds from now."""

    def make(seconds=-1.0, queue=None, **fields):
        due = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": due}}
        return api.flow_run(state, work_pool_name=pool["name"], work_queue_name=queue, **fields)

    return make


def status(api, method, path, body=None):
    return api.request(method, f"/api{path}", json=body).status_code


def ids(found):
    return [one["flow_run"]["id"] for one in found]


def set_running(api, run):
    for state in ("PENDING", "RUNNING"):
        api.propose(run["id"], state)


def test_runs_are_found_by_their_pool_and_queue(api, pool, submit):
    here, there, elsewhere = submit(), submit(queue="fast"), api.flow_run()
    by_pool = {"work_pools": {"name": {"any_": [pool["name"]]}}}
    assert {run["id"] for run in api.post("/flow_runs/filter", by_pool)} == {here["id"], there["id"]}
    assert api.post("/flow_runs/count", {**by_pool, "work_pool_queues": {"name": {"any_": ["fast"]}}}) == 1
    among = {"flow_runs": {"id": {"any_": [run["id"] for run in (here, there, elsewhere)]}}}
    for told, found in (
        ({"any_": ["fast"]}, there),
        ({"any_": ["default"]}, here),
        ({"is_null_": True}, elsewhere),
    ):
        wanted = {"flow_runs": {**among["flow_runs"], "work_queue_name": told}}
        assert [run["id"] for run in api.post("/flow_runs/filter", wanted)] == [found["id"]]
    flows = {flow["id"] for flow in api.post("/flows/filter", by_pool)}
    assert flows == {here["flow_id"], there["flow_id"]}
    assert api.post("/flows/filter", {"work_pools": {"name": {"any_": ["no such pool"]}}}) == []


def test_a_pool_is_known_by_its_name_and_has_a_default_queue(api, pool):
    assert api.get(f"/work_pools/{pool['name']}") == pool
    assert (pool["status"], pool["is_paused"], pool["base_job_template"]) == ("NOT_READY", False, {})
    queue = api.get(f"/work_pools/{pool['name']}/queues/default")
    assert (queue["id"], queue["priority"]) == (pool["default_queue_id"], 1)
    assert (queue["work_pool_name"], queue["status"]) == (pool["name"], "NOT_READY")
    assert api.post("/work_pools/filter", {"work_pools": {"name": {"any_": [pool["name"]]}}}) == [pool]
    assert api.post("/work_pools/count", {"work_pools": {"id": {"any_": [pool["id"]]}}}) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "a/b"}, 422),
        ({"name": "Prefect-pool"}, 403),
        ({"name": "ok", "concurrency_limit": -1}, 422),
        ({"name": "ok", "base_job_template": {"variables": {}}}, 422),
        (
            {
                "name": "ok",
                "base_job_template": {
                    "job_configuration": {"env": ["{{ envs }}"]},
                    "variables": {"properties": {"env": {}}},
                },
            },
            422,
        ),
    ],
)
def test_a_pool_that_cannot_be_is_refused(api, body, code):
    assert status(api, "POST", "/work_pools/", body) == code


def test_a_name_is_taken_once_and_only_what_was_sent_changes(api, pool):
    path = f"/work_pools/{pool['name']}"
    assert status(api, "POST", "/work_pools/", {"name": pool["name"]}) == 409
    api.patch(path, {"concurrency_limit": 2, "description": "few"})
    api.patch(path, {"is_paused": True})
    after = api.get(path)
    assert {**after, "updated": None} == {
        **pool,
        "updated": None,
        "concurrency_limit": 2,
        "description": "few",
        "is_paused": True,
        "status": "PAUSED",
    }
    api.patch(path, {"concurrency_limit": None, "is_paused": False})
    assert api.get(path)["concurrency_limit"] is None


def test_a_pool_goes_with_its_queues_and_leaves_its_runs(api, pool, submit):
    run = submit()
    deployment = api.post(
        "/deployments/", {"name": "d", "flow_id": run["flow_id"], "work_pool_name": pool["name"]}
    )
    api.delete(f"/work_pools/{pool['name']}")
    assert status(api, "GET", f"/work_pools/{pool['name']}") == 404
    assert status(api, "GET", f"/work_pools/{pool['name']}/queues/default") == 404
    assert api.get(f"/flow_runs/{run['id']}")["work_pool_name"] is None
    assert api.get(f"/deployments/{deployment['id']}")["work_pool_name"] is None


def test_a_run_and_a_deployment_need_a_pool_that_is_there_and_get_their_queue(api, pool, submit):
    run = submit(queue="night")
    assert (run["work_pool_name"], run["work_queue_name"]) == (pool["name"], "night")
    night = api.get(f"/work_pools/{pool['name']}/queues/night")
    assert (run["work_pool_id"], run["work_queue_id"]) == (pool["id"], night["id"])
    assert submit()["work_queue_name"] == "default"
    missing = {"flow_id": run["flow_id"], "work_pool_name": "nowhere"}
    assert status(api, "POST", "/flow_runs/", missing) == 404
    assert status(api, "POST", "/deployments/", {**missing, "name": "d"}) == 404


def test_priorities_are_there_once_and_only_those_in_the_way_move(api, pool):
    path = f"/work_pools/{pool['name']}/queues"
    for name, priority in (("b", 2), ("d", 4), ("x", 2), ("next", None)):
        api.post(path, {"name": name, "priority": priority}, 201)
    assert status(api, "POST", path, {"name": "b"}) == 409
    order = [(one["name"], one["priority"]) for one in api.post(f"{path}/filter")]
    assert order == [("default", 1), ("x", 2), ("b", 3), ("d", 4), ("next", 5)]
    api.patch(f"{path}/d", {"priority": 1, "name": "first"})
    order = [(one["name"], one["priority"]) for one in api.post(f"{path}/filter")]
    assert order == [("first", 1), ("default", 2), ("x", 3), ("b", 4), ("next", 5)]
    assert status(api, "DELETE", f"{path}/default") == 400
    api.delete(f"{path}/x")
    assert status(api, "GET", f"{path}/x") == 404


def test_runs_are_given_by_queue_then_time_and_only_those_that_are_due(api, pool, ask, submit):
    ask("/queues", name="later", priority=2)
    late, second, first, future = submit(-1, "later"), submit(-5), submit(-9), submit(3600)
    assert ids(ask("/get_scheduled_flow_runs")) == [first["id"], second["id"], late["id"]]
    assert ids(ask("/get_scheduled_flow_runs", limit=1)) == [first["id"]]
    assert ids(ask("/get_scheduled_flow_runs", work_queue_names=["later"])) == [late["id"]]
    whole = ask("/get_scheduled_flow_runs", scheduled_before=future["expected_start_time"])
    assert ids(whole)[-2:] == [future["id"], late["id"]]
    assert {one["work_pool_id"] for one in whole} == {pool["id"]}
    missing = {"work_queue_names": ["no such queue"]}
    assert status(api, "POST", f"/work_pools/{pool['name']}/get_scheduled_flow_runs", missing) == 404


def test_what_a_full_queue_cannot_use_goes_to_the_next_one(api, pool, ask, submit):
    ask("/queues", name="urgent", priority=1)
    api.patch(f"/work_pools/{pool['name']}/queues/urgent", {"concurrency_limit": 1})
    api.patch(f"/work_pools/{pool['name']}", {"concurrency_limit": 3})
    set_running(api, submit(queue="urgent"))
    submit(queue="urgent")
    others = [submit(-9), submit(-8), submit(-7)]
    assert ids(ask("/get_scheduled_flow_runs")) == [others[0]["id"], others[1]["id"]]
    for run in others[:2]:
        set_running(api, run)
    assert ask("/get_scheduled_flow_runs") == []
    api.patch(f"/work_pools/{pool['name']}", {"concurrency_limit": None})
    assert ids(ask("/get_scheduled_flow_runs")) == [others[2]["id"]]


@pytest.mark.parametrize("paused", ["pool", "queue"])
def test_what_is_paused_gives_nothing(api, pool, ask, submit, paused):
    submit()
    path = f"/work_pools/{pool['name']}" + ("/queues/default" if paused == "queue" else "")
    api.patch(path, {"is_paused": True})
    assert ask("/get_scheduled_flow_runs") == []
    assert api.get(path)["status"] == "PAUSED"
    api.patch(path, {"is_paused": False})
    assert len(ask("/get_scheduled_flow_runs")) == 1


def test_a_run_is_given_to_one_worker_and_within_the_limit(api, pool, submit):
    api.patch(f"/work_pools/{pool['name']}", {"concurrency_limit": 1})
    first, second = submit(), submit()

    def take(run, client):
        return api.core.call(lambda core: deployment_runs.take(core, run["id"], client)).result()

    assert take(first, "a-1")["work_pool_name"] == pool["name"]
    assert take(first, "b-1") is None
    assert take(second, "b-1") is None
    api.propose(first["id"], "CANCELLED", force=True)
    assert take(second, "b-1")["id"] == second["id"]


def test_a_worker_is_online_while_it_beats(api, pool, ask):
    beat = {"name": "w1", "heartbeat_interval_seconds": 30}
    api.post(f"/work_pools/{pool['name']}/workers/heartbeat", beat, 204)
    (worker,) = ask("/workers/filter")
    assert (worker["name"], worker["status"], worker["work_pool_id"]) == ("w1", "ONLINE", pool["id"])
    assert api.get(f"/work_pools/{pool['name']}")["status"] == "READY"
    long_ago = datetime.now(UTC) - timedelta(seconds=91)
    api.core.call(lambda core: core.polled.update({worker["id"]: long_ago})).result()
    (worker,) = ask("/workers/filter", workers={"status": {"any_": ["OFFLINE"]}})
    assert api.get(f"/work_pools/{pool['name']}")["status"] == "NOT_READY"
    assert ask("/workers/filter", workers={"status": {"not_any_": ["OFFLINE"]}}) == []
    api.delete(f"/work_pools/{pool['name']}/workers/w1")
    assert ask("/workers/filter") == []
    assert status(api, "POST", "/work_pools/nowhere/workers/heartbeat", beat) == 404


def test_runs_of_a_queue_that_goes_wait_in_the_default_one(api, pool, ask, submit):
    run = submit(queue="short")
    api.delete(f"/work_pools/{pool['name']}/queues/short")
    (given,) = ask("/get_scheduled_flow_runs")
    assert (given["flow_run"]["id"], given["work_queue_id"]) == (run["id"], pool["default_queue_id"])
    assert given["flow_run"]["work_queue_name"] == "default"


def test_pools_and_workers_are_there_after_a_restart(own_api):
    made = own_api.post("/work_pools/", {"name": "kept"}, 201)
    own_api.post("/work_pools/kept/workers/heartbeat", {"name": "w"}, 204)
    from penstock._store.documents import Documents

    again = Documents()
    again.load(own_api.database)
    assert again.of(pools.POOL)[made["id"]]["name"] == "kept"
    assert [one["name"] for one in again.of(pools.WORKER).values()] == ["w"]
    assert len(again.of(pools.QUEUE)) == 1
