"""Every task run is a transaction, nested in the one around it."""

# ruff: noqa: PT012  # what a failing block does on its way out is what is tested

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from penstock import flow, task
from penstock._link.client import store as store_client
from penstock._results.store import ResultStore
from penstock.cache_policies import INPUTS
from penstock.exceptions import ConfigurationError
from penstock.locking.memory import MemoryLockManager
from penstock.transactions import CommitMode, IsolationLevel, Transaction, get_transaction, transaction


def undoable(diary: Any, name: str, **options: Any) -> Any:
    """A task that writes down what becomes of it."""

    @task(name=name, **options)
    def work(value: Any = None) -> Any:
        diary.entries.append(f"run {name}")
        return value

    work.on_rollback(diary.hook(f"undo {name}"))
    work.on_commit(diary.hook(f"commit {name}"))
    return work


@task
def failing() -> None:
    raise ZeroDivisionError


def test_a_task_that_completed_is_undone_when_a_later_one_fails(diary, witness, rows) -> None:
    write = undoable(diary, "write")

    @flow
    def pipeline() -> None:
        with transaction():
            write()
            failing()

    with pytest.raises(ZeroDivisionError):
        pipeline()

    assert diary.entries == ["run write", "undo write"]
    assert witness.states("write") == ["Pending", "Running", "Completed", "RolledBack"]
    run_id = witness.task_runs["write"].id
    stored = rows(f"SELECT state_type, state_name FROM task_runs WHERE id = '{run_id}'")
    assert stored == [{"state_type": "COMPLETED", "state_name": "RolledBack"}]


def test_the_task_that_fails_has_nothing_to_undo(diary) -> None:
    @task
    def broken() -> None:
        raise ZeroDivisionError

    broken.on_rollback(diary.hook("undo broken"))
    broken.on_commit(diary.hook("commit broken"))

    for block in (False, True):
        with pytest.raises(ZeroDivisionError):
            if block:
                with transaction():
                    broken()
            else:
                broken()
    assert diary.entries == []


def test_on_commit_comes_after_the_end_of_the_block(diary) -> None:
    work = undoable(diary, "work")
    with transaction():
        work()
        diary.entries.append("end of block")
    assert diary.entries == ["run work", "end of block", "commit work"]


def test_a_task_on_its_own_commits_when_it_ends(diary, witness, store) -> None:
    work = undoable(diary, "work", cache_key_fn=lambda *_: "key")
    assert (work(1), work(2)) == (1, 1)
    assert diary.entries == ["run work", "commit work"]  # the second was on record already
    assert witness.states("work") == ["Pending", "Running", "Completed", "Pending", "Cached"]
    assert store.read("key").result == 1


def test_results_are_stored_when_the_block_commits(diary, store) -> None:
    first = undoable(diary, "first", cache_key_fn=lambda *_: "static-key-1")
    second = undoable(diary, "second", cache_key_fn=lambda *_: "static-key-2")

    @flow
    def both(fail: bool) -> None:
        with transaction():
            assert first("data") == "data"
            assert not store.exists("static-key-1")
            if fail:
                failing()
            second("more")
        assert store.exists("static-key-1")

    with pytest.raises(ZeroDivisionError):
        both(fail=True)
    assert not store.exists("static-key-1")
    both(fail=False)
    assert (store.read("static-key-1").result, store.read("static-key-2").result) == ("data", "more")
    assert diary.entries.count("run first") == 2


def test_what_was_cached_before_is_not_undone(diary, witness) -> None:
    work = undoable(diary, "work", cache_key_fn=lambda *_: "key")
    work(1)
    with pytest.raises(ZeroDivisionError), transaction():
        assert work(2) == 1
        failing()
    assert diary.entries == ["run work", "commit work"]
    assert witness.states("work")[-1] == "Cached"


def test_a_failure_that_is_handled_inside_the_block_undoes_nothing(diary) -> None:
    work = undoable(diary, "work")
    with transaction():
        work()
        assert failing(return_state=True).is_failed()
    assert diary.entries == ["run work", "commit work"]


def test_a_broken_hook_does_not_keep_the_others_from_running(diary, witness) -> None:
    first, second = undoable(diary, "first"), undoable(diary, "second")

    @second.on_rollback
    def broken(txn: Any) -> None:
        raise RuntimeError(str(txn))

    with pytest.raises(ZeroDivisionError), transaction():
        first()
        second()
        failing()
    assert diary.entries[2:] == ["undo second", "undo first"]
    assert witness.states("second")[-1] == witness.states("first")[-1] == "RolledBack"


def test_the_transaction_of_a_task_is_found_inside_it() -> None:
    seen: dict[str, Any] = {}

    @task
    def look() -> None:
        txn = get_transaction()
        assert txn is get_transaction()
        seen["inner"], seen["parent"] = txn, txn.get_parent() if txn else None
        seen["value"] = txn.get("name", default=None) if txn else None

    look()
    assert isinstance(seen["inner"], Transaction)
    assert (seen["parent"], seen["inner"].is_committed(), get_transaction()) == (None, True, None)

    with transaction() as block:
        block.set("name", "value")
        look()
    assert (seen["parent"], seen["value"]) == (block, "value")


