from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

NOW = datetime.now(UTC)


def event(name="ticket.opened", resource="ticket.1", age=0, related=(), **fields):
    labels = {"prefect.resource.id": resource, **fields.pop("labels", {})}
    shown = [{"prefect.resource.id": one, "prefect.resource.role": role} for one, role in related]
    when = (NOW - timedelta(seconds=age)).isoformat()
    return {
        "id": str(uuid4()),
        "occurred": when,
        "event": name,
        "resource": labels,
        "related": shown,
        **fields,
    }


def names(api, **wanted):
    return [one["event"] for one in api.post("/events/filter", {"filter": wanted})["events"]]


@pytest.fixture(scope="module")
def tickets(api):
    """Four events of a module's store: a and b about ticket.1, c about ticket.22, d about a dog."""
    sent = [
        event(
            "t.a",
            "ticket.1",
            40,
            [("user.1", "owner")],
            labels={"prefect.resource.name": "old", "team": "red"},
        ),
        event(
            "t.b",
            "ticket.1",
            30,
            [("user.2", "owner"), ("user.1", "reader")],
            labels={"team": "blue", "prefect.resource.name": "new"},
        ),
        event("t.c", "ticket.22", 20, payload={"text": "deep water"}, labels={"team": "blue"}),
        event("x.d", "dog.1", 10, [("user.1", "owner")]),
    ]
    assert api.post("/events", sent, 204) is None
    return sent


CASES = [
    ({}, "d c b a"),
    ({"order": "ASC"}, "a b c d"),
    ({"event": {"prefix": ["t."]}}, "c b a"),
    ({"event": {"prefix": ["t."], "exclude_name": ["t.b"]}}, "c a"),
    ({"event": {"exclude_prefix": ["t."]}}, "d"),
    ({"event": {"name": ["t.a", "x.d"]}}, "d a"),
    ({"resource": {"id": ["ticket.1"]}}, "b a"),
    ({"resource": {"id_prefix": ["ticket.", "cat."]}}, "c b a"),
    ({"resource": {"labels": {"team": "blue"}}}, "c b"),
    ({"resource": {"labels": {"team": ["red", "blue"]}}}, "c b a"),
    ({"resource": {"labels": {"team": "b*"}}}, "c b"),
    ({"resource": {"id_prefix": ["ticket."], "distinct": True}}, "c b"),
    ({"related": {"id": ["user.1"]}}, "d b a"),
    ({"related": {"id": ["user.1"], "role": ["owner"]}}, "d a"),
    ({"related": {"resources_in_roles": [["user.1", "reader"]]}}, "b"),
    ({"related": [{"id": ["user.1"]}, {"id": ["user.2"]}]}, "b"),
    ({"any_resource": {"id": ["user.2", "dog.1"]}}, "d b"),
    ({"any_resource": {"id_prefix": ["ticket."]}}, "c b a"),
    ({"text": {"query": "water"}}, "c"),
    ({"text": {"query": "ticket -water"}}, "b a"),
    ({"occurred": {"since": (NOW - timedelta(seconds=25)).isoformat()}}, "d c"),
    ({"occurred": {"until": (NOW - timedelta(seconds=35)).isoformat()}}, "a"),
]


@pytest.mark.parametrize(("wanted", "found"), CASES)
def test_event_filters(api, tickets, wanted, found):
    assert [name[-1] for name in names(api, **wanted)] == found.split()


NEGATED = [("!red", "c b"), (["!red", "!blue"], ""), (["!red", "b*"], "c b"), (["blue", "!blu*"], "")]


@pytest.mark.parametrize(("given", "found"), NEGATED)
def test_negated_labels_exclude_and_need_the_label(api, tickets, given, found):
    """Server section 18 (c): d has no such label and never matches; a list of negations excludes all of them."""
    assert [name[-1] for name in names(api, resource={"labels": {"team": given}})] == found.split()


def test_an_event_is_recorded_once_by_its_id(own_api):
    sent = event(payload={"n": [1]}, follows=str(uuid4()))
    own_api.post("/events", [sent, sent], 204)
    own_api.post("/events", [sent], 204)
    page = own_api.post("/events/filter", {})
    (found,) = page["events"]
    assert (page["total"], page["next_page"]) == (1, None)
    assert found["occurred"] <= found.pop("received")
    assert datetime.fromisoformat(found.pop("occurred")) == datetime.fromisoformat(sent.pop("occurred"))
    assert found == sent


BAD = [
    {},
    [{"event": "x"}],
    [event(resource="") | {}],
    [event() | {"resource": {"prefect.resource.name": "x"}}],
    [event() | {"resource": {"prefect.resource.id": 1}}],
    [event() | {"occurred": "2030-01-01T00:00:00"}],
    [event("x" * 1025)],
    [event(related=[("a", "b")] * 101)],
    [event() | {"related": [{"prefect.resource.id": "a"}]}],
]


@pytest.mark.parametrize("body", BAD)
def test_what_is_no_event_is_refused(api, body):
    api.post("/events", body, 422)


def test_an_event_too_large_is_refused(api):
    api.post("/events", [event(payload={"text": "x" * 1_500_000})], 413)


