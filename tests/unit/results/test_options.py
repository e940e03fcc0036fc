"""Where options, settings and flows meet: storage, serializer, keys, and the functions that say what is in force."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock import flow, task
from penstock.cache_policies import DEFAULT, INPUTS, NO_CACHE
from penstock.filesystems import LocalFileSystem, RemoteFileSystem
from penstock.results import (
    RecordCache,
    ResultStore,
    aget_default_result_storage,
    aresolve_result_storage,
    default_cache,
    get_default_persist_setting,
    get_default_persist_setting_for_tasks,
    get_default_result_serializer,
    get_default_result_storage,
    get_or_create_default_task_scheduling_storage,
    get_result_store,
    result_storage_discriminator,
    should_persist_result,
)
from penstock.settings import temporary_settings
from penstock.task_runners import ProcessPoolTaskRunner


@pytest.fixture(autouse=True)
def storage(tmp_path) -> Iterator[Path]:
    with temporary_settings({"results_local_storage_path": tmp_path / "storage"}):
        yield tmp_path / "storage"


@pytest.mark.parametrize(
    ("options", "stored"),
    [
        ({}, False),
        ({"persist_result": True}, True),
        ({"persist_result": False, "cache_policy": INPUTS}, False),
        ({"result_storage": "here"}, True),
        ({"result_storage_key": "k"}, True),
        ({"result_serializer": "json"}, True),
        ({"cache_policy": INPUTS}, True),
        ({"cache_policy": DEFAULT}, True),
        ({"cache_policy": NO_CACHE}, False),
        ({"cache_policy": None}, False),
        ({"cache_key_fn": lambda *_: "k"}, True),
    ],
)
def test_which_options_of_a_task_switch_storing_on(options, stored, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = []

    @task(**options)
    def work(x: int = 1) -> int:
        said.append(should_persist_result())
        return x

    state = work(return_state=True)

    assert (said, state.state_details.cache_key is not None) == ([stored], stored)


@pytest.mark.parametrize(
    ("options", "stored"),
    [
        ({}, False),
        ({"persist_result": True}, True),
        ({"persist_result": False, "result_storage": "here"}, False),
        ({"result_storage": "here"}, True),
        ({"result_serializer": "json"}, True),
        ({"cache_result_in_memory": False}, False),
    ],
)
def test_which_options_of_a_flow_switch_storing_on_for_its_tasks_too(
    options, stored, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    step = task(lambda: should_persist_result())
    seen = []

    @flow(**options)
    def run() -> int:
        seen.extend([should_persist_result(), step()])
        return 1

    state = run(return_state=True)

    assert (seen, state.state_details.cache_key is not None) == ([stored, stored], stored)


def test_storage_and_serializer_come_from_task_then_flow_then_settings(tmp_path) -> None:
    def used() -> Any:
        store = get_result_store()
        return store.folder and store.folder.name, store.serializer.type

    plain = task(used)
    special = task(result_storage=tmp_path / "of task", result_serializer="compressed/json")(used)

    def both() -> Any:
        return plain(), special()

    flow_says = flow(result_storage=tmp_path / "of flow", result_serializer="json")(both)
    settings = {
        "results_default_storage_block": str(tmp_path / "of setting"),
        "results_default_serializer": "compressed/pickle",
    }

    assert tuple(flow(both)()) == (("storage", "pickle"), ("of task", "compressed/json"))
    assert tuple(flow_says()) == (("of flow", "json"), ("of task", "compressed/json"))
    with temporary_settings(settings):
        assert tuple(flow(both)()) == (("of setting", "compressed/pickle"), ("of task", "compressed/json"))
        assert tuple(flow_says()) == (("of flow", "json"), ("of task", "compressed/json"))
        assert used() == ("of setting", "compressed/pickle")


def test_child_flows_take_over_what_they_do_not_say(tmp_path) -> None:
    child = flow(
        lambda: (get_result_store().folder.name, get_result_store().serializer.type, should_persist_result())
    )
    parent = flow(result_storage=tmp_path / "parent", result_serializer="json")(lambda: child())

    assert list(parent()) == ["parent", "json", True]


def test_results_of_flows_have_random_names_and_their_own_serializer(storage, tmp_path) -> None:
    work = flow(result_storage=tmp_path / "flows", result_serializer="json")(lambda: {"a": 1})
    states = [work(return_state=True) for _ in range(2)]
    keys = [state.state_details.cache_key for state in states]

    assert sorted(keys) == sorted(path.name for path in (tmp_path / "flows").iterdir())
    assert len(set(keys)) == 2
    assert ResultStore(tmp_path / "flows").read(keys[0]).serializer.type == "json"


def test_a_flow_that_drops_its_value_reads_it_back() -> None:
    state = flow(persist_result=True, cache_result_in_memory=False)(lambda: [1, 2])(return_state=True)

    assert (state.data == [1, 2], state.result()) == (False, [1, 2])


def test_templates_of_keys_see_runtime_fields_and_parameters(storage) -> None:
    keys = (
        "{flow_run.flow_name}/{flow_run.name}/{task_run.task_name}/{parameters[x]}-{parameters[y][a]}",
        "{flow_run.parameters[n]}-{flow_run.run_count}-{flow_run.root_flow_run_id}-{deployment.id}-{task_run.run_count}",
    )
    tasks = [task(name="work", result_storage_key=key)(lambda x, y: x) for key in keys]

    @flow(name="of", flow_run_name="here")
    def run(n: int) -> Any:
        return [work(1, y={"a": "b"}, return_state=True).state_details for work in tasks]

    first, second = run(7)

    assert first.cache_key == "of/here/work/1-b"
    assert second.cache_key == f"7-1-{second.flow_run_id}-None-0"
    assert (storage / "of/here/work/1-b").is_file()


def test_templates_are_filled_in_where_the_task_runs(storage) -> None:
    @flow(name="of", task_runner=ProcessPoolTaskRunner(max_workers=1))
    def run() -> Any:
        return named.submit(3).wait()

    run()

    assert (storage / "of-3").is_file()


@task(result_storage_key="{flow_run.flow_name}-{parameters[x]}")
def named(x: int) -> int:
    return x


def test_a_template_that_cannot_be_filled_in_is_told_and_the_task_runs(witness) -> None:
    work = task(result_storage_key="{flow_run.nothing}")(lambda: 5)

    assert flow(lambda: work())() == 5
    assert any("{flow_run.nothing}" in text and "cannot be filled in" in text for _, text in witness.logs)


def test_a_storage_key_wins_over_a_key_function(storage) -> None:
    work = task(result_storage_key="fixed", cache_key_fn=lambda *_: "computed")(lambda: 1)
    work()

    assert ([path.name for path in storage.iterdir()], work(return_state=True).name) == (["fixed"], "Cached")


def test_outside_of_runs_the_settings_say(tmp_path) -> None:
    settings = {"results_persist_by_default": True, "tasks_default_persist_result": False, "results_default_serializer": "json",
                "results_default_storage_block": "s3://bucket/x", "tasks_scheduling_default_storage_block": str(tmp_path)}  # fmt: skip
    before = (should_persist_result(), get_default_persist_setting(), get_default_persist_setting_for_tasks())
    with temporary_settings(settings):
        after = (
            should_persist_result(),
            get_default_persist_setting(),
            get_default_persist_setting_for_tasks(),
        )
        assert get_default_result_storage() == RemoteFileSystem(basepath="s3://bucket/x")
        assert get_default_result_serializer().type == "json"
        assert get_or_create_default_task_scheduling_storage() == LocalFileSystem(basepath=str(tmp_path))

    assert (before, after) == ((False, False, False), (True, True, False))


def test_async_twins_and_small_functions(storage) -> None:
    local = LocalFileSystem(basepath=str(storage))

    async def main() -> Any:
        return (
            await aget_default_result_storage(),
            await aresolve_result_storage(storage),
            await get_default_result_storage(),
        )

    assert asyncio.run(main()) == (local, local, local)
    assert (result_storage_discriminator(storage), result_storage_discriminator("s3://b")) == (
        "LocalFileSystem",
        "RemoteFileSystem",
    )
    assert (isinstance(default_cache(), RecordCache), default_cache().maxsize) == (True, 1000)


def test_the_memory_of_a_store_has_an_end(storage) -> None:
    store = ResultStore(cache=RecordCache(maxsize=2))
    for key in "abc":
        store.write([key], key)

    assert (["a" in store.cache, "b" in store.cache, "c" in store.cache], len(store.cache)) == (
        [False, True, True],
        2,
    )
    assert store.read("a").result == ["a"]
