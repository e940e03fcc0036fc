"""Decisions hold once they are journalled; the commit of their rows follows, and readers wait for it."""

from __future__ import annotations

import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from penstock._store import decisions
from penstock._values.states import StateType

from .events import hello, logs
from .inside import opened

NAME = "box-1-1-aa"


@pytest.fixture
def store(home):
    with opened(home) as inside:
        yield inside


@contextmanager
def held_up(store):
    """Let nothing be committed inside."""
    arrived, free = threading.Event(), threading.Event()

    def wait() -> None:
        arrived.set()
        assert free.wait(60)

    with ThreadPoolExecutor(1) as other:
        end = other.submit(store.core.commits.between, wait)
        assert arrived.wait(60)
        try:
            yield free
        finally:
            free.set()
            end.result(60)


def new_run(store) -> str:
    return store.call(lambda core: decisions.create(core, {"flow_name": "f"}, None)[0].id)


def names(store, run: str):
    return store.read("SELECT flow_name FROM runs WHERE id = ?", run)


def test_a_decision_is_answered_before_its_commit_and_readers_wait_for_it(store):
    with held_up(store) as free, ThreadPoolExecutor(1) as reader:
        run = new_run(store)
        reading = reader.submit(names, store, run)
        assert store.call(lambda core: core.run(run).state.type) is StateType.PENDING
        assert not reading.done()
        free.set()
        assert reading.result(60) == [("f",)]


def test_lines_of_a_client_are_acknowledged_after_their_commit(store):
    with held_up(store) as free:
        mark = store.core.ingest(NAME, b"".join([hello(), *logs(1, 9)]))
        asked = store.core.call(lambda core: core.mark(NAME))
        new_run(store)
        assert (mark.done(), asked.done()) == (False, False)
        free.set()
        assert (mark.result(60), asked.result(60)) == (9, 9)


def test_an_answered_decision_outlives_a_store_that_never_committed_it(store, home, tmp_path):
    with held_up(store):
        run = new_run(store)
        # What a kill at this moment would leave behind.
        subprocess.run(["cp", "-r", str(home), str(tmp_path / "killed")], check=True)
    with opened(tmp_path / "killed") as successor:
        assert names(successor, run) == [("f",)]


def test_a_run_that_memory_has_forgotten_is_found_again(store, monkeypatch):
    monkeypatch.setattr("penstock._store.core._REMEMBERED", 2)
    runs = [new_run(store) for _ in range(4)]
    for run in runs:
        store.call(lambda core, run=run: decisions.crash_flow_run(core, core.run(run), "gone"))
    new_run(store)
    assert store.call(lambda core: len(core.runs)) < 5
    types = [store.call(lambda core, run=run: core.run(run).state.type) for run in runs]
    assert types == [StateType.CRASHED] * 4
