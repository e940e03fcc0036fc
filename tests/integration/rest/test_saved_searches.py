"""Saved searches: made or replaced by name, read, listed by name, deleted."""

from __future__ import annotations

from uuid import uuid4

FAILED = {
    "object": "flow_run",
    "property": "state",
    "type": "string",
    "operation": "any_",
    "value": ["FAILED"],
}


def save(api, name, *filters):
    return api.request("PUT", "/api/saved_searches/", json={"name": name, "filters": list(filters)})


def test_a_search_is_saved_once_a_name(own_api):
    made = save(own_api, "failures", FAILED)
    assert made.status_code == 201
    assert made.json()["filters"] == [FAILED]
    again = save(own_api, "failures")
    assert (again.status_code, again.json()["filters"]) == (200, [])
    assert (again.json()["id"], again.json()["created"]) == (made.json()["id"], made.json()["created"])
    assert own_api.get(f"/saved_searches/{made.json()['id']}") == again.json()
    assert own_api.post("/saved_searches/filter") == [again.json()]


def test_searches_are_listed_by_name_in_pages(own_api):
    for name in ("c", "a", "b"):
        assert save(own_api, name, FAILED).status_code == 201

    def names(**page):
        return [one["name"] for one in own_api.post("/saved_searches/filter", page)]

    assert names() == ["a", "b", "c"]
    assert names(limit=2) == ["a", "b"]
    assert names(offset=1, limit=1) == ["b"]
    own_api.post("/saved_searches/filter", {"limit": 201}, 422)


def test_a_deleted_search_is_gone(own_api):
    identity = save(own_api, "short").json()["id"]
    own_api.delete(f"/saved_searches/{identity}")
    assert own_api.post("/saved_searches/filter") == []
    own_api.get(f"/saved_searches/{identity}", 404)
    own_api.delete(f"/saved_searches/{identity}", 404)
    own_api.get(f"/saved_searches/{uuid4()}", 404)


def test_what_is_no_condition_is_refused(own_api):
    assert save(own_api, "bad", {"object": "flow_run"}).status_code == 422
    assert save(own_api, "bad", {**FAILED, "more": 1}).status_code == 422
    assert save(own_api, "").status_code == 422
    assert own_api.post("/saved_searches/filter") == []
