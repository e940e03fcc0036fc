"""Who gets slots: the pure rules, checked against a simple model over random histories."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock._rules.slots import (
    Limit,
    Request,
    active_slots,
    admit,
    level_at,
    refusal,
    retry_after,
    seconds_until_due,
)

SECOND = 1_000_000
DB = Limit("db", "db", 2)
API = Limit("api", "api", 5, decay=2.0)
BOTH = {"db": DB, "api": API}


def ask(number, *names, slots=1, mode="concurrency"):
    return Request(str(number), names or ("db",), slots, mode, asked_us=number)


def granted(limits, queue, held=None, now_us=0):
    return [request.id for request in admit(limits, held or {}, queue, now_us).granted]


def test_no_more_are_let_in_than_there_are_slots():
    assert granted(BOTH, [ask(1), ask(2), ask(3)]) == ["1", "2"]
    assert granted(BOTH, [ask(1), ask(2)], held={"db": 1}) == ["1"]


def test_a_request_gets_slots_of_all_its_limits_or_of_none():
    assert granted(BOTH, [ask(1, "db", "api", slots=2)], held={"api": 4}) == []
    assert granted(BOTH, [ask(1, "db", "api", slots=2)], held={"api": 3}) == ["1"]


def test_nobody_overtakes_who_waits_for_the_same_limit():
    assert granted(BOTH, [ask(1, slots=2), ask(2)], held={"db": 1}) == []


def test_who_waits_for_another_limit_is_no_obstacle():
    assert granted(BOTH, [ask(1, slots=2), ask(2, "api")], held={"db": 1}) == ["2"]


def test_limits_that_are_missing_or_inactive_hold_nobody_back():
    off = {"db": replace(DB, limit=0, active=False)}
    assert granted(off, [ask(1, "db", "nothing", slots=9)]) == ["1"]


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (ask(1, slots=3), "but it has 2"),
        (ask(1, mode="rate_limit"), "is no rate limit"),
    ],
)
def test_what_can_never_be_granted_is_refused_and_not_in_the_way(request_, words):
    reason = refusal(BOTH, request_)
    assert reason is not None
    assert words in reason
    admission = admit(BOTH, {}, [request_, ask(2)], 0)
    assert admission.refused == ((request_, reason),)
    assert [one.id for one in admission.granted] == ["2"]


def test_a_level_falls_with_time_and_never_below_nothing():
    full = replace(API, level=5.0, level_us=10 * SECOND)
    assert [level_at(full, at * SECOND) for at in (9, 10, 11, 20)] == [5.0, 5.0, 3.0, 0.0]
    assert active_slots(full, 1, 10 * SECOND + SECOND // 4) == 1 + 5


def test_decay_alone_lets_somebody_go_after_the_time_it_takes():
    full = replace(API, level=5.0)
    queue = [ask(1, "api", slots=3, mode="rate_limit")]
    assert seconds_until_due({"api": full}, {}, queue, 0) == 1.5
    assert granted({"api": full}, queue, now_us=1_499_999) == []
    assert granted({"api": full}, queue, now_us=1_500_000) == ["1"]


def test_what_only_the_end_of_a_lease_can_help_is_not_due():
    assert seconds_until_due(BOTH, {"db": 2}, [ask(1)], 0) is None


def test_advice_on_when_to_try_again_stays_within_its_bounds():
    assert retry_after(DB, 1, 0, 8.0, 30.0, 1.0) == 4.0
    assert retry_after(DB, 1, 1000, 8.0, 30.0, 1.0) == 30.0
    assert retry_after(DB, 1, 0, 8.0, 30.0, 0.0) == 2.0
    assert retry_after(API, 4, 6, 8.0, 30.0, 1.0) == 5.0


_NAMES = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3, unique=True)
_REQUESTS = st.lists(st.tuples(_NAMES, st.integers(1, 4)), min_size=1, max_size=15)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(_REQUESTS, st.data())
def test_any_history_keeps_within_the_limits_and_ends_with_nobody_waiting(wanted, data):
    """Requests come and leases end in any order: never too many slots, never somebody who is left waiting."""
    limits = {name: Limit(name, name, size) for name, size in (("a", 4), ("b", 5), ("c", 6))}
    queue = [Request(str(n), tuple(names), slots, asked_us=n) for n, (names, slots) in enumerate(wanted)]
    living: list[Request] = []
    done = 0
    while queue or living:
        held = {name: sum(r.slots for r in living if name in r.names) for name in limits}
        assert all(held[name] <= limit.limit for name, limit in limits.items())
        let_in = admit(limits, held, queue, 0).granted
        queue = [request for request in queue if request not in let_in]
        living.extend(let_in)
        assert living, "nobody holds anything and still somebody waits"
        living.pop(data.draw(st.integers(0, len(living) - 1)))
        done += 1
    assert done == len(wanted)
