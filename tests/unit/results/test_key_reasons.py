"""A miss says why: which part of the key changed since the last runs of the task."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from penstock import flow, task
from penstock._results.key_memory import KEPT, KeyMemory
from penstock._results.misses import EarlierKey, explain
from penstock.cache_policies import (
    DEFAULT,
    FLOW_PARAMETERS,
    INPUTS,
    NO_CACHE,
    RUN_ID,
    TASK_SOURCE,
    CachePolicy,
)
from penstock.settings import temporary_settings

NOTHING_YET = "nothing is stored yet: no earlier run of this task is known here"


@pytest.fixture(autouse=True)
def storage(tmp_path: Path):
    with temporary_settings({"results_local_storage_path": tmp_path / "storage"}):
        yield tmp_path / "storage"


@pytest.fixture
def outcomes(rows) -> Callable[[str], list[tuple[str, str | None]]]:
    def read(name: str) -> list[tuple[str, str | None]]:
        found = rows(f"SELECT outcome, reason FROM cache_keys WHERE task_name = '{name}' ORDER BY at_us, seq")
        return [(row["outcome"], row["reason"]) for row in found]

    return read


def cache_lines(witness: Any) -> list[tuple[int, str]]:
    return [(level, message) for level, message in witness.logs if message.startswith("Cache ")]


def test_hits_and_misses_are_on_record_with_what_changed(outcomes, rows) -> None:
    @task(cache_policy=INPUTS, name="reasons-inputs")
    def work(df: Any, n: int) -> int:
        return n

    for arguments in (([1], 1), ([1], 1), ([2], 1), ([2], 3), ([2], 1)):
        work(*arguments)

    assert outcomes("reasons-inputs") == [
        ("miss", NOTHING_YET),
        ("hit", None),
        ("miss", "input `df` changed"),
        ("miss", "input `n` changed"),
        ("hit", None),
    ]
    [parts] = rows(
        "SELECT DISTINCT json_keys(parts) AS names FROM cache_keys WHERE task_name = 'reasons-inputs'"
    )
    assert parts["names"] == ["input df", "input n"]


def test_a_changed_source_tells_how_many_lines(outcomes) -> None:
    def versions() -> tuple[Any, Any]:
        def total(x: int) -> int:
            return x + 1

        first = total

        def total(x: int) -> int:  # type: ignore[no-redef]  # the second edition
            if x:
                x += 1
            return x + 1

        return first, total

    for fn in versions():
        task(fn, cache_policy=TASK_SOURCE, name="reasons-source")(1)

    assert outcomes("reasons-source") == [
        ("miss", NOTHING_YET),
        ("miss", "source of `reasons-source` changed (+3/-1 lines)"),
    ]


def test_an_expired_result_a_refresh_and_a_lost_record_are_told_apart(outcomes, storage) -> None:
    @task(cache_policy=INPUTS, name="reasons-others")
    def work(x: int) -> int:
        return x

    work.with_options(cache_expiration=timedelta(seconds=-1))(1)
    work(1)
    work.with_options(refresh_cache=True)(1)
    for path in storage.iterdir():
        path.unlink()
    work(1)
    for path in storage.iterdir():
        path.write_bytes(b"\xff\x00 nothing of ours")
    work(1)

    found = outcomes("reasons-others")
    assert [outcome for outcome, _ in found] == ["miss", "expired", "refresh", "miss", "miss"]
    reasons = [reason or "" for _, reason in found]
    assert reasons[1].startswith("the stored result expired at 2")
    assert reasons[1].endswith(" UTC")
    assert reasons[2] == "a refresh was asked for (refresh_cache, or the setting tasks.refresh_cache)"
    assert reasons[3] == (
        "nothing changed, but no result is stored under the key: the run before did not complete, "
        "or its record was deleted or is kept elsewhere"
    )
    assert "cannot be read" in reasons[4]


def test_a_run_without_a_key_says_why(outcomes) -> None:
    import threading

    @task(cache_policy=INPUTS, name="reasons-unkeyed")
    def work(held: Any) -> None:
        return None

    work(threading.Lock())
    work.with_options(cache_key_fn=lambda run, parameters: 1 / 0)(1)
    work.with_options(cache_policy=FLOW_PARAMETERS)(1)

    (locked, failed, none) = outcomes("reasons-unkeyed")
    assert locked[0] == failed[0] == none[0] == "unkeyed"
    assert "Input 'held' is of type _thread.lock" in (locked[1] or "")
    assert "ZeroDivisionError" in (failed[1] or "")
    assert none[1] == "the cache policy gave no key"


def test_tasks_that_do_not_cache_leave_no_keys(outcomes) -> None:
    task(lambda: 1, name="reasons-none")()
    task(lambda: 1, name="reasons-none", persist_result=True, cache_policy=NO_CACHE)()

    assert outcomes("reasons-none") == []


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (FLOW_PARAMETERS, "flow parameter `n` changed"),
        (INPUTS + RUN_ID, "another run (the policy counts RUN_ID)"),
        (DEFAULT, "another run (the policy counts RUN_ID)"),
        (
            CachePolicy.from_cache_key_fn(lambda run, parameters: f"k{os.urandom(4).hex()}"),
            "cache_key_fn changed",
        ),
    ],
)
def test_every_policy_has_its_words(policy, expected, outcomes) -> None:
    name = f"reasons-{os.urandom(4).hex()}"
    step = task(lambda: 1, name=name, cache_policy=policy, persist_result=True)

    @flow
    def run(n: int) -> None:
        step()

    run(1)
    run(2)

    assert outcomes(name) == [("miss", NOTHING_YET), ("miss", expected)]


def test_a_policy_of_the_users_own_is_one_part(outcomes) -> None:
    class Weekly(CachePolicy):
        week = 1

        def compute_key(self, task_ctx, inputs, flow_parameters, **kwargs):
            return f"week-{Weekly.week}"

    step = task(lambda: 1, name="reasons-own", cache_policy=Weekly() + INPUTS)
    step()
    Weekly.week = 2
    step()

    assert outcomes("reasons-own")[-1] == ("miss", "policy Weekly changed")


def test_a_miss_of_a_task_that_has_run_before_is_in_the_log_once_a_flow_run(witness) -> None:
    step = task(lambda x: x, name="reasons-log", cache_policy=INPUTS)

    @flow
    def run(first: int) -> None:
        step.map(range(first, first + 5)).wait()

    with temporary_settings({"logging_level": "INFO"}):
        run(0)
        run(0)
        run(10)

    told = [message for level, message in cache_lines(witness) if level >= logging.INFO]
    assert told == ["Cache miss: input `x` changed"]


def test_the_nearest_earlier_key_is_compared_not_the_last() -> None:
    earlier = [
        EarlierKey("k2", {"input a": "9", "input b": "9"}),
        EarlierKey("k1", {"input a": "1", "input b": "1"}),
    ]

    reason = explain("t", "k3", {"input a": "1", "input b": "2"}, {}, earlier, {})

    assert reason == "input `b` changed"


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ({"module pandas": "2.2.3"}, {"module pandas": "2.3.0"}, "module pandas 2.2.3 -> 2.3.0"),
        ({}, {"helper clean": "1"}, "helper `clean` is new"),
        ({"helper clean": "1"}, {}, "helper `clean` is no longer used"),
        ({"global N": "1"}, {"global N": "2"}, "global `N` changed"),
        (
            {"input a": "1", "source": "1", "helper h": "1"},
            {"input a": "2", "source": "2", "helper h": "2"},
            "source of `t` changed; helper `h` changed; input `a` changed",
        ),
        (
            {f"input {n}": "1" for n in range(8)},
            {f"input {n}": "2" for n in range(8)},
            "; ".join(f"input `{n}` changed" for n in range(6)) + "; and 2 more",
        ),
    ],
)
def test_changes_are_told_the_most_telling_first(before, now, expected) -> None:
    assert explain("t", "new", now, {}, [EarlierKey("old", before)], {}) == expected


def test_the_memory_keeps_the_newest_keys_and_only_texts_in_use(tmp_path) -> None:
    for number in range(KEPT + 3):
        KeyMemory(tmp_path, "t").remember(f"k{number}", {"source": f"d{number}"}, {f"d{number}": "text"})
    memory = KeyMemory(tmp_path, "t")

    assert [run.key for run in memory.earlier] == [f"k{number}" for number in reversed(range(3, KEPT + 3))]
    assert set(memory.texts) == {f"d{number}" for number in range(3, KEPT + 3)}
    assert KeyMemory(tmp_path, "another").earlier == []
    [path] = (tmp_path / "keys").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_memory_begins_anew(tmp_path) -> None:
    KeyMemory(tmp_path, "t").remember("k", {}, {})
    [path] = (tmp_path / "keys").iterdir()
    for damage in (b"{", b"[]", b'{"runs": [1], "texts": {}}'):
        path.write_bytes(damage)
        assert KeyMemory(tmp_path, "t").earlier == []
    KeyMemory(tmp_path / "missing", "t").remember("k", {}, {})
    assert not (tmp_path / "missing").exists()