def test_pages_follow_their_tokens_to_the_end(own_api):
    own_api.post("/events", [event(f"n.{n:03}", age=n) for n in range(120)], 204)
    page = own_api.post("/events/filter", {"filter": {"order": "ASC"}, "limit": 50})
    seen = []
    while page["next_page"]:
        seen += page["events"]
        own_api.post("/events", [event("late", age=-3600)], 204)
        page = own_api.request("GET", page["next_page"]).json()
        assert page["total"] == 120
    seen += page["events"]
    assert [one["event"] for one in seen] == [f"n.{n:03}" for n in reversed(range(120))]


def test_a_made_up_token_is_forbidden(api, tickets):
    page = api.post("/events/filter", {"limit": 1})
    path = page["next_page"].removeprefix("http://localhost:4200/api")
    api.get(path)
    for bad in ("abc", path.split("=")[1][:-8] + "AAAAAAAA", "%00", "é"):
        assert api.request("GET", f"/api/events/filter/next?page-token={bad}").status_code in (403, 422)
    api.get("/events/filter/next", 422)
    api.post("/events/filter", {"limit": 51}, 422)


def test_states_of_runs_are_events(own_api):
    flow = own_api.flow("etl")
    run = own_api.flow_run("PENDING", flow["id"], name="red-fox", tags=["nightly"])
    own_api.propose(run["id"], "RUNNING", message="go")
    task = own_api.task_run(run["id"], name="t-0", tags=["x"])
    events = own_api.post("/events/filter", {"filter": {"order": "ASC"}})["events"]
    assert [one["event"] for one in events] == [
        "prefect.flow-run.Pending",
        "prefect.flow-run.Running",
        "prefect.task-run.Pending",
    ]
    first, running, of_task = events
    states = own_api.get(f"/flow_run_states/?flow_run_id={run['id']}")
    assert [first["id"], running["id"]] == [state["id"] for state in states]
    assert running["follows"] == first["id"]
    resource = running["resource"]
    assert resource["prefect.resource.id"] == f"prefect.flow-run.{run['id']}"
    assert (resource["prefect.state-type"], resource["prefect.run-count"]) == ("RUNNING", "1")
    assert running["payload"]["intended"] == {"from": "PENDING", "to": "RUNNING"}
    assert running["payload"]["validated_state"]["message"] == "go"
    roles = {one["prefect.resource.role"]: one["prefect.resource.id"] for one in running["related"]}
    assert roles == {"flow": f"prefect.flow.{flow['id']}", "tag": "prefect.tag.nightly"}
    assert of_task["resource"]["prefect.resource.id"] == f"prefect.task-run.{task['id']}"
    assert of_task["related"][0]["prefect.resource.id"] == f"prefect.flow-run.{run['id']}"


def test_events_are_counted_by_time_with_empty_intervals(own_api):
    since = datetime(2026, 1, 5, 0, 30, tzinfo=UTC)
    for hour in (0, 0, 2):
        moment = (since + timedelta(hours=hour, minutes=1)).isoformat()
        own_api.post("/events", [event() | {"occurred": moment}], 204)
    occurred = {"since": since.isoformat(), "until": (since + timedelta(hours=2, minutes=5)).isoformat()}
    body = {"filter": {"occurred": occurred}, "time_unit": "hour"}
    counts = own_api.post("/events/count-by/time", body)
    assert [(one["value"], one["count"]) for one in counts] == [
        ("2026-01-05T00:00:00Z", 2),
        ("2026-01-05T01:00:00Z", 0),
        ("2026-01-05T02:00:00Z", 1),
    ]
    assert own_api.post("/events/count-by/day", body) == [
        {
            "value": "2026-01-05T00:00:00Z",
            "label": "2026-01-05T00:00:00Z",
            "count": 3,
            "start_time": "2026-01-05T00:00:00Z",
            "end_time": "2026-01-06T00:00:00Z",
        }
    ]


def test_events_are_counted_by_name_and_by_resource_under_its_newest_label(api, tickets):
    wanted = {"filter": {"resource": {"id_prefix": ["ticket.", "dog."]}}}
    by_event = api.post("/events/count-by/event", wanted)
    assert [(one["value"], one["count"]) for one in by_event] == [
        ("t.a", 1),
        ("t.b", 1),
        ("t.c", 1),
        ("x.d", 1),
    ]
    by_resource = api.post("/events/count-by/resource", wanted)
    assert [(one["value"], one["label"], one["count"]) for one in by_resource] == [
        ("ticket.1", "new", 2),
        ("dog.1", "dog.1", 1),
        ("ticket.22", "ticket.22", 1),
    ]
    assert by_resource[0]["start_time"] < by_resource[0]["end_time"]


@pytest.mark.parametrize(
    ("countable", "body"),
    [
        ("colour", {}),
        ("time", {"time_unit": "second"}),
        ("time", {"time_interval": 0.001}),
        ("time", {"time_unit": "year"}),
    ],
)
def test_counts_have_limits(api, countable, body):
    api.post(f"/events/count-by/{countable}", body, 422)
