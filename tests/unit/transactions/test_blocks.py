"""Blocks: nesting, commit modes, keys, values, hooks; the same for `with` and `async with`."""

# ruff: noqa: PT012  # what a failing block does on its way out is what is tested

from __future__ import annotations

import asyncio
import contextvars
import pickle
import threading
from typing import Any

import pytest

import penstock
from penstock._results.store import ResultStore
from penstock.exceptions import ConfigurationError
from penstock.locking.filesystem import FileSystemLockManager
from penstock.locking.memory import MemoryLockManager
from penstock.transactions import (
    AsyncTransaction,
    BaseTransaction,
    CommitMode,
    IsolationLevel,
    Transaction,
    TransactionState,
    atransaction,
    get_transaction,
    transaction,
)


def staged(diary: Any, name: str, **options: Any) -> None:
    """A block whose work is done."""
    with transaction(**options) as txn:
        txn.stage(name, [diary.hook(f"undo {name}")], [diary.hook(f"commit {name}")])


def test_the_root_has_the_documented_name() -> None:
    assert penstock.Transaction is Transaction
    assert issubclass(AsyncTransaction, BaseTransaction)


def test_a_block_goes_through_its_states() -> None:
    txn = Transaction(key="a")
    assert (txn.is_pending(), get_transaction()) == (True, None)
    with txn:
        assert (txn.is_active(), get_transaction(), Transaction.get_active()) == (True, txn, txn)
        txn.stage(1)
        assert txn.is_staged()
    assert (txn.is_committed(), txn.state, get_transaction()) == (True, TransactionState.COMMITTED, None)


def test_an_error_rolls_back_and_goes_on(diary) -> None:
    with pytest.raises(KeyError, match="mine"), transaction() as txn:
        txn.stage(1, [diary.hook("first"), diary.hook("second")])
        raise KeyError("mine")
    assert (txn.is_rolled_back(), diary.entries) == (True, ["second", "first"])


def test_children_commit_first_and_are_undone_last_one_first(diary) -> None:
    with transaction() as outer:
        staged(diary, "a")
        staged(diary, "b")
        outer.stage(None, [], [diary.hook("commit outer")])
        assert diary.entries == []
    assert diary.entries == ["commit a", "commit b", "commit outer"]

    diary.entries.clear()
    with pytest.raises(ZeroDivisionError), transaction() as outer:
        staged(diary, "a")
        staged(diary, "b")
        outer.stage(None, [diary.hook("undo outer")])
        raise ZeroDivisionError
    assert diary.entries == ["undo outer", "undo b", "undo a"]


def test_an_eager_child_stays_committed(diary) -> None:
    with pytest.raises(ZeroDivisionError), transaction():
        staged(diary, "eager", commit_mode=CommitMode.EAGER)
        assert diary.entries == ["commit eager"]
        staged(diary, "lazy")
        raise ZeroDivisionError
    assert diary.entries == ["commit eager", "undo lazy"]


def test_a_mode_is_taken_over_from_outside(diary) -> None:
    with transaction(commit_mode=CommitMode.EAGER):
        with transaction() as inner:
            assert inner.commit_mode is CommitMode.EAGER
        assert inner.is_committed()
    with transaction() as root:
        assert (root.commit_mode, root.isolation_level) == (CommitMode.LAZY, IsolationLevel.READ_COMMITTED)


def test_off_rolls_back_unless_somebody_committed(diary, store) -> None:
    staged(diary, "a", commit_mode=CommitMode.OFF, key="a", store=store)
    assert (diary.entries, store.exists("a")) == (["undo a"], False)

    with transaction(commit_mode=CommitMode.OFF, key="b", store=store) as txn:
        txn.stage(2)
        assert txn.commit()
        assert not txn.commit()
        assert not txn.rollback()
    assert (txn.is_committed(), store.read("b").result) == (True, 2)


def test_a_key_makes_a_block_run_once(store) -> None:
    ran = []
    for _ in range(3):
        with transaction(key="once", store=store) as txn:
            if txn.is_committed():
                continue
            ran.append(1)
    assert (ran, store.read("once").result) == ([1], None)


def test_overwrite_ignores_the_record(store) -> None:
    for number in (1, 2):
        with transaction(key="k", store=store, overwrite=True) as txn:
            assert not txn.is_committed()
            txn.stage(number)
    assert store.read("k").result == 2


def test_no_record_is_written_when_not_asked_for(store, storage) -> None:
    with transaction(key="k", store=store, write_on_commit=False) as txn:
        txn.stage(1)
    with transaction(store=store):
        pass
    assert (txn.is_committed(), storage.exists()) == (True, False)


def test_the_record_can_be_read_inside_the_next_block(store) -> None:
    with transaction(key="k", store=store) as txn:
        assert txn.read() is None
        txn.stage({"rows": 3})
    with transaction(key="k", store=store) as txn:
        record = txn.read()
        txn.stage("not this")
        assert txn.is_committed()
    assert record is not None
    assert (record.result, store.read("k").result) == ({"rows": 3}, {"rows": 3})


