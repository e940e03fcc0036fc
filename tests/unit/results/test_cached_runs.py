"""What caching means for runs: whose keys meet, who writes last, what a cached run still is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from penstock import flow, task
from penstock._results.store import ResultStore
from penstock.cache_policies import DEFAULT, INPUTS, NO_CACHE, TASK_SOURCE
from penstock.locking.memory import MemoryLockManager
from penstock.settings import temporary_settings
from penstock.transactions import IsolationLevel


@pytest.fixture(autouse=True)
def storage(tmp_path: Path):
    with temporary_settings({"results_local_storage_path": tmp_path / "storage"}):
        yield tmp_path / "storage"


def test_configure_leaves_the_shared_policies_alone(tmp_path: Path) -> None:
    locks = MemoryLockManager()
    for policy in (DEFAULT, INPUTS, NO_CACHE):
        before = (policy.key_storage, policy.lock_manager, policy.isolation_level)
        configured = policy.configure(tmp_path, locks, IsolationLevel.SERIALIZABLE)
        after = (configured.key_storage, configured.lock_manager, configured.isolation_level)
        assert (before, after) == ((None, None, None), (tmp_path, locks, IsolationLevel.SERIALIZABLE))
        assert (policy.key_storage, policy.lock_manager, policy.isolation_level) == before
    once = INPUTS.configure(key_storage=tmp_path)
    assert once.configure(lock_manager=locks).key_storage == tmp_path


def test_code_without_a_source_file_is_told_apart_by_what_it_does() -> None:
    """As in a REPL, and in a cell whose text is gone."""

    def made(body: str) -> Any:
        namespace: dict[str, Any] = {}
        exec(f"def work(x):\n    return {body}", namespace)
        return task(cache_policy=INPUTS + TASK_SOURCE)(namespace["work"])

    assert [made(body)(1) for body in ("x + 1", "x + 2", "x + 1", "x - 1")] == [2, 3, 2, 0]


def test_records_can_be_kept_apart_from_values(tmp_path: Path, storage: Path) -> None:
    """Deleting a record makes the task run again; the values are untouched."""
    calls = []

    @task(cache_policy=INPUTS.configure(key_storage=tmp_path / "keys"))
    def work(x: int) -> int:
        calls.append(x)
        return x

    assert (work(1), work(1), calls) == (1, 1, [1])
    (record,) = (tmp_path / "keys").iterdir()
    (value,) = storage.iterdir()
    assert b"storage_key" in record.read_bytes()
    assert b"storage_key" not in value.read_bytes()
    record.unlink()
    assert (work(1), calls, value.exists()) == (1, [1, 1], True)


def test_a_retried_flow_finds_what_it_completed(witness) -> None:
    """The key holds the id of the flow run, which a retry keeps."""
    calls = []

    @task(persist_result=True)
    def work(x: int) -> int:
        calls.append(x)
        return x

    @flow(retries=1)
    def run() -> int:
        value = work(1)
        if len(witness.states("work")) < 4:
            raise RuntimeError("once")
        return value

    assert (run(), calls) == (1, [1])
    assert witness.states("work")[-1] == "Cached"


def test_of_two_that_run_together_the_last_to_end_is_on_record(storage) -> None:
    """READ_COMMITTED keeps nobody from working, and from overwriting."""
    inside, first_done = threading.Barrier(2), threading.Event()

    def made(name: str) -> Callable[[int], str]:
        @task(cache_key_fn=lambda *_: "shared", name=name, result_storage=storage)
        def work(x: int) -> str:
            inside.wait(20)
            if name == "second":
                first_done.wait(20)
            return f"{name} {x}"

        return work

    def first() -> None:
        made("first")(1)
        first_done.set()

    threads = [threading.Thread(target=first), threading.Thread(target=made("second"), args=(1,))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ResultStore().read("shared").result == "second 1"


def test_expiry_is_a_moment_in_utc_looked_at_when_reading() -> None:
    store = ResultStore()
    now = datetime.now(UTC)
    elsewhere = (now + timedelta(minutes=30)).astimezone(timezone(timedelta(hours=9)))
    store.write("later", key="later", expiration=elsewhere)
    store.write("over", key="over", expiration=now - timedelta(microseconds=1))
    assert (store.exists("later"), store.exists("over")) == (True, False)

    calls = []
    shared: dict[str, Any] = {"cache_key_fn": lambda *_: "k", "name": "work"}
    short = task(cache_expiration=timedelta(seconds=-1), **shared)(lambda: calls.append("short"))
    plain = task(**shared)(lambda: calls.append("plain"))
    short()
    plain()  # what it found was over
    plain()
    short()  # no expiry was written with what it finds now
    assert calls == ["short", "plain"]


def test_a_cached_run_still_links_what_it_depends_on(rows) -> None:
    @task(cache_policy=INPUTS)
    def source(x: int) -> int:
        return x

    @task
    def sink(x: int) -> int:
        return x

    @flow
    def run() -> None:
        future = source.submit(1)
        future.wait()
        assert future.state.name == "Cached"
        sink(future)

    source(1)
    state = run(return_state=True)
    runs = rows(
        f"SELECT id, task_name FROM task_runs WHERE flow_run_id = '{state.state_details.flow_run_id}'"
    )
    ids = {row["task_name"]: str(row["id"]) for row in runs}
    edges = rows(f"SELECT upstream_id FROM edges WHERE task_run_id = '{ids['sink']}'")
    assert [str(edge["upstream_id"]) for edge in edges] == [ids["source"]]
