from __future__ import annotations

import pytest


@pytest.fixture
def runs(store):
    """Three runs: a-one and b-two of flow etl, c-three of flow ml."""
    names = [
        ("a-one", "etl", "COMPLETED", ["x"]),
        ("b-two", "etl", "RUNNING", ["x", "y"]),
        ("c-three", "ml", "PENDING", []),
    ]
    for name, flow, state, tags in names:
        store.create(state, flow_name=flow, name=name, tags=tags)
    return store


CASES = [
    ({}, "abc"),
    ({"flow_runs": {"name": {"like_": "-T"}}}, "bc"),
    ({"flow_runs": {"tags": {"all_": ["x", "y"]}}}, "b"),
    ({"flow_runs": {"tags": {"any_": ["y", "z"]}}}, "b"),
    ({"flow_runs": {"tags": {"is_null_": True}}}, "c"),
    ({"flow_runs": {"state": {"type": {"any_": ["RUNNING", "PENDING"]}}}}, "bc"),
    ({"flow_runs": {"state": {"name": {"not_any_": ["Running"]}}}}, "ac"),
    (
        {"flow_runs": {"operator": "or_", "name": {"any_": ["a-one"]}, "start_time": {"is_null_": False}}},
        "ab",
    ),
    ({"flows": {"name": {"any_": ["etl"]}}}, "ab"),
    ({"flows": {"name": {"any_": ["etl"]}}, "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}, "a"),
    ({"flow_runs": {"start_time": {"after_": "2000-01-01T00:00:00Z"}}}, "b"),
    ({"task_runs": {"name": {"any_": ["none"]}}}, ""),
    ({"flow_runs": {"id": None}}, "abc"),
]


@pytest.mark.parametrize(("body", "found"), CASES)
def test_flow_run_filters(runs, body, found):
    reply = runs.post("/api/flow_runs/filter", {**body, "sort": "NAME_ASC"})
    assert reply.status == 200, reply.raw
    assert "".join(run["name"][0] for run in reply.json) == found
    assert runs.post("/api/flow_runs/count", body).json == len(found)


BAD = [
    {"flow_runs": {"colour": {"any_": []}}},
    {"flow_runs": {"name": {"near_": "a"}}},
    {"flow_runs": {"id": {"any_": ["no uuid"]}}},
    {"flow_runs": {"start_time": {"before_": "yesterday"}}},
    {"flow_runs": {"name": {"any_": "text"}}},
    {"flow_runs": {"name": {"any_": [1]}}},
    {"flow_runs": []},
    {"flow_runs": {"operator": "xor_"}},
    {"sort": "BY_MAGIC"},
    {"limit": 201},
    {"limit": -1},
    {"offset": -1},
    {"deployments": {"name": {"any_": []}}},
]


@pytest.mark.parametrize("body", BAD)
def test_what_is_not_of_the_grammar_is_refused(store, body):
    reply = store.post("/api/flow_runs/filter", body)
    assert reply.status == 422
    assert set(reply.json) == {"exception_message", "exception_detail", "request_body"}


def test_pages(runs):
    names = [
        [
            run["name"][0]
            for run in runs.post(
                "/api/flow_runs/filter", {"limit": 2, "offset": at, "sort": "NAME_DESC"}
            ).json
        ]
        for at in (0, 2, 4)
    ]
    assert names == [["c", "b"], ["a"], []]
    assert runs.post("/api/flow_runs/filter", {"limit": 0}).json == []


def test_a_flow_run_has_every_documented_field(runs):
    run = runs.post("/api/flow_runs/filter", {"flow_runs": {"name": {"any_": ["b-two"]}}}).json[0]
    documented = (
        "id created updated name flow_id state_id deployment_id deployment_version work_queue_id work_queue_name "
        "flow_version parameters idempotency_key context empirical_policy tags labels parent_task_run_id state_type "
        "state_name run_count expected_start_time next_scheduled_start_time start_time end_time total_run_time "
        "estimated_run_time estimated_start_time_delta auto_scheduled infrastructure_document_id infrastructure_pid "
        "created_by work_pool_id work_pool_name state job_variables"
    )
    assert set(documented.split()) <= set(run)
    assert run["estimated_run_time"] > 0
    assert run["state"]["state_details"]["flow_run_id"] == run["id"]


def test_rest_creation_is_idempotent_on_its_key(runs):
    flow = runs.get("/api/flows/name/etl").json["id"]
    body = {
        "flow_id": flow,
        "idempotency_key": "once",
        "parameters": {"n": 2},
        "state": {"type": "SCHEDULED"},
    }
    first, again = runs.post("/api/flow_runs/", body), runs.post("/api/flow_runs/", body)
    assert (first.status, again.status) == (201, 200)
    assert first.json["id"] == again.json["id"]
    assert (first.json["state_type"], first.json["parameters"]) == ("SCHEDULED", {"n": 2})
    moved = runs.post(f"/api/flow_runs/{first.json['id']}/set_state", {"state": {"type": "CANCELLING"}})
    assert (moved.status, moved.json["status"], moved.json["state"]["type"]) == (201, "REJECT", "CANCELLED")