def test_work_inside_a_block_that_was_done_before_is_committed_all_the_same(store, diary) -> None:
    store.write("earlier", key="k")
    with transaction(key="k", store=store):
        staged(diary, "a")
    assert diary.entries == ["commit a"]
    with pytest.raises(ZeroDivisionError), transaction(key="k", store=store):
        staged(diary, "b")
        raise ZeroDivisionError
    assert diary.entries == ["commit a", "undo b"]


def test_values_come_from_the_nearest_block_also_when_set_later() -> None:
    with transaction() as outer, transaction() as inner:
        with pytest.raises(ValueError, match="No value is called 'x'"):
            inner.get("x")
        assert inner.get("x", default=None) is None
        outer.set("x", "outer")
        assert inner.get("x") == "outer"
        inner.set("x", "inner")
        assert (inner.get("x"), outer.get("x")) == ("inner", "outer")


def test_values_are_copied_when_they_are_read() -> None:
    with transaction() as txn:
        txn.set("parts", [1, 2])
        value = txn.get("parts")
        value.append(3)
        assert txn.get("parts") == [1, 2]
        txn.set("parts", value)
        assert txn.get("parts") == [1, 2, 3]
        lock = threading.Lock()
        txn.set("uncopyable", lock)
        assert txn.get("uncopyable") is lock


def test_hooks_see_the_values_and_the_parent(diary) -> None:
    seen = []

    def undo(txn: Any) -> None:
        seen.append((txn.get("name"), txn.get_parent() is outer, txn.is_rolled_back()))

    with pytest.raises(ZeroDivisionError), transaction() as outer:
        outer.set("name", "value")
        with transaction() as inner:
            inner.stage(None, [undo])
        raise ZeroDivisionError
    assert seen == [("value", True, True)]


def test_a_hook_that_fails_is_logged_and_the_others_run(diary, caplog) -> None:
    def broken(txn: Any) -> None:
        raise RuntimeError(f"no hook today {txn}")

    caplog.set_level("INFO", logger="penstock")
    with pytest.raises(ZeroDivisionError), transaction() as txn:
        staged(diary, "a")
        txn.stage(None, [diary.hook("first"), broken, diary.hook("last")])
        raise ZeroDivisionError
    assert (diary.entries, txn.is_rolled_back()) == (["last", "first", "undo a"], True)

    with transaction() as txn:
        txn.stage(None, [], [broken, diary.hook("committed")])
    assert (diary.entries[-1], txn.is_committed()) == ("committed", True)


def test_hooks_may_be_async(diary) -> None:
    async def undo(txn: Any) -> None:
        await asyncio.sleep(0)
        diary.entries.append(f"undo {txn.get('n')}")

    with pytest.raises(ZeroDivisionError), transaction() as txn:
        txn.set("n", 1)
        txn.stage(None, [undo])
        raise ZeroDivisionError
    assert diary.entries == ["undo 1"]


def test_a_record_that_cannot_be_written_rolls_the_whole_back(store, diary, caplog) -> None:
    with transaction(key="outer", store=store) as outer:
        with transaction(key="bad", store=store) as bad:
            bad.stage(threading.Lock(), [diary.hook("undo bad")])
        with transaction(key="after", store=store) as after:
            after.stage(1, [diary.hook("undo after")])
        outer.stage(None, [diary.hook("undo outer")], [diary.hook("commit outer")])
    assert diary.entries == ["undo bad", "undo outer", "undo after"]
    assert [txn.is_rolled_back() for txn in (outer, bad, after)] == [True, True, True]
    assert not any(store.exists(key) for key in ("outer", "bad", "after"))


def test_serializable_needs_something_to_lock_with(store) -> None:
    with (
        pytest.raises(ConfigurationError, match="needs a lock manager"),
        transaction(key="k", store=store, isolation_level=IsolationLevel.SERIALIZABLE),
    ):
        pass
    assert get_transaction() is None


@pytest.fixture(params=["memory", "files"])
def locking(request, storage, tmp_path) -> ResultStore:
    locks: Any = (
        MemoryLockManager() if request.param == "memory" else FileSystemLockManager(tmp_path / "locks")
    )
    return ResultStore(storage, lock_manager=locks)


def serializable(key: str, store: ResultStore) -> Any:
    return transaction(key=key, store=store, isolation_level=IsolationLevel.SERIALIZABLE)


def test_one_of_many_serializable_blocks_works_and_the_others_find_its_record(locking) -> None:
    ran: list[int] = []
    start = threading.Barrier(8)

    def work(number: int) -> None:
        start.wait()
        with serializable("race", locking) as txn:
            if not txn.is_committed():
                ran.append(number)
                txn.stage(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(ran), locking.read("race").result, locking.is_locked("race")) == (1, ran[0], False)


