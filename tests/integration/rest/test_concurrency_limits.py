"""Concurrency limits over REST: v2 (by name, with and without leases) and v1 (by tag, for task runs)."""

from __future__ import annotations

from uuid import uuid4

import pytest

V2 = "/v2/concurrency_limits"
V1 = "/concurrency_limits"


def name_of(word):
    return f"{word}-{uuid4().hex[:8]}"


@pytest.fixture
def limit(api):
    """Make a limit; returns its name."""

    def make(slots, **fields):
        name = name_of("limit")
        api.post(f"{V2}/", {"name": name, "limit": slots, **fields})
        return name

    return make


def active(api, name):
    return api.get(f"{V2}/{name}")["active_slots"]


def lease(api, name, slots=1, status=None, **more):
    return api.post(f"{V2}/increment-with-lease", {"names": [name], "slots": slots, **more}, status)


def test_a_limit_is_made_read_changed_and_deleted_by_name_and_id(api):
    name = name_of("db")
    made = api.post(f"{V2}/", {"name": name, "limit": 3, "slot_decay_per_second": 0.5}, 201)
    read = api.get(f"{V2}/{name}")
    assert read == {key: made[key] for key in read}
    assert (read["limit"], read["active"], read["active_slots"]) == (3, True, 0)
    api.patch(f"{V2}/{made['id']}", {"limit": 7, "active": False})
    assert api.get(f"{V2}/{made['id']}") == {**read, "limit": 7, "active": False} | {
        "updated": api.get(f"{V2}/{name}")["updated"]
    }
    assert name in [one["name"] for one in api.post(f"{V2}/filter", {})]
    api.delete(f"{V2}/{name}")
    api.get(f"{V2}/{name}", 404)


def test_a_name_is_taken_once(api, limit):
    name = limit(1)
    api.post(f"{V2}/", {"name": name, "limit": 1}, 409)
    other = limit(1)
    api.request("PATCH", f"/api{V2}/{other}", json={"name": name})
    assert api.get(f"{V2}/{other}")["name"] == other


def test_slots_run_out_and_the_answer_says_when_to_come_back(api, limit):
    name = limit(2)
    assert [one["name"] for one in api.post(f"{V2}/increment", {"names": [name], "slots": 2})] == [name]
    refused = api.request("POST", f"/api{V2}/increment", json={"names": [name], "slots": 1})
    assert refused.status_code == 423
    assert 0 < float(refused.headers["retry-after"]) <= 30
    api.post(f"{V2}/decrement", {"names": [name], "slots": 1, "occupancy_seconds": 0.5})
    assert active(api, name) == 1
    api.post(f"{V2}/decrement", {"names": [name], "slots": 9})
    assert active(api, name) == 0


def test_several_limits_are_taken_together_or_not_at_all(api, limit):
    wide, narrow = limit(5), limit(1)
    lease(api, narrow)
    api.post(f"{V2}/increment", {"names": [wide, narrow], "slots": 1}, 423)
    api.post(f"{V2}/increment-with-lease", {"names": [wide, narrow], "slots": 1}, 423)
    assert (active(api, wide), active(api, narrow)) == (0, 1)


@pytest.mark.parametrize("body", [{"slots": 3}, {"slots": 1, "mode": "rate_limit"}, {"slots": 0}])
def test_what_can_never_be_granted_is_refused(api, limit, body):
    name = limit(2)
    for path in ("increment", "increment-with-lease"):
        api.post(f"{V2}/{path}", {"names": [name], **body}, 422)
    assert active(api, name) == 0


def test_a_lease_is_renewed_while_it_lives_and_ended_once(api, limit):
    name = limit(1)
    holder = {"type": "flow_run", "id": str(uuid4())}
    made = lease(api, name, holder=holder, lease_duration=60)
    api.post(f"{V2}/leases/{made['lease_id']}/renew", {"lease_duration": 90}, 204)
    shown = api.database.records(
        "SELECT holder_type, holder_id::VARCHAR AS id, slots FROM concurrency_limit_holders WHERE limit_name = ?",
        [name],
    )
    assert shown == [{"holder_type": "flow_run", "id": holder["id"], "slots": 1}]
    for _ in range(2):
        api.post(f"{V2}/decrement-with-lease", {"lease_id": made["lease_id"]}, 204)
    api.post(f"{V2}/leases/{made['lease_id']}/renew", {}, 410)
    assert active(api, name) == 0


@pytest.mark.parametrize("seconds", [59, 86_401])
def test_a_lease_lasts_between_a_minute_and_a_day(api, limit, seconds):
    lease(api, limit(1), lease_duration=seconds, status=422)


def test_a_lease_that_is_not_renewed_ends(api, limit):
    from penstock._store import slot_decisions

    name = limit(1)
    made = lease(api, name, lease_duration=60)
    deadline = api.core.slots.leases[made["lease_id"]].deadline
    assert api.core.call(lambda core: slot_decisions.expire(core, deadline - 1)).result() == 0
    assert api.core.call(lambda core: slot_decisions.expire(core, deadline)).result() == 1
    assert active(api, name) == 0


def test_slots_of_a_rate_limit_come_back_by_themselves(api, limit, eventually):
    name = limit(2, slot_decay_per_second=1)
    body = {"names": [name], "slots": 2, "mode": "rate_limit"}
    api.post(f"{V2}/increment", body)
    refused = api.request("POST", f"/api{V2}/increment", json=body)
    assert refused.status_code == 423
    assert 0 < float(refused.headers["retry-after"]) <= 2
    eventually(lambda: active(api, name) == 0)
    api.post(f"{V2}/increment", body, 200)


