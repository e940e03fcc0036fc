from __future__ import annotations

from uuid import uuid4

import pytest


def test_a_flow_is_made_once_by_name(api):
    name = f"etl {uuid4()}"
    first = api.post("/flows/", {"name": name, "tags": ["a"], "labels": {"team": "ml", "n": 1}}, 201)
    again = api.post("/flows/", {"name": name, "tags": ["b"]}, 200)
    assert first == again
    assert set(first) == {"id", "created", "updated", "name", "tags", "labels"}
    assert first["labels"] == {"team": "ml", "n": 1}
    assert api.get(f"/flows/name/{name}") == api.get(f"/flows/{first['id']}") == first


@pytest.mark.parametrize("name", ["", "a/b", "a%b", "a&b", "a>b", "a<b", "nul\0", 3, None])
def test_a_flow_needs_a_plain_name(api, name):
    refused = api.post("/flows/", {"name": name}, 422)
    assert refused["exception_message"] == "Invalid request received."
    assert refused["exception_detail"]


def test_an_update_changes_tags_only(api):
    flow = api.flow(tags=["old"], labels={"a": True})
    api.patch(f"/flows/{flow['id']}", {"tags": ["new", "x"]})
    after = api.get(f"/flows/{flow['id']}")
    assert after == {**flow, "tags": ["new", "x"], "updated": after["updated"]}
    assert after["updated"] > flow["updated"]
    assert (
        api.patch(f"/flows/{flow['id']}", {"name": "n"}, 422)["exception_detail"][0]["type"]
        == "extra_forbidden"
    )


def test_deleting_a_flow_deletes_its_runs_and_frees_its_name(api):
    flow = api.flow("short lived")
    run = api.flow_run(flow=flow["id"])
    api.delete(f"/flows/{flow['id']}")
    api.get(f"/flows/{flow['id']}", 404)
    api.get(f"/flow_runs/{run['id']}", 404)
    assert api.flow("short lived")["id"] != flow["id"]
    api.delete(f"/flows/{flow['id']}", 404)


def test_flows_are_selected_through_their_runs(api):
    tag = str(uuid4())
    busy, idle = api.flow(tags=[tag]), api.flow(tags=[tag])
    run = api.flow_run("RUNNING", flow=busy["id"], tags=["x"])
    api.task_run(run["id"], tags=["y"])
    own = {"flows": {"tags": {"all_": [tag]}}}

    def ids(**body):
        return {flow["id"] for flow in api.post("/flows/filter", {**own, **body})}

    assert ids() == {busy["id"], idle["id"]}
    assert ids(flow_runs={"state": {"type": {"any_": ["RUNNING"]}}}) == {busy["id"]}
    assert ids(task_runs={"tags": {"all_": ["y"]}}) == {busy["id"]}
    assert ids(task_runs={"tags": {"all_": ["z"]}}) == set()
    assert api.post("/flows/count", own) == 2


def test_pages_of_flows(own_api):
    for name in "abcde":
        own_api.flow(name)
    page = own_api.post("/flows/paginate", {"limit": 2, "page": 2, "sort": "NAME_DESC"})
    assert [flow["name"] for flow in page["results"]] == ["c", "b"]
    assert {key: page[key] for key in ("count", "limit", "pages", "page")} == {
        "count": 5,
        "limit": 2,
        "pages": 3,
        "page": 2,
    }
    assert own_api.post("/flows/paginate", {"limit": 0})["pages"] == 0
    for bad in ({"page": 0}, {"limit": 201}, {"limit": -1}, {"page": "1"}, {"limit": True}):
        own_api.post("/flows/paginate", bad, 422)
