"""Cache keys and their reasons are the same on every runner, and SQL shows them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import cloudpickle
import pytest

from penstock import flow, task
from penstock._link.session import current_session
from penstock.cache_policies import INPUTS, TASK_SOURCE

from .conftest import WORDS
from .support import CLI, eventually, rows

cloudpickle.register_pickle_by_value(sys.modules[__name__])

OFFSET = 1


def clean(x):
    return x + OFFSET


def keyed(name):
    @task(name=name, cache_policy=INPUTS + TASK_SOURCE)
    def step(x, frame):
        return clean(x)

    return step


def in_flow(runner, step, x, frame):
    @flow(task_runner=runner)
    def run():
        return step.submit(x, frame).result()

    return run()


def said(name, count):
    query = f"""
        SELECT outcome, reason, key, json_keys(parts) AS parts FROM cache_keys
        WHERE task_name = '{name}' ORDER BY at_us
    """

    def found():
        current_session().drain(5)
        answer = rows(query)
        return answer if len(answer) == count else None

    return eventually(found)


@pytest.mark.parametrize("word", WORDS)
def test_every_runner_makes_the_same_keys_and_reasons(word, shared, monkeypatch):
    name = f"keyed-{word}"
    step, runner = keyed(name), shared(word)
    in_flow(runner, step, 1, {"a": [word, 1]})
    in_flow(runner, step, 1, {"a": [word, 1]})
    in_flow(runner, step, 1, {"a": [word, 2]})
    monkeypatch.setitem(globals(), "OFFSET", 2)
    in_flow(runner, step, 1, {"a": [word, 2]})
    records = said(name, 4)

    assert [(record["outcome"], record["reason"]) for record in records] == [
        ("miss", "nothing is stored yet: no earlier run of this task is known here"),
        ("hit", None),
        ("miss", "input `frame` changed"),
        ("miss", "global `OFFSET` changed"),
    ]
    assert sorted(records[0]["parts"]) == [
        "global OFFSET",
        "helper clean",
        "input frame",
        "input x",
        "source",
    ]
    keys = [record["key"] for record in records]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_penstock_sql_shows_why_a_task_ran_again(shared):
    step = keyed("keyed-shell")
    for number in (1, 2):
        in_flow(shared("threads"), step, number, None)
    said("keyed-shell", 2)
    query = "select task_name, outcome, reason from cache_keys where task_name = 'keyed-shell' order by at_us"
    done = subprocess.run(
        [*CLI, "sql", "--json", query], env=os.environ, capture_output=True, text=True, timeout=60, check=True
    )

    assert [(row["outcome"], row["reason"]) for row in json.loads(done.stdout)] == [
        ("miss", "nothing is stored yet: no earlier run of this task is known here"),
        ("miss", "input `x` changed"),
    ]
