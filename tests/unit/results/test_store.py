"""The result store: records, locks, metadata elsewhere, whose folder it is, and what travels."""

from __future__ import annotations

import asyncio
import os
import pickle
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from penstock import flow, task
from penstock._values.states import utc_now
from penstock.cache_policies import INPUTS
from penstock.exceptions import ConfigurationError, MissingResult
from penstock.filesystems import LocalFileSystem, NullFileSystem, RemoteFileSystem
from penstock.results import DEFAULT_STORAGE_KEY_FN, ResultStore, resolve_result_storage
from penstock.settings import temporary_settings


@pytest.fixture
def storage(tmp_path) -> Iterator[Path]:
    with temporary_settings({"results_local_storage_path": tmp_path / "storage"}):
        yield tmp_path / "storage"


class Locks:
    """A lock manager of the simplest kind: one thread, no waiting."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        self.waited: list[str] = []

    def acquire_lock(self, key, holder, acquire_timeout=None, hold_timeout=None) -> bool:
        return self.held.setdefault(key, holder) == holder

    async def aacquire_lock(self, key, holder, acquire_timeout=None, hold_timeout=None) -> bool:
        return self.acquire_lock(key, holder)

    def release_lock(self, key, holder) -> None:
        assert self.held.pop(key) == holder

    def is_locked(self, key) -> bool:
        return key in self.held

    def is_lock_holder(self, key, holder) -> bool:
        return self.held.get(key) == holder

    def wait_for_lock(self, key, timeout=None) -> bool:
        self.waited.append(key)
        return key not in self.held

    async def await_for_lock(self, key, timeout=None) -> bool:
        return self.wait_for_lock(key)


def test_a_record_is_made_first_and_stored_later(storage) -> None:
    store = ResultStore(serializer="json", storage_key_fn=lambda: "made")
    until = utc_now() + timedelta(hours=1)
    record = store.create_result_record({"a": [1]}, expiration=until)
    before = store.exists("made")
    store.persist_result_record(record)

    found = ResultStore().read("made")
    assert (before, found.result, found.expiration, found.serializer.type) == (
        False,
        {"a": [1]},
        until,
        "json",
    )
    assert found.metadata.storage_key == "made"


def test_keys_are_random_when_nobody_says_one(storage) -> None:
    store = ResultStore()
    store.write(1)
    store.write(2)

    assert len(list(storage.iterdir())) == 2
    assert DEFAULT_STORAGE_KEY_FN() != DEFAULT_STORAGE_KEY_FN()


def test_an_expired_record_is_not_there_but_can_be_read(storage) -> None:
    store = ResultStore()
    store.write(1, "old", utc_now() - timedelta(seconds=1))

    assert (store.exists("old"), store.read("old").result) == (False, 1)


async def _async_forms(store: ResultStore) -> list[Any]:
    await store.awrite(1, "a")
    await store.apersist_result_record(store.create_result_record(2, "b"))
    identifier = uuid4()
    await store.store_parameters(identifier, {"x": 3})
    return [
        (await store.aread("a")).result,
        await store.aexists("b"),
        await store.aexists("c"),
        await store.read_parameters(identifier),
    ]


def test_async_twins_do_the_same(storage) -> None:
    assert asyncio.run(_async_forms(ResultStore())) == [1, True, False, {"x": 3}]


def test_a_record_in_memory_is_given_back_until_its_file_changes(storage) -> None:
    store, value = ResultStore(), [1]
    store.write(value, "k")
    same = store.read("k").result
    ResultStore().write([2], "k")

    assert (same is value, store.read("k").result) == (True, [2])
    assert "k" in store.cache
    (storage / "k").unlink()
    with pytest.raises(MissingResult, match="No result is stored under key 'k'"):
        store.read("k")


def test_memory_is_left_alone_when_asked(storage) -> None:
    store, value = ResultStore(cache_result_in_memory=False), [1]
    store.write(value, "k")

    assert (store.read("k").result is value, len(store.cache)) == (False, 0)


def test_metadata_elsewhere_leave_only_the_value(storage, tmp_path) -> None:
    store = ResultStore(metadata_storage=tmp_path / "keys", serializer="json")
    store.write({"a": 1}, "k", digest="d")

    assert (storage / "k").read_bytes() == b'{"a": 1}'
    again = ResultStore(metadata_storage=tmp_path / "keys")
    assert (again.look("k").digest, again.read("k").result) == ("d", {"a": 1})
    (tmp_path / "keys" / "k").unlink()
    assert (again.exists("k"), (storage / "k").exists()) == (False, True)


def test_metadata_without_their_value_are_no_record(storage, tmp_path) -> None:
    store = ResultStore(metadata_storage=tmp_path / "keys", cache_result_in_memory=False)
    store.write(1, "k")
    (storage / "k").unlink()

    assert store.exists("k") is False
    with pytest.raises(MissingResult, match="No result is stored under key 'k'"):
        store.read("k")


def test_the_key_storage_of_a_policy_is_where_metadata_go(storage, tmp_path) -> None:
    calls = []

    @task(cache_policy=INPUTS.configure(key_storage=tmp_path / "keys"))
    def work(x: int) -> int:
        calls.append(x)
        return x + 1

    assert [work(1), work(1)] == [2, 2]
    assert (len(calls), [p.name for p in storage.iterdir()]) == (
        1,
        [p.name for p in (tmp_path / "keys").iterdir()],
    )
    for path in (tmp_path / "keys").iterdir():
        path.unlink()
    assert (work(1), len(calls)) == (2, 2)


def test_nothing_is_kept_by_a_null_file_system_and_nothing_inherits_it(storage, tmp_path) -> None:
    nowhere = ResultStore(NullFileSystem())
    nowhere.write(1, "k")
    parent = ResultStore(metadata_storage=NullFileSystem())
    children = [parent.update_for_task(task(lambda: 1)), parent.update_for_flow(flow(lambda: 1))]

    assert nowhere.exists("k") is False
    assert [child.metadata_storage for child in children] == [None, None]


def test_locks_are_those_of_the_manager(storage) -> None:
    locks = Locks()
    store = ResultStore(lock_manager=locks)
    mine = store.generate_default_holder()

    assert store.acquire_lock("k") is True
    assert (locks.held, store.is_locked("k"), store.is_lock_holder("k")) == ({"k": mine}, True, True)
    assert (store.acquire_lock("k", "other"), store.wait_for_lock("k", 0)) == (False, False)
    store.write(1, "k")
    with pytest.raises(RuntimeError, match="'k' is locked by another holder than 'other'"):
        store.write(2, "k", holder="other")
    store.release_lock("k")
    assert (store.is_locked("k"), store.read("k").result, locks.waited) == (False, 1, ["k", "k"])


def test_without_a_manager_locks_say_what_to_do() -> None:
    store = ResultStore()
    for act in (
        store.acquire_lock,
        store.is_locked,
        store.is_lock_holder,
        store.release_lock,
        store.wait_for_lock,
    ):
        with pytest.raises(ConfigurationError, match="no lock manager.*lock_manager="):
            act("k")


def test_isolation_levels_need_what_they_need() -> None:
    plain, locked = ResultStore(), ResultStore(lock_manager=Locks())
    levels = ("READ_COMMITTED", "SERIALIZABLE")

    assert [plain.supports_isolation_level(level) for level in levels] == [True, False]
    assert [locked.supports_isolation_level(level) for level in levels] == [True, True]
    with pytest.raises(ValueError, match="Unsupported isolation level 'DIRTY'"):
        plain.supports_isolation_level("DIRTY")


def test_a_store_is_updated_by_what_flows_and_tasks_say(tmp_path) -> None:
    locks = Locks()
    base = ResultStore(tmp_path / "base")
    of_flow = base.update_for_flow(
        flow(result_storage=tmp_path / "flow", result_serializer="json", cache_result_in_memory=False)(
            lambda: 1
        )
    )
    policy = INPUTS.configure(key_storage=tmp_path / "keys", lock_manager=locks)
    of_task = of_flow.update_for_task(
        task(result_storage=LocalFileSystem(basepath=tmp_path), cache_policy=policy)(lambda: 1)
    )

    assert (of_flow.folder, of_flow.serializer.type, of_flow.cache_result_in_memory) == (
        tmp_path / "flow",
        "json",
        False,
    )
    assert (of_task.folder, of_task.serializer.type, of_task.lock_manager) == (tmp_path, "json", locks)
    assert of_task.metadata_storage == LocalFileSystem(basepath=tmp_path / "keys")
    assert (base.folder, base.serializer.type) == (tmp_path / "base", "pickle")


@pytest.mark.parametrize("place", ["folder", "memory://bucket/results", LocalFileSystem(basepath="here")])
def test_a_store_and_its_references_survive_pickling(place, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = ResultStore(place, "compressed/json", metadata_storage=tmp_path / "keys")
    store.write([1], "k")
    again, reference = pickle.loads(pickle.dumps((store, store.stored("k", "task run 'x'"))))

    assert (again.read("k").result, reference.get(), again.serializer.type) == ([1], [1], "compressed/json")
    assert len(pickle.dumps(store.stored("k"))) < 1500


def test_a_missing_result_names_the_run_the_key_and_the_place(storage) -> None:
    with pytest.raises(MissingResult) as caught:
        ResultStore().stored("k", "task run 'add-0'").get()

    message = str(caught.value)
    assert all(part in message for part in ("task run 'add-0'", "key 'k'", str(storage / "k")))


def test_files_and_folders_are_private(storage) -> None:
    before = os.umask(0)
    try:
        ResultStore().write(1, "a/b/c")
    finally:
        os.umask(before)

    modes = [
        stat.S_IMODE(path.stat().st_mode)
        for path in (storage, storage / "a", storage / "a/b", storage / "a/b/c")
    ]
    assert [oct(mode) for mode in modes] == ["0o700", "0o700", "0o700", "0o600"]


@pytest.mark.parametrize("which", ["storage", "storage/sub"])
def test_a_folder_everybody_may_write_to_is_refused(which, tmp_path) -> None:
    folder = tmp_path / "storage"
    ResultStore(folder).write(1, "sub/k")
    (tmp_path / which).chmod(0o777)
    store = ResultStore(folder)

    with pytest.raises(PermissionError, match="Everybody may write to the storage folder .*chmod o-w"):
        store.write(2, "sub/k")
    with pytest.raises(MissingResult, match="Everybody may write"):
        store.read("sub/k")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(tmp_path) -> None:
    folder = tmp_path / "storage"
    ResultStore(folder).write(1, "k")
    os.chown(folder, 12345, -1)

    with pytest.raises(PermissionError, match=r"belongs to another user \(uid 12345\)"):
        ResultStore(folder).write(2, "k")
    with pytest.raises(MissingResult, match="belongs to another user"):
        ResultStore(folder).read("k")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Path("/data"), LocalFileSystem(basepath="/data")),
        ("/data", LocalFileSystem(basepath="/data")),
        ("file:///data", LocalFileSystem(basepath="/data")),
        ("s3://bucket/x", RemoteFileSystem(basepath="s3://bucket/x")),
        (Path("/data/s3-bucket"), LocalFileSystem(basepath="/data/s3-bucket")),
    ],
)
def test_what_stands_for_a_storage(given, expected) -> None:
    assert resolve_result_storage(given) == expected


def test_saved_blocks_are_told_from_folders() -> None:
    with pytest.raises(
        ConfigurationError, match=r"'s3-bucket/my-block' names a saved storage block.*'./s3-bucket/my-block'"
    ):
        ResultStore("s3-bucket/my-block")
    with pytest.raises(ConfigurationError, match="Results cannot be stored in 17"):
        ResultStore(17)
