"""Bodies nobody should send: each gets its documented 4xx and the store goes on."""

from __future__ import annotations

import json
import re
from uuid import uuid4

import pytest

from penstock._store.routes.rest import table


def nested(depth, inner="1"):
    return '{"a":' * depth + inner + "}" * depth


JSON = [
    b"{",
    b"nul",
    b"\xff\xfe",
    b'"\\ud800"',
    b'{"a": NaN}',
    b'{"a": 1e999}',
    b"9" * 5000,
    b"[" * 100_000,
    nested(2000).encode(),
    b'{"a": "\\u0000"}',
    b'{"\\u0000": 1}',
    b"{'a': 1}",
    b'{"a": 1}{',
]


@pytest.mark.parametrize("body", JSON, ids=range(len(JSON)))
def test_what_is_no_storable_json_is_422_on_every_route_with_a_body(api, body):
    for route in table():
        if route.body is None:
            continue
        path = "/api" + re.sub(
            r"\{(\w+)\}", lambda match: str(uuid4()) if match[1] == "id" else "x", route.path
        )
        reply = api.request(route.method, path, content=body, headers={"Content-Type": "application/json"})
        assert reply.status_code == 422, (path, reply.text)
        assert set(reply.json()) == {"exception_message", "exception_detail", "request_body"}


KINDS = [[], 3, "text", False, True, [[]], {"colour": 1}]


@pytest.mark.parametrize("body", KINDS, ids=str)
def test_what_has_another_shape_is_refused_on_every_route_with_a_body(api, body):
    for route in table():
        if route.body is None or (
            body == [] and isinstance(route.body, dict) and route.body["type"] == "array"
        ):
            continue
        if route.path.endswith("/labels") and isinstance(body, dict):
            continue
        path = "/api" + re.sub(
            r"\{(\w+)\}", lambda match: str(uuid4()) if match[1] == "id" else "event", route.path
        )
        assert api.request(route.method, path, json=body).status_code in (404, 422), (path, body)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**64, 10**30])
def test_a_number_that_would_lose_digits_is_refused(api, number):
    flow = api.flow()["id"]
    refused = api.post("/flow_runs/", {"flow_id": flow, "parameters": {"n": number}}, 422)
    assert "64 bits" in refused["exception_detail"][0]["msg"]


def test_large_numbers_and_deep_documents_come_back_as_they_were(api):
    flow = api.flow()["id"]
    parameters = {"most": 2**63 - 1, "least": -(2**63), "small": 1e-300, "deep": json.loads(nested(90))}
    made = api.post("/flow_runs/", {"flow_id": flow, "parameters": parameters}, 201)
    assert api.get(f"/flow_runs/{made['id']}")["parameters"] == parameters
    api.post("/flow_runs/", {"flow_id": flow, "parameters": json.loads(nested(101))}, 422)


def test_a_refusal_says_where_and_shows_the_request(api):
    body = {"flow_id": "no", "parameters": [], "colour": 1}
    refused = api.post("/flow_runs/", body, 422)
    assert refused["request_body"] == body
    assert {tuple(one["loc"]): one["type"] for one in refused["exception_detail"]} == {
        ("body", "flow_id"): "uuid_parsing",
        ("body", "parameters"): "dict_type",
        ("body", "colour"): "extra_forbidden",
    }


@pytest.mark.parametrize(
    "text",
    [
        "emoji 🦊",
        "quote \" ' ` ;--",
        "back\\slash",
        "\u202eright to left",
        "line\nbreak\ttab",
        "a" * 10_000,
        "\u0001",
    ],
)
def test_text_comes_back_as_it_was(api, text):
    made = api.flow_run(name=text, tags=[text], parameters={text: text})
    assert (made["name"], made["tags"], made["parameters"]) == (text, [text], {text: text})
    wanted = {"flow_runs": {"tags": {"all_": [text]}, "name": {"any_": [text]}, "id": {"any_": [made["id"]]}}}
    assert api.post("/flow_runs/count", wanted) == 1


def test_a_filter_that_is_unknown_is_refused_never_ignored(api):
    for body in ({"flow_run": {}}, {"flow_runs": {"colour": {}}}, {"work_queues": {"name": {"any_": ["a"]}}}):
        api.post("/flow_runs/filter", body, 422)
    api.post("/flow_runs/filter", {"work_pools": None, "deployments": None, "limit": 0})