@pytest.mark.parametrize("end", ["commit", "error", "interrupt", "found", "begin"])
def test_every_way_out_of_a_block_releases_its_lock(locking, end, monkeypatch) -> None:
    if end == "found":
        locking.write(1, key="k")
    if end == "begin":
        asked = iter([False, ZeroDivisionError("begin")])

        def exists(key: str) -> bool:
            answer = next(asked)
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(locking, "exists", exists)
    errors = {"error": ZeroDivisionError, "interrupt": KeyboardInterrupt, "begin": ZeroDivisionError}
    try:
        with serializable("k", locking) as txn:
            assert locking.is_locked("k") is (end != "found")
            if end in errors:
                raise errors[end]
            assert txn.is_committed() is (end == "found")
    except tuple(errors.values()):
        assert end in errors
    assert (locking.is_locked("k"), get_transaction()) == (False, None)


def test_relatives_do_not_wait_for_each_other(locking) -> None:
    """A lock is kept until the root ends: waiting for a relative's would be waiting for oneself."""
    with serializable("k", locking) as outer:
        with serializable("k", locking) as inner:
            assert not inner.is_committed()
        with serializable("twin", locking) as first:
            first.stage(1)
        with serializable("twin", locking) as second:
            assert second.is_committed()
    assert (outer.is_committed(), locking.is_locked("k"), locking.is_locked("twin")) == (True, False, False)


def test_holders_are_unique_to_their_transaction() -> None:
    assert Transaction(key="k").holder != Transaction(key="k").holder


def test_children_inherit_level_and_locks(locking, store) -> None:
    with serializable("a", locking), transaction(key="b", store=store) as inner:
        assert inner.isolation_level is IsolationLevel.SERIALIZABLE
        assert locking.is_locked("b")
    assert not locking.is_locked("b")


def test_async_blocks_behave_like_the_others(locking, diary) -> None:
    async def block(number: int, fail: bool = False) -> bool:
        async with atransaction(key="k", store=locking, isolation_level=IsolationLevel.SERIALIZABLE) as txn:
            assert isinstance(txn, AsyncTransaction)
            assert get_transaction() is txn
            if txn.is_committed():
                record = await txn.read()
                assert record is not None
                diary.entries.append(f"found {record.result}")
                return False
            await asyncio.sleep(0.01)
            txn.stage(number, [diary.hook(f"undo {number}")], [diary.hook(f"commit {number}")])
            if fail:
                raise ZeroDivisionError
        return True

    async def main() -> list[bool]:
        with pytest.raises(ZeroDivisionError):
            await block(0, fail=True)
        return list(await asyncio.gather(block(1), block(2)))

    assert sorted(asyncio.run(main())) == [False, True]
    assert diary.entries[0] == "undo 0"
    assert diary.entries[1:] in (["commit 1", "found 1"], ["commit 2", "found 2"])
    assert not locking.is_locked("k")


def test_a_cancelled_wait_for_a_lock_leaves_nothing_behind(locking) -> None:
    async def wait() -> None:
        async with atransaction(key="k", store=locking, isolation_level=IsolationLevel.SERIALIZABLE):
            pass

    async def main() -> None:
        waiting = asyncio.ensure_future(wait())
        await asyncio.sleep(0.03)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    locking.acquire_lock("k", "somebody else")
    asyncio.run(main())
    locking.release_lock("k", "somebody else")
    assert not locking.is_locked("k")


def test_sync_and_async_blocks_nest(diary) -> None:
    async def main() -> None:
        with pytest.raises(ZeroDivisionError), transaction():
            async with atransaction() as inner:
                inner.stage(None, [diary.hook("undo inner")])
            staged(diary, "sync")
            raise ZeroDivisionError

    asyncio.run(main())
    assert diary.entries == ["undo sync", "undo inner"]


def test_methods_of_a_transaction_can_be_called_by_hand(store, diary) -> None:
    parent, child = Transaction(key="p", store=store), Transaction(key="c", store=store)
    parent.prepare_transaction()
    parent.begin()
    child.begin()
    parent.add_child(child)
    child.stage(1, [], [diary.hook("commit child")])
    assert (child.get_parent(), parent.children) == (parent, [child])
    assert parent.commit()
    parent.run_hook(diary.hook("by hand"), "commit")
    assert (store.read("c").result, diary.entries) == (1, ["commit child", "by hand"])
    copy = parent.model_copy()
    assert (copy.state, pickle.loads(pickle.dumps(parent.serialize()))["key"]) == (parent.state, "p")
    parent.reset()


@pytest.mark.parametrize("fail", [False, True])
def test_work_in_another_thread_that_ends_late_follows_the_block(diary, fail) -> None:
    go, began = threading.Event(), threading.Event()

    def late() -> None:
        with transaction() as txn:
            began.set()
            go.wait(20)
            txn.stage(None, [diary.hook("undo late")], [diary.hook("commit late")])

    threads = []
    try:
        with transaction():
            threads.append(threading.Thread(target=contextvars.copy_context().run, args=(late,)))
            threads[0].start()
            assert began.wait(20)
            if fail:
                raise ZeroDivisionError
    except ZeroDivisionError:
        assert fail
    assert diary.entries == []
    go.set()
    threads[0].join()
    assert diary.entries == ["undo late" if fail else "commit late"]