def test_a_task_inside_a_task_is_undone_with_it(diary, witness) -> None:
    inner = undoable(diary, "inner")

    @task
    def outer(fail: bool) -> None:
        inner()
        if fail:
            raise ZeroDivisionError

    outer(fail=False)
    assert diary.entries == ["run inner", "commit inner"]
    assert outer(fail=True, return_state=True).is_failed()
    assert diary.entries[2:] == ["run inner", "undo inner"]
    assert witness.states("inner")[-1] == "RolledBack"


def test_a_retry_undoes_what_the_attempt_before_did(diary) -> None:
    inner = undoable(diary, "inner")

    @task(retries=1)
    def outer() -> str:
        inner()
        if diary.entries.count("run inner") == 1:
            raise ZeroDivisionError
        return "done"

    assert outer() == "done"
    assert diary.entries == ["run inner", "undo inner", "run inner", "commit inner"]


def test_a_flow_inside_a_task_stands_on_its_own(diary) -> None:
    work = undoable(diary, "work")

    @flow
    def inside() -> None:
        work()

    @task
    def outer() -> None:
        inside()
        raise ZeroDivisionError

    assert outer(return_state=True).is_failed()
    assert diary.entries == ["run work", "commit work"]

    with pytest.raises(ZeroDivisionError), transaction():
        inside()
        raise ZeroDivisionError
    assert diary.entries[2:] == ["run work", "undo work"]


def test_tasks_of_an_eager_block_commit_one_by_one(diary, store) -> None:
    work = undoable(diary, "work", persist_result=True, cache_policy=INPUTS)
    with pytest.raises(ZeroDivisionError), transaction(commit_mode=CommitMode.EAGER):
        work(1)
        failing()
    assert diary.entries == ["run work", "commit work"]


def test_async_tasks_are_undone_from_sync_and_async_code(diary, witness) -> None:
    @task
    async def work(name: str) -> None:
        await asyncio.sleep(0)
        diary.entries.append(name)

    @work.on_rollback
    async def undo(txn: Any) -> None:
        await asyncio.sleep(0)
        diary.entries.append("undo")

    @flow
    async def pipeline() -> None:
        with transaction():
            await asyncio.gather(work("a"), work("b"))
            raise ZeroDivisionError

    @flow
    def blocking() -> None:
        with transaction():
            work.submit("c").result()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(pipeline())
    assert (sorted(diary.entries[:2]), diary.entries[2:]) == (["a", "b"], ["undo", "undo"])
    with pytest.raises(ZeroDivisionError):
        blocking()
    assert diary.entries[4:] == ["c", "undo"]
    assert witness.states("work").count("RolledBack") == 3


def test_a_task_in_a_thread_belongs_to_the_block_it_was_submitted_in(diary) -> None:
    work = undoable(diary, "work")

    @flow
    def pipeline(fail: bool) -> None:
        with transaction():
            work.submit().wait()
            diary.entries.append("end of block")
            if fail:
                raise ZeroDivisionError

    pipeline(fail=False)
    assert diary.entries == ["run work", "end of block", "commit work"]
    assert pipeline(fail=True, return_state=True).is_failed()
    assert diary.entries[3:] == ["run work", "end of block", "undo work"]


@pytest.mark.parametrize("fail", [False, True])
def test_a_task_in_a_thread_that_ends_after_the_block_follows_it(diary, fail) -> None:
    go = threading.Event()

    @task
    def slow() -> None:
        go.wait(20)

    slow.on_commit(diary.hook("commit"))
    slow.on_rollback(diary.hook("undo"))

    @flow
    def pipeline() -> None:
        futures = []
        try:
            with transaction():
                futures.append(slow.submit())
                if fail:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            assert fail
        assert diary.entries == []
        go.set()
        futures[0].wait()

    pipeline()
    assert diary.entries == ["undo" if fail else "commit"]


def test_a_result_that_cannot_be_stored_undoes_a_task_that_can_be_undone(diary, witness, store) -> None:
    work = undoable(diary, "work", persist_result=True)
    plain = task(name="plain", persist_result=True)(lambda: threading.Lock())

    assert type(work(threading.Lock())) is type(threading.Lock())
    assert type(plain()) is type(threading.Lock())
    assert diary.entries == ["run work", "undo work"]
    assert (witness.states("work")[-1], witness.states("plain")[-1]) == ("RolledBack", "Completed")

    diary.entries.clear()
    other = undoable(diary, "other", cache_key_fn=lambda *_: "other")
    with transaction():
        plain()
        other(1)
    assert (diary.entries, store.exists("other")) == (["run other", "undo other"], False)


def test_values_are_dropped_from_memory_when_they_are_stored(store) -> None:
    work = task(name="work", cache_key_fn=lambda *_: "k", cache_result_in_memory=False)(lambda: [1])
    with transaction():
        state = work(return_state=True)
        assert state.data == [1]
    assert (type(state.data).__name__, state.result()) == ("StoredResult", [1])
    assert state.state_details.cache_key == "k"


