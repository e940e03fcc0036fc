"""What the cache would find is told without running anything."""

from __future__ import annotations

import pytest

from penstock import flow, task
from penstock._engine.cache_keys import foresee
from penstock.cache_policies import INPUTS, NO_CACHE


def double(n):
    ran.append(n)
    return 2 * n


ran: list[int] = []
cached = task(cache_policy=INPUTS, persist_result=True)(double)


@pytest.fixture(autouse=True)
def fresh(own_home):
    """A workspace in which nothing has run."""
    ran.clear()


def test_before_the_first_run_nothing_is_stored():
    assert foresee(cached, {"n": 1}) == (
        "miss",
        "nothing is stored yet: no earlier run of this task is known here",
    )
    assert ran == []


def test_after_a_run_it_would_be_found_and_another_input_is_named():
    flow(lambda: cached(1), name="once")()
    assert foresee(cached, {"n": 1}) == ("hit", "")
    assert foresee(cached, {"n": 2}) == ("miss", "input `n` changed")
    assert foresee(cached, {"n": 2}) == ("miss", "input `n` changed"), "asking leaves nothing behind"
    assert ran == [1]


@pytest.mark.parametrize(
    ("options", "outcome", "said"),
    [
        ({"refresh_cache": True}, "refresh", "a refresh was asked for"),
        ({"cache_policy": NO_CACHE}, "off", "it does not cache"),
        ({"persist_result": False}, "off", "it does not cache"),
    ],
    ids=["refresh", "no policy", "not stored"],
)
def test_options_decide_first(options, outcome, said):
    found, why = foresee(cached.with_options(**options), {"n": 1})
    assert found == outcome
    assert said in why


def test_an_input_without_content_makes_no_key():
    found, why = foresee(cached, {"n": (one for one in [1])})
    assert found == "unkeyed"
    assert "Input 'n'" in why
