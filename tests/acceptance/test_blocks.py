"""A block holds the tasks that were submitted in it, wherever they work."""

from __future__ import annotations

import os

import pytest

from penstock import flow, task
from penstock._results.store import ResultStore
from penstock.transactions import transaction

from .conftest import WORDS
from .support import rows, settled


@pytest.mark.parametrize("word", WORDS)
def test_results_of_a_block_are_stored_or_undone_together(shared, word, tmp_path) -> None:
    store, said = ResultStore(tmp_path), []

    @task(cache_key_fn=lambda _, given: f"key-{given['number']}", result_storage=tmp_path)
    def work(number: int) -> tuple[int, int]:
        return number, os.getpid()

    @work.on_commit
    def committed(txn) -> None:
        said.append(("commit", os.getpid()))

    @work.on_rollback
    def undone(txn) -> None:
        said.append(("undo", os.getpid()))

    @flow(task_runner=shared(word))
    def pipeline(fail: bool) -> list[tuple[int, int]]:
        with transaction():
            values = [future.result() for future in [work.submit(1), *work.map([2])]]
            stored_before_the_end = store.exists("key-1")
            if fail:
                raise ZeroDivisionError
        assert store.exists("key-1")
        assert not stored_before_the_end
        return values

    here = os.getpid()
    failed = pipeline(fail=True, return_state=True)
    assert (said, store.exists("key-1"), store.exists("key-2")) == ([("undo", here)] * 2, False, False)
    run_id = failed.state_details.flow_run_id
    settled(run_id, 2)
    states = f"SELECT state_name, count(*) AS n FROM task_runs WHERE flow_run_id = '{run_id}' GROUP BY 1"
    assert rows(states) == [{"state_name": "RolledBack", "n": 2}]

    said.clear()
    values = pipeline(fail=False)
    assert said == [("commit", here)] * 2
    assert [number for number, _ in values] == [1, 2]
    assert (word == "threads") is (values[0][1] == here)
    assert [store.read(f"key-{n}").result for n in (1, 2)] == values

    said.clear()
    again = pipeline.with_options(name="again")
    with transaction():
        assert again(fail=True, return_state=True).is_failed()  # what was on record is not undone
    assert (said, store.exists("key-1")) == ([], True)