def test_generator_tasks_are_transactions_too(diary, store) -> None:
    @task(cache_key_fn=lambda *_: "numbers")
    def numbers():
        yield from (1, 2)

    numbers.on_commit(diary.hook("commit"))
    numbers.on_rollback(diary.hook("undo"))
    with transaction():
        assert list(numbers()) == [1, 2]
        assert not store.exists("numbers")
    assert (store.read("numbers").result, diary.entries) == ([1, 2], ["commit"])
    assert list(numbers()) == [1, 2]
    assert diary.entries == ["commit"]


def test_hooks_survive_with_options(diary) -> None:
    undoable(diary, "work").with_options(name="other")()
    assert diary.entries == ["run work", "commit work"]


def test_a_plain_call_makes_no_transaction() -> None:
    """Nobody pays for what nobody uses."""
    plain = task(name="plain")(lambda: 1)
    called: list[str] = []

    def note(frame: Any, event: str, _: Any) -> None:
        if event == "call":
            called.append(frame.f_code.co_qualname)

    @flow
    def run() -> None:
        sys.setprofile(note)
        try:
            plain()
        finally:
            sys.setprofile(None)

    run()
    assert "TaskExecution.join" in called
    assert [name for name in called if "Transaction" in name] == []


# -- isolation


def isolated(storage: Path, **options: Any) -> Any:
    """A task whose runs with the same input wait for each other."""
    policy = INPUTS.configure(isolation_level=IsolationLevel.SERIALIZABLE, lock_manager=MemoryLockManager())
    return task(cache_policy=policy, result_storage=storage, **options)


def test_one_of_many_serializable_tasks_runs_and_the_others_are_cached(storage, witness) -> None:
    ran: list[int] = []
    start = threading.Barrier(6)

    @isolated(storage)
    def work(x: int) -> int:
        ran.append(x)
        return x + 42

    def call() -> None:
        start.wait()
        assert work(1) == 43

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = [state for state in witness.states("work") if state in ("Completed", "Cached")]
    assert (ran, sorted(names)) == ([1], ["Cached"] * 5 + ["Completed"])
    assert MemoryLockManager()._holds == {}


@pytest.mark.parametrize("end", ["error", "interrupt", "unhashable", "retry"])
def test_every_way_out_of_a_task_releases_its_lock(storage, end) -> None:
    tries = []

    @isolated(storage, retries=1 if end == "retry" else 0)
    def work(x: Any) -> None:
        tries.append(x)
        assert bool(MemoryLockManager()._holds) is (end != "unhashable")
        if end == "error" or (end == "retry" and len(tries) == 1):
            raise ZeroDivisionError
        if end == "interrupt":
            raise KeyboardInterrupt

    try:
        work(threading.Lock() if end == "unhashable" else 1)
    except (ZeroDivisionError, KeyboardInterrupt):
        assert end in ("error", "interrupt")
    assert (len(tries), MemoryLockManager()._holds) == (2 if end == "retry" else 1, {})


def test_a_run_that_may_not_begin_releases_its_lock(storage) -> None:
    """A tag with a limit of 0 keeps it from running, after it took the lock."""
    tag = f"closed-{uuid4().hex[:8]}"
    store_client().request("POST", "/api/concurrency_limits/", {"tag": tag, "concurrency_limit": 0})
    work = isolated(storage, tags=[tag])(lambda x: x)

    assert not work(1, return_state=True).is_completed()
    assert MemoryLockManager()._holds == {}


def test_async_tasks_wait_for_locks_without_blocking_the_loop(storage) -> None:
    ran: list[int] = []

    @isolated(storage)
    async def work(x: int) -> int:
        ran.append(x)
        await asyncio.sleep(0.02)
        return x

    async def main() -> list[int]:
        return await asyncio.gather(*(work(1) for _ in range(4)))

    assert (asyncio.run(main()), ran) == ([1, 1, 1, 1], [1])


def test_the_same_work_twice_in_a_block_is_done_once(storage, witness) -> None:
    """The first keeps its lock until the block ends, so the second takes what is staged."""

    @isolated(storage)
    def work(x: int) -> list[int]:
        return [x]

    with transaction():
        assert work(1) == work(1) == [1]
    assert witness.states("work") == ["Pending", "Running", "Completed", "Pending", "Cached"]


def test_tasks_take_the_locks_of_the_block_around_them(storage) -> None:
    store = ResultStore(storage, lock_manager=MemoryLockManager())

    @task(cache_key_fn=lambda *_: "inner", result_storage=storage)
    def work() -> None:
        assert store.is_locked("inner")

    with transaction(store=store, isolation_level=IsolationLevel.SERIALIZABLE):
        work()
        assert store.is_locked("inner")
    assert not store.is_locked("inner")


def test_a_serializable_policy_without_locks_fails_the_run() -> None:
    work = task(name="work", cache_policy=INPUTS.configure(isolation_level="SERIALIZABLE"))(lambda: 1)
    state = work(return_state=True)
    assert state.is_failed()
    with pytest.raises(ConfigurationError, match="needs a lock manager"):
        state.result()