def test_taking_and_giving_back_are_events_of_each_limit(api, limit):
    names, run = [limit(1), limit(2)], str(uuid4())
    ids = [api.get(f"{V2}/{name}")["id"] for name in names]
    body = {"names": names, "slots": 1, "holder": {"type": "task_run", "id": run}}
    made = api.post(f"{V2}/increment-with-lease", body)
    api.post(f"{V2}/decrement-with-lease", {"lease_id": made["lease_id"]}, 204)
    resource = f"prefect.concurrency-limit.{ids[0]}"
    found = api.post("/events/filter", {"filter": {"resource": {"id": [resource]}}})["events"]
    released, acquired = sorted(found, key=lambda event: event["occurred"], reverse=True)
    assert (acquired["event"], released["event"]) == (
        "prefect.concurrency-limit.acquired",
        "prefect.concurrency-limit.released",
    )
    assert acquired["resource"] == {
        "prefect.resource.id": resource,
        "prefect.resource.name": names[0],
        "slots-acquired": "1",
        "limit": "1",
    }
    assert [one["prefect.resource.id"] for one in acquired["related"]] == [
        f"prefect.concurrency-limit.{ids[1]}",
        f"prefect.task-run.{run}",
    ]
    assert released["follows"] == acquired["id"]


def test_an_inactive_limit_takes_no_slots(api, limit):
    name = limit(1, active=False)
    api.post(f"{V2}/increment", {"names": [name], "slots": 5}, 200)
    lease(api, name, slots=5)
    assert active(api, name) == 0


def test_unknown_names_are_left_out(api, limit):
    name = limit(1)
    granted = api.post(f"{V2}/increment", {"names": [name, "no-such-limit"], "slots": 1})
    assert [one["name"] for one in granted] == [name]


def test_slots_set_by_hand_end_the_oldest_leases(api, limit):
    name = limit(5)
    first, second = lease(api, name, 2), lease(api, name, 2)
    api.patch(f"{V2}/{name}", {"active_slots": 3})
    assert active(api, name) == 3
    api.post(f"{V2}/leases/{first['lease_id']}/renew", {}, 410)
    api.post(f"{V2}/leases/{second['lease_id']}/renew", {}, 204)


def test_a_lower_limit_ends_nothing_and_lets_nobody_in(api, limit):
    name = limit(3)
    lease(api, name, 3)
    api.patch(f"{V2}/{name}", {"limit": 1})
    assert active(api, name) == 3
    lease(api, name, status=423)


def test_a_limit_that_stops_to_decay_forgets_what_decayed(api, limit):
    name = limit(3, slot_decay_per_second=0.001)
    api.post(f"{V2}/increment", {"names": [name], "slots": 2})
    api.patch(f"{V2}/{name}", {"slot_decay_per_second": 0.0})
    assert active(api, name) == 0


def test_a_tag_has_a_limit_that_is_a_global_one(api):
    tag, run = name_of("tag"), str(uuid4())
    made = api.post(f"{V1}/", {"tag": tag, "concurrency_limit": 1}, 201)
    assert api.post(f"{V1}/", {"tag": tag, "concurrency_limit": 2}, 200)["id"] == made["id"]
    assert api.get(f"{V2}/tag:{tag}")["limit"] == 2
    api.post(f"{V1}/increment", {"names": [tag], "task_run_id": run}, 200)
    assert api.get(f"{V1}/tag/{tag}")["active_slots"] == [run]
    assert api.get(f"{V1}/{made['id']}")["active_slots"] == [run]
    assert [one["tag"] for one in api.post(f"{V1}/filter", {}) if one["tag"] == tag] == [tag]
    api.post(f"{V1}/decrement", {"names": [tag], "task_run_id": run}, 200)
    assert api.get(f"{V1}/tag/{tag}")["active_slots"] == []
    api.delete(f"{V1}/tag/{tag}", 200)
    api.get(f"{V1}/tag/{tag}", 404)


def test_the_slots_of_a_tag_can_be_reset(api):
    tag, runs = name_of("tag"), [str(uuid4()) for _ in range(3)]
    api.post(f"{V1}/", {"tag": tag, "concurrency_limit": 2})
    for run in runs[:2]:
        api.post(f"{V1}/increment", {"names": [tag], "task_run_id": run})
    api.post(f"{V1}/increment", {"names": [tag], "task_run_id": runs[2]}, 423)
    api.post(f"{V1}/tag/{tag}/reset", {"slot_override": runs[1:]})
    assert sorted(api.get(f"{V1}/tag/{tag}")["active_slots"]) == sorted(runs[1:])
    api.post(f"{V1}/tag/{tag}/reset", {})
    assert api.get(f"{V1}/tag/{tag}")["active_slots"] == []


def test_a_tag_with_a_limit_of_nothing_turns_everybody_away_for_good(api):
    tag = name_of("tag")
    api.post(f"{V1}/", {"tag": tag, "concurrency_limit": 0})
    reply = api.request("POST", f"/api{V1}/increment", json={"names": [tag], "task_run_id": str(uuid4())})
    assert (reply.status_code, reply.headers.get("retry-after")) == (423, None)


def test_the_view_shows_what_the_api_answers(api, limit):
    name = limit(4)
    lease(api, name, 2)
    api.post(f"{V2}/increment", {"names": [name], "slots": 1})
    seen = api.database.records("FROM concurrency_limits WHERE name = ?", [name])[0]
    said = api.get(f"{V2}/{name}")
    assert {key: seen[key] for key in ("limit", "active", "active_slots", "slot_decay_per_second")} == {
        key: said[key] for key in ("limit", "active", "active_slots", "slot_decay_per_second")
    }
    assert said["active_slots"] == 3
