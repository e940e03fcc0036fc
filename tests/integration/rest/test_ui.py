"""Answers for pages, and requests that concern many objects at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest


def only(run_ids):
    return {"flow_runs": {"id": {"any_": list(run_ids)}}}


def test_points_of_a_chart_hold_start_duration_and_lateness(api):
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    due = api.flow_run({"type": "SCHEDULED", "state_details": {"scheduled_time": past}})
    done = api.flow_run("RUNNING")
    api.propose(done["id"], "COMPLETED")
    points = api.post("/ui/flow_runs/history", only([due["id"], done["id"]]))
    assert [point["id"] for point in points] == [done["id"], due["id"]]
    late = points[1]
    assert set(late) == {"id", "state_type", "timestamp", "duration", "lateness"}
    assert (late["state_type"], late["duration"]) == ("SCHEDULED", 0.0)
    assert 3600 <= late["lateness"] < 3700
    assert points[0]["lateness"] < 5
    api.post("/ui/flow_runs/history", {"limit": 1000})
    api.post("/ui/flow_runs/history", {"limit": 1001}, 422)


def test_task_runs_are_counted_by_flow_run_also_where_there_are_none(api):
    run, empty = api.flow_run("RUNNING")["id"], api.flow_run()["id"]
    for _ in range(3):
        api.task_run(run)
    counted = api.post("/ui/flow_runs/count-task-runs", {"flow_run_ids": [run, empty]})
    assert counted == {run: 3, empty: 0}
    many = [str(uuid4()) for _ in range(201)]
    assert len(api.post("/ui/flow_runs/count-task-runs", {"flow_run_ids": many[:200]})) == 200
    api.post("/ui/flow_runs/count-task-runs", {"flow_run_ids": many}, 422)


def test_the_next_run_of_a_flow_is_the_earliest_scheduled_one(api):
    flow, idle = api.flow()["id"], api.flow()["id"]

    def scheduled(hours):
        moment = (datetime.now(UTC) + timedelta(hours=hours)).isoformat()
        return api.flow_run({"type": "SCHEDULED", "state_details": {"scheduled_time": moment}}, flow)

    scheduled(2)
    first = scheduled(1)
    api.flow_run("RUNNING", flow)
    found = api.post("/ui/flows/next-runs", {"flow_ids": [flow, idle]})
    assert found[idle] is None
    assert found[flow] == {
        name: first[name]
        for name in ("id", "flow_id", "name", "state_name", "state_type", "next_scheduled_start_time")
    }


def test_a_window_of_task_runs_has_twenty_parts(api):
    run = api.flow_run("RUNNING")["id"]
    before = datetime.now(UTC) - timedelta(minutes=1)
    for end in ("COMPLETED", "COMPLETED", "FAILED", "CANCELLED"):
        task = api.task_run(run)["id"]
        api.propose(task, "RUNNING", "task_runs")
        api.propose(task, end, "task_runs")
    window = {"after_": before.isoformat(), "before_": (before + timedelta(minutes=2)).isoformat()}
    body = {**only([run]), "task_runs": {"start_time": window}}
    parts = api.post("/ui/task_runs/dashboard/counts", body)
    assert len(parts) == 20
    assert sum(part["completed"] for part in parts) == 2
    assert sum(part["failed"] for part in parts) == 1
    assert all(part == {"completed": 0, "failed": 0} for part in parts[:9])
    api.post("/ui/task_runs/dashboard/counts", only([run]), 422)
    by_state = api.post("/ui/task_runs/count", only([run]))
    assert {kind: count for kind, count in by_state.items() if count} == {
        "COMPLETED": 2,
        "FAILED": 1,
        "CANCELLED": 1,
    }
    assert len(by_state) == 9


def test_a_task_run_is_shown_with_the_name_of_its_flow_run(api):
    run = api.flow_run("RUNNING", name="outer")["id"]
    task = api.task_run(run)
    assert api.get(f"/ui/task_runs/{task['id']}")["flow_run_name"] == "outer"
    assert api.get(f"/ui/task_runs/{api.task_run()['id']}")["flow_run_name"] is None
    api.get(f"/ui/task_runs/{uuid4()}", 404)


SCHEMA = {
    "type": "object",
    "required": ["n"],
    "properties": {
        "n": {"type": "integer"},
        "names": {"type": "array", "items": {"type": "object", "required": ["a"]}},
    },
}


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ({"n": 1}, []),
        ({}, [["n"]]),
        ({"n": "x", "names": [{"a": 1}, {}]}, [["n"], ["names", 1, "a"]]),
    ],
)
def test_values_are_checked_against_a_schema_place_by_place(api, values, places):
    answer = api.post("/ui/schemas/validate", {"json_schema": SCHEMA, "values": values})

    def found(errors, path=()):
        for error in errors:
            if isinstance(error, str):
                yield list(path)
            else:
                yield from found(error["errors"], (*path, error.get("property", error.get("index"))))

    assert (list(found(answer["errors"])), answer["valid"]) == (places, not places)


def test_a_schema_that_is_none_is_refused_and_nothing_is_fetched_for_one(api):
    for schema in ({"type": 5}, {"$ref": "http://localhost:1/x.json"}):
        api.post("/ui/schemas/validate", {"json_schema": schema, "values": {"a": 1}}, 422)


def test_selected_runs_and_flows_are_deleted_by_one_request(api):
    flow, other = api.flow(tags=["bulk"]), api.flow()
    gone = [api.flow_run(flow=flow["id"], tags=["x"])["id"] for _ in range(3)]
    kept = api.flow_run(flow=flow["id"])["id"]
    body = {"flow_runs": {"tags": {"all_": ["x"]}, "id": {"any_": gone}}}
    assert sorted(api.post("/flow_runs/bulk_delete", body)["deleted"]) == sorted(gone)
    assert api.post("/flow_runs/bulk_delete", body) == {"deleted": []}
    for run_id in gone:
        api.get(f"/flow_runs/{run_id}", 404)
    api.post("/flow_runs/bulk_delete", {"limit": 51}, 422)
    selected = {"flows": {"id": {"any_": [flow["id"]]}}}
    assert api.post("/flows/bulk_delete", selected) == {"deleted": [flow["id"]]}
    api.get(f"/flow_runs/{kept}", 404)
    assert api.get(f"/flows/{other['id']}")["id"] == other["id"]
