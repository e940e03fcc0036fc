"""States that are read from the store say where their result lies; who asks for it reads it in its own process."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from penstock import flow, task
from penstock._link.session import current_session
from penstock._results import storages
from penstock._values.states import State
from penstock.cache_policies import INPUTS
from penstock.client.orchestration import get_client
from penstock.exceptions import MissingResult
from penstock.filesystems import LocalFileSystem
from penstock.results import ResultStore
from penstock.settings import get_current_settings, temporary_settings


@pytest.fixture(autouse=True)
def told_of_nothing(monkeypatch) -> None:
    """A process that has named no storage yet."""
    monkeypatch.setattr(storages, "_named", {})


def read_states(outer: State) -> tuple[State, list[State]]:
    """Return the states of a flow run and its task runs, as the API has them."""
    current_session().drain(20)
    flow_run_id = outer.state_details.flow_run_id
    with get_client(sync_client=True) as client:
        tasks = client.read_task_runs(flow_run_filter={"id": {"any_": [str(flow_run_id)]}})
        return client.read_flow_run(flow_run_id).state, [run.state for run in tasks]


def ran(**options: Any) -> State:
    step = task(cache_policy=INPUTS, **options)(lambda x: {"x": x})
    return flow(persist_result=True, **options)(lambda: step(4)["x"] + 1)(return_state=True)


def test_results_are_read_through_states_of_the_api() -> None:
    state, tasks = read_states(ran())

    assert (state.result(), [one.result() for one in tasks]) == (5, [{"x": 4}])
    assert asyncio.run(state.aresult()) == 5
    assert state.to_json()["data"] is None or state.to_json()["data"]["type"] == "reference"


def test_another_process_reads_them(script) -> None:
    state = ran()
    current_session().drain(20)
    code = """
        import sys
        from penstock.client.orchestration import get_client
        with get_client(sync_client=True) as client:
            run = client.read_flow_run(sys.argv[1])
        print(run.state.result(), "numpy" in sys.modules)
    """

    done = script(code, str(state.state_details.flow_run_id))

    assert done.stdout.splitlines()[-1] == "5 False"


def test_a_reference_is_followed_only_to_storages_this_process_was_told_of(tmp_path, monkeypatch) -> None:
    state, tasks = read_states(ran(result_storage=tmp_path / "results"))
    monkeypatch.setattr(storages, "_named", {})  # another process, that has not seen the flow

    for one in (state, *tasks):
        with pytest.raises(
            MissingResult, match="only read from storages this process was told of.*ResultStore"
        ):
            one.result()
    ResultStore(LocalFileSystem(basepath=tmp_path / "results"))
    assert (state.result(), tasks[0].result()) == (5, {"x": 4})


@pytest.mark.parametrize("setting", ["results_local_storage_path", "results_default_storage_block"])
def test_settings_tell_of_storages(setting, tmp_path, monkeypatch) -> None:
    state, _ = read_states(ran(result_storage=tmp_path / "results"))
    monkeypatch.setattr(storages, "_named", {})

    with temporary_settings({setting: str(tmp_path / "results")}):
        assert state.result() == 5


def test_what_the_api_says_opens_no_other_place(tmp_path) -> None:
    ResultStore(tmp_path / "planted").write("planted", "k")
    storages._named.clear()
    forged = {"type": "reference", "storage_key": "k", "run": "flow run 'x'"}
    home = get_current_settings().results_local_storage_path
    for place in (
        f"file://{tmp_path}/planted",
        f"file://{home}/../planted",
        "memory://x",
        None,
        "",
        7,
        {"a": 1},
    ):
        state = State.from_json({"type": "COMPLETED", "data": {**forged, "storage": place}})
        with pytest.raises(MissingResult):
            state.result()
    for key in ("../planted/k", "/etc/passwd", None, 7):
        state = State.from_json(
            {"type": "COMPLETED", "data": {**forged, "storage": f"file://{home}", "storage_key": key}}
        )
        with pytest.raises((MissingResult, ValueError)):
            state.result()


def test_a_missing_result_names_run_key_and_place() -> None:
    state, tasks = read_states(ran())
    for path in get_current_settings().results_local_storage_path.iterdir():
        if path.is_file():
            path.unlink()

    for one, kind in ((state, "flow run '"), (tasks[0], "task run '")):
        with pytest.raises(MissingResult) as caught:
            one.result()
        key = one.state_details.cache_key
        assert all(part in str(caught.value) for part in (kind, repr(key), str(get_current_settings().home)))


def test_a_state_of_the_api_without_a_result_says_so() -> None:
    state, _ = read_states(flow(lambda: 3)(return_state=True))

    with pytest.raises(MissingResult, match="read from the API and has no result.*persist_result=True"):
        state.result()


def test_secrets_of_a_storage_are_not_in_its_reference() -> None:
    store = ResultStore("memory://bucket/x")
    from penstock.filesystems import RemoteFileSystem

    secret = RemoteFileSystem(basepath="s3://bucket/x", settings={"secret": "hunter2"})
    reference = ResultStore(secret).reference("k", "task run 'a'")

    assert (store.reference("k")["storage"], reference["storage"]) == ("memory://bucket/x", "s3://bucket/x")
    assert "hunter2" not in repr((reference, secret))


def test_the_store_process_has_nothing_to_unpickle_with(script) -> None:
    code = """
        import sys
        import penstock._store.app, penstock._store.process, penstock._store.routes.rest
        print([name for name in sys.modules if name.startswith("penstock._results") or "pickle" in name])
    """

    assert script(code).stdout.splitlines()[-1] == "[]"


def test_a_cached_state_names_its_run_when_the_result_goes() -> None:
    work = task(cache_policy=INPUTS, cache_result_in_memory=False, task_run_name="named")(lambda x: x)
    states = [work("unique to this test", return_state=True) for _ in range(2)]
    for path in get_current_settings().results_local_storage_path.iterdir():
        if path.is_file():
            path.unlink()

    assert [state.name for state in states] == ["Completed", "Cached"]
    for state in states:
        with pytest.raises(MissingResult, match="The result of task run 'named' is not available"):
            state.result()
