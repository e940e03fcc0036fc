"""The same flow on threads, Dask and Ray, chosen by one word, leaves the same records."""

from __future__ import annotations

import pytest

from . import sample_flow
from .conftest import WORDS
from .records import recorded
from .support import settled

CLUSTERS = WORDS[1:]
TASKS = 17


def run_on(runner):
    run_id, values = sample_flow.everything.with_options(task_runner=runner)()
    settled(run_id, TASKS)
    return values, recorded(run_id)


@pytest.fixture(scope="module")
def on_threads(shared):
    return run_on(shared("threads"))


def test_threads_do_what_the_flow_says(on_threads):
    values, records = on_threads
    assert values == {
        "doubled": [2, 4, 6],
        "nested": 12,
        "steady": "steady",
        "failed": "ValueError('boom')",
        "told": "ValueError: boom",
        "sums": [499500.0, 1499500.0, 2499500.0, 3499500.0],
        "said": ["one", "two"],
        "last": "after",
        "bytes": 16_000_000,
        "blocked": "NotReady",
    }
    assert records["runs"] == [{"flow_name": "everything", "state_name": "Completed", "run_count": 1}]


@pytest.mark.parametrize("word", CLUSTERS)
def test_a_cluster_leaves_the_same_records(word, shared, on_threads):
    assert run_on(shared(word)) == on_threads
