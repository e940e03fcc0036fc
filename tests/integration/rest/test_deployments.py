"""Deployments over REST: identity, schedules, runs made on request and ahead of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from penstock._ids import new_id
from penstock._store.scheduler import Scheduler


@pytest.fixture
def flow_id(api):
    return api.post("/flows/", {"name": f"flow-{new_id()}"})["id"]


@pytest.fixture
def deploy(api, flow_id):
    def make(name="nightly", **fields):
        return api.post("/deployments/", {"name": name, "flow_id": flow_id, **fields})

    return make


def hourly(**fields):
    return {"schedule": {"cron": "0 * * * *"}, **fields}


def status(api, method, path, body=None):
    return api.request(method, f"/api{path}", json=body).status_code


def plan(api):
    """One round of the scheduler, which these stores do not run by themselves."""
    return Scheduler(api.core).round(datetime.now(UTC))


def runs_of(api, deployment):
    body = {"flow_runs": {"deployment_id": {"any_": [deployment["id"]]}}, "sort": "EXPECTED_START_TIME_ASC"}
    return api.post("/flow_runs/filter", body)


def test_a_deployment_is_known_by_flow_and_name(api, deploy, flow_id):
    first = deploy(tags=["a"], parameters={"x": 1}, entrypoint="flows.py:nightly")
    again = deploy(tags=["b"])
    assert again["id"] == first["id"]
    assert (again["tags"], again["entrypoint"]) == (["b"], None)
    flow = api.get(f"/flows/{flow_id}")
    assert api.get(f"/deployments/name/{flow['name']}/nightly") == again
    assert api.get(f"/deployments/{first['id']}") == again
    assert (
        api.post(
            "/deployments/count", {"deployments": {"name": {"any_": ["nightly"]}, "tags": {"all_": ["b"]}}}
        )
        >= 1
    )
    assert api.post("/deployments/filter", {"deployments": {"id": {"any_": [first["id"]]}}}) == [again]
    api.delete(f"/deployments/{first['id']}")
    assert status(api, "GET", f"/deployments/{first['id']}") == 404


def test_deployments_are_found_by_their_pool_and_queue(api, deploy):
    pool = f"pool-{new_id()}"
    api.post("/work_pools/", {"name": pool, "type": "process"}, 201)
    api.post(f"/work_pools/{pool}/queues", {"name": "fast"}, 201)
    deploy("nowhere")
    slow, fast = (
        deploy("slow", work_pool_name=pool),
        deploy("fast", work_pool_name=pool, work_queue_name="fast"),
    )
    by_pool = {"work_pools": {"name": {"any_": [pool]}}}
    assert api.post("/deployments/filter", by_pool) == [fast, slow]
    for queue, found in (("fast", fast), ("default", slow)):
        by_queue = {**by_pool, "work_pool_queues": {"name": {"any_": [queue]}}}
        assert api.post("/deployments/filter", by_queue) == [found]


def test_an_unknown_flow_is_refused(api):
    body = {"name": "n", "flow_id": str(new_id())}
    assert status(api, "POST", "/deployments/", body) == 404


def test_only_what_was_sent_changes(api, deploy):
    made = deploy(tags=["a"], schedules=[hourly()], description="old")
    api.patch(f"/deployments/{made['id']}", {"description": "new"})
    after = api.get(f"/deployments/{made['id']}")
    assert {**after, "updated": None} == {**made, "description": "new", "updated": None}


def test_a_run_has_what_its_deployment_and_its_request_say(api, deploy):
    made = deploy(tags=["a"], parameters={"x": 1, "y": 2}, version="7", labels={"team": "data"})
    path = f"/deployments/{made['id']}/create_flow_run"
    run = api.post(path, {"parameters": {"y": 3}, "tags": ["b"], "idempotency_key": "once"})
    assert run["parameters"] == {"x": 1, "y": 3}
    assert run["tags"] == ["a", "b"]
    assert (run["deployment_id"], run["state_name"], run["deployment_version"]) == (
        made["id"],
        "Scheduled",
        "7",
    )
    assert run["labels"]["team"] == "data"
    assert api.post(path, {"idempotency_key": "once"})["id"] == run["id"]
    assert api.post(path, {})["id"] != run["id"]


def test_parameters_must_fit_the_schema_unless_nobody_asks(api, deploy):
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
    made = deploy(parameter_openapi_schema=schema)
    path = f"/deployments/{made['id']}/create_flow_run"
    assert status(api, "POST", path, {"parameters": {"x": "many"}}) == 409
    assert status(api, "POST", path, {}) == 409
    assert status(api, "POST", path, {"parameters": {"x": 1}}) == 201
    assert status(api, "POST", path, {"enforce_parameter_schema": False}) == 201


def test_active_schedules_have_their_coming_runs_once(api, deploy):
    made = deploy(
        schedules=[hourly(parameters={"x": 5}, slug="hourly"), hourly(active=False)], parameters={"y": 1}
    )
    plan(api)
    plan(api)
    runs = runs_of(api, made)
    assert len(runs) == 3
    assert all(run["auto_scheduled"] and run["parameters"] == {"x": 5, "y": 1} for run in runs)
    assert all(
        "auto-scheduled" in run["tags"] and run["created_by"]["display_value"] == "hourly" for run in runs
    )
    starts = [datetime.fromisoformat(run["expected_start_time"]) for run in runs]
    assert [(b - a) for a, b in pairwise(starts)] == [timedelta(hours=1)] * 2
    assert starts[0] > datetime.now(UTC)
    end = (starts[-1] + timedelta(minutes=1)).isoformat()
    api.post(f"/deployments/{made['id']}/schedule", {"end_time": end})
    assert [run["id"] for run in runs_of(api, made)] == [run["id"] for run in runs]


def test_a_pause_takes_the_coming_runs_away_and_a_resume_brings_them_back(api, deploy):
    made = deploy(schedules=[hourly()])
    by_hand = api.post(f"/deployments/{made['id']}/create_flow_run", {})
    plan(api)
    before = runs_of(api, made)
    api.post(f"/deployments/{made['id']}/pause_deployment", {})
    assert [run["id"] for run in runs_of(api, made)] == [by_hand["id"]]
    api.post(f"/deployments/{made['id']}/resume_deployment", {})
    plan(api)
    after = runs_of(api, made)
    starts = [run["expected_start_time"] for run in after if run["auto_scheduled"]]
    assert starts == [run["expected_start_time"] for run in before if run["auto_scheduled"]]


def test_a_run_that_was_cancelled_ahead_of_time_is_not_made_again(api, deploy):
    made = deploy(schedules=[hourly()])
    plan(api)
    run = runs_of(api, made)[0]
    api.post(f"/flow_runs/{run['id']}/set_state", {"state": {"type": "CANCELLED"}})
    plan(api)
    starts = [one["expected_start_time"] for one in runs_of(api, made)]
    assert len(starts) == len(set(starts)) == 3


def test_schedules_are_added_changed_and_deleted(api, deploy):
    made = deploy(paused=True)
    path = f"/deployments/{made['id']}/schedules"
    added = api.post(path, [hourly(slug="a"), {"schedule": {"interval": 3600}, "slug": "b"}])
    assert [one["slug"] for one in api.get(path)] == ["a", "b"]
    assert status(api, "POST", path, [hourly(slug="a")]) == 409
    api.patch(f"{path}/{added[0]['id']}", {"active": False})
    api.delete(f"{path}/{added[1]['id']}")
    assert [(one["slug"], one["active"]) for one in api.get(path)] == [("a", False)]
    assert status(api, "DELETE", f"{path}/{added[1]['id']}") == 404


def test_schedules_with_slugs_are_matched_and_others_replaced(api, deploy):
    made = deploy(paused=True, schedules=[hourly(slug="a"), hourly(slug="b")])
    path = f"/deployments/{made['id']}"
    new = {"schedule": {"cron": "5 * * * *"}, "slug": "c"}
    api.patch(path, {"schedules": [{"slug": "a", "active": False}, new]})
    after = api.get(path)["schedules"]
    assert [(one["slug"], one["active"]) for one in after] == [("a", False), ("b", True), ("c", True)]
    assert after[0]["id"] == made["schedules"][0]["id"]
    assert status(api, "PATCH", path, {"schedules": [hourly()]}) == 422
    other = deploy("plain", paused=True, schedules=[hourly(), hourly()])
    api.patch(f"/deployments/{other['id']}", {"schedules": [hourly()]})
    assert len(api.get(f"/deployments/{other['id']}")["schedules"]) == 1


@pytest.mark.parametrize(
    "schedule",
    [
        {"cron": "often"},
        {"interval": 0},
        {"rrule": "FREQ=DAILY;COUNT=2"},
        {"cron": "@daily", "interval": 1},
        {},
    ],
)
def test_what_is_no_schedule_is_refused(api, deploy, schedule):
    made = deploy()
    assert status(api, "POST", f"/deployments/{made['id']}/schedules", [{"schedule": schedule}]) == 422


def test_who_asks_for_due_runs_gets_the_earliest_first(api, deploy):
    made = deploy()
    assert made["status"] == "NOT_READY"
    due, later = (datetime.now(UTC) + timedelta(seconds=s) for s in (-60, 3600))
    create = f"/deployments/{made['id']}/create_flow_run"

    def scheduled(moment):
        details = {"scheduled_time": moment.isoformat()}
        return api.post(create, {"state": {"type": "SCHEDULED", "state_details": details}})["id"]

    future, now, past = scheduled(later), api.post(create, {})["id"], scheduled(due)
    body = {"deployment_ids": [made["id"]]}
    assert [run["id"] for run in api.post("/deployments/get_scheduled_flow_runs", body)] == [past, now]
    body["scheduled_before"] = (later + timedelta(seconds=1)).isoformat()
    assert [run["id"] for run in api.post("/deployments/get_scheduled_flow_runs", body)] == [
        past,
        now,
        future,
    ]
    assert api.get(f"/deployments/{made['id']}")["status"] == "READY"


def test_a_deleted_deployment_takes_its_scheduled_runs_along(api, deploy, flow_id):
    made = deploy()
    run = api.post(f"/deployments/{made['id']}/create_flow_run", {})
    api.delete(f"/deployments/{made['id']}")
    assert status(api, "GET", f"/flow_runs/{run['id']}") == 404
    other = deploy("other")
    api.delete(f"/flows/{flow_id}")
    assert status(api, "GET", f"/deployments/{other['id']}") == 404
