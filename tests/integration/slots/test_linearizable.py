"""Slots taken and given back by many processes at once behave as if one after another (T12)."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.slow
#: Operations of each of 8 processes.
OPERATIONS, NIGHTLY = 25, 1000


def test_at_no_instant_are_there_more_holders_than_slots(limit, begin, folder, rows, pytestconfig):
    """A history is right when, with each taking put at its end and each giving back at its start, nobody is too many.

    That is the order that leaves most room: if it does not fit, no order does, and if it fits, it is an order.
    """
    limits = [limit(2), limit(3), limit(4)]
    count = NIGHTLY if pytestconfig.getoption("--nightly") else OPERATIONS
    files = [folder / f"{seed}.jsonl" for seed in range(8)]
    processes = [
        begin("contender", seed, count, path, *(one.name for one in limits))
        for seed, path in enumerate(files)
    ]
    assert [process.wait(600) for process in processes] == [0] * 8
    history = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    got = [done for done in history if done["got"]]
    assert len(history) == 8 * count
    assert len(got) > len(history) // 2
    for one in limits:
        assert 1 < _most_at_once(got, one.name) <= one.slots
        assert (one.taken, one.waited_for) == (0, 0)
        _check_what_the_store_wrote(rows, one)
    assert all(_others_were_about(done, history) for done in history if not done["got"])


def _most_at_once(got, name):
    """The highest number of slots held together, of those that are held for certain."""
    steps = [(done["got"], done["slots"]) for done in got if name in done["names"]]
    steps += [(done["gave"], -done["slots"]) for done in got if name in done["names"]]
    level = most = 0
    for _, change in sorted(steps):
        level += change
        most = max(most, level)
    assert level == 0
    return most


def _others_were_about(failed, history):
    """Somebody may be turned away only while others hold, or wait for, one of the same limits."""
    return any(
        other is not failed
        and set(other["names"]) & set(failed["names"])
        and other["asked"] < failed["ended"]
        and other["ended"] > failed["asked"]
        for other in history
    )


def _check_what_the_store_wrote(rows, limit):
    begun = rows(
        f"SELECT id, slots, seq FROM raw.lease WHERE limit_id = "
        f"(SELECT id FROM concurrency_limits WHERE name = '{limit.name}')"
    )
    ended = {row["id"]: row["seq"] for row in rows("SELECT id, seq FROM raw.lease_ended")}
    steps = [(row["seq"], row["slots"]) for row in begun]
    steps += [(ended[row["id"]], -row["slots"]) for row in begun]
    level = 0
    for _, change in sorted(steps):
        level += change
        assert 0 <= level <= limit.slots
    assert begun
    assert level == 0
