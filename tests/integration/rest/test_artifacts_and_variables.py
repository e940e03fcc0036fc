from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest


def artifact(api, key, data="x", **fields):
    return api.post("/artifacts/", {"key": key, "type": "markdown", "data": data, **fields}, 201)


def test_the_newest_artifact_of_a_key_is_its_collection(api):
    key = f"k-{uuid4()}"
    first, second = artifact(api, key, 1), artifact(api, key, {"n": [2]})
    assert api.get(f"/artifacts/{key}/latest") == second
    assert api.get(f"/artifacts/{first['id']}")["data"] == 1
    wanted = {"artifacts": {"key": {"any_": [key]}}}
    (collection,) = api.post("/artifacts/latest/filter", wanted)
    assert (collection["latest_id"], collection["data"]) == (second["id"], {"n": [2]})
    assert api.post("/artifacts/latest/count", wanted) == 1
    assert api.post("/artifacts/count", wanted) == 2
    assert api.post("/artifacts/latest/filter", {"artifacts": {"latest_id": {"any_": [first["id"]]}}}) == []


def test_deleting_the_newest_makes_the_one_before_the_newest(api):
    key = f"k-{uuid4()}"
    first, second = artifact(api, key), artifact(api, key)
    api.delete(f"/artifacts/{second['id']}")
    assert api.get(f"/artifacts/{key}/latest")["id"] == first["id"]
    api.delete(f"/artifacts/{first['id']}")
    api.get(f"/artifacts/{key}/latest", 404)
    api.delete(f"/artifacts/{first['id']}", 404)


def test_an_artifact_is_changed_in_place(api):
    made = artifact(api, f"k-{uuid4()}", description="old", metadata_={"a": "1"})
    path = f"/artifacts/{made['id']}"
    api.patch(path, {"data": {"n": 1}})
    assert api.get(path) == {**made, "data": {"n": 1}, "updated": api.get(path)["updated"]}
    api.patch(path, {"description": None, "metadata_": {"b": "2"}})
    after = api.get(path)
    assert (after["description"], after["metadata_"], after["created"]) == (None, {"b": "2"}, made["created"])


def test_long_metadata_is_cut_not_refused(api):
    made = artifact(api, None, metadata_={"long": "x" * 501})
    assert (made["metadata_"], made["key"]) == ({"long": "x" * 497 + "..."}, None)
    for key in ("Upper", "under_score", "a b", "", "é"):
        api.post("/artifacts/", {"key": key}, 422)


def test_results_are_left_out_by_type(api):
    """Server section 27 (b): the UI hides results with `not_any_`."""
    run = api.flow_run("RUNNING")["id"]
    for kind in ("result", "table", None):
        api.post("/artifacts/", {"type": kind, "flow_run_id": run})
    wanted = {"artifacts": {"flow_run_id": {"any_": [run]}, "type": {"not_any_": ["result"]}}}
    assert {one["type"] for one in api.post("/artifacts/filter", wanted)} == {"table", None}
    through = {"flow_runs": {"id": {"any_": [run]}}, "artifacts": {"type": {"any_": ["table"]}}}
    assert api.post("/artifacts/count", through) == 1


def name():
    return f"v_{uuid4().hex}"


@pytest.mark.parametrize("value", ["text", 3, 1.5, True, None, [1, {"a": None}], {"deep": {"er": []}}])
def test_a_variable_holds_any_json(api, value):
    """SDK section 40 (c): a stored null is not the absence of a variable."""
    made = api.post("/variables/", {"name": name(), "value": value, "tags": ["t"]}, 201)
    assert made["value"] == value
    assert api.get(f"/variables/name/{made['name']}") == api.get(f"/variables/{made['id']}") == made


def test_a_variables_name_is_taken_once(api):
    own = name()
    body = {"name": own, "value": 1}
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: api.request("POST", "/api/variables/", json=body), range(16)))
    assert sorted(reply.status_code for reply in made) == [201] + [409] * 15
    other = api.post("/variables/", {"name": name(), "value": 2})
    assert "already" in api.patch(f"/variables/{other['id']}", {"name": own}, 409)["detail"]


def test_a_variable_is_changed_renamed_and_deleted_by_name_or_id(api):
    made = api.post("/variables/", {"name": name(), "value": 1, "tags": ["a"]})
    fresh = name()
    api.patch(f"/variables/name/{made['name']}", {"value": None})
    assert api.get(f"/variables/{made['id']}")["value"] is None
    api.patch(f"/variables/{made['id']}", {"name": fresh})
    api.get(f"/variables/name/{made['name']}", 404)
    after = api.get(f"/variables/name/{fresh}")
    assert (after["id"], after["tags"], after["created"]) == (made["id"], ["a"], made["created"])
    api.delete(f"/variables/name/{fresh}")
    api.get(f"/variables/{made['id']}", 404)
    api.delete(f"/variables/{made['id']}", 404)
    assert api.post("/variables/", {"name": fresh, "value": 2}, 201)["id"] != made["id"]


def test_a_value_is_measured_as_json(api):
    """SDK section 40 (c): 5000 characters of JSON text, quotes included."""
    api.post("/variables/", {"name": name(), "value": "x" * 4998}, 201)
    api.post("/variables/", {"name": name(), "value": "x" * 4999}, 422)
    api.post("/variables/", {"name": name(), "value": "é" * 4998}, 201)


@pytest.mark.parametrize("bad", ["Upper", "a b", "", "x" * 256, "é", "a/b"])
def test_a_bad_name_is_422_not_409(api, bad):
    """Server section 27 (c)."""
    api.post("/variables/", {"name": bad, "value": 1}, 422)


def test_variables_are_listed_and_counted(own_api):
    for own, tags in (("b_two", ["x"]), ("a_one", [])):
        own_api.post("/variables/", {"name": own, "value": 1, "tags": tags})
    assert [one["name"] for one in own_api.post("/variables/filter", {})] == ["a_one", "b_two"]
    tagged = {"variables": {"tags": {"all_": ["x"]}}}
    assert [one["name"] for one in own_api.post("/variables/filter", tagged)] == ["b_two"]
    assert own_api.post("/variables/count", {"variables": {"name": {"like_": "ONE"}}}) == 1
