"""A workspace for tests. Reference: how-to-guides/workflows/test-workflows, api-ref prefect-testing-utilities."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest

from penstock import flow, get_run_logger, task
from penstock.exceptions import ObjectNotFound
from penstock.settings import get_current_settings, temporary_settings
from penstock.testing.utilities import (
    assert_does_not_warn,
    assert_uses_result_serializer,
    assert_uses_result_storage,
    exceptions_equal,
    get_most_recent_flow_run,
    kubernetes_environments_equal,
    penstock_test_harness,
    prefect_test_harness,
)


@flow
def favourite() -> int:
    return 42


def store_pid(home: Path) -> int:
    import json

    return int(json.loads((home / "endpoint.json").read_text())["pid"])


def lives(pid: int) -> bool:
    """True for a process, also for one that has ended and that nobody has waited for."""
    return Path(f"/proc/{pid}").exists()


def test_the_documented_example_runs_against_a_temporary_workspace(home) -> None:
    with prefect_test_harness():
        inside = get_current_settings().home
        assert favourite() == 42
        pid = store_pid(inside)
        assert lives(pid)

    assert inside != home
    assert get_current_settings().home == home
    assert (inside.exists(), lives(pid)) == (False, False)


def test_a_harness_inside_a_harness_is_isolated() -> None:
    with penstock_test_harness():
        outer_home = get_current_settings().home
        favourite.with_options(name="outer")()
        with penstock_test_harness():
            inner_home = get_current_settings().home
            favourite.with_options(name="inner")()
            inner = get_most_recent_flow_run().flow_name
            with pytest.raises(ObjectNotFound, match="no flow run of flow 'outer'"):
                get_most_recent_flow_run(flow_name="outer")
        assert not inner_home.exists()
        again = (get_current_settings().home, get_most_recent_flow_run().flow_name)

    assert (inner, again) == ("inner", (outer_home, "outer"))


def test_settings_and_files_are_as_before_after_an_error(monkeypatch) -> None:
    monkeypatch.setenv("PENSTOCK_LOCAL_STORAGE_PATH", "/elsewhere")
    before = dict(os.environ)
    seen = []

    def broken() -> None:
        with penstock_test_harness():
            settings = get_current_settings()
            seen.extend([settings.home, settings.results.local_storage_path, settings.testing.test_mode])
            raise RuntimeError("in a test")

    with pytest.raises(RuntimeError, match="in a test"):
        broken()

    assert seen == [seen[0], seen[0] / "storage", True]
    assert dict(os.environ) == before
    assert not seen[0].exists()


def test_the_harness_counts_for_other_threads_and_child_processes_too() -> None:
    seen: list[str] = []
    with penstock_test_harness():
        inside = str(get_current_settings().home)
        thread = threading.Thread(target=lambda: seen.append(str(get_current_settings().home)))
        thread.start()
        thread.join()
        child = "from penstock.settings import get_current_settings; print(get_current_settings().home)"
        path = os.pathsep.join(filter(None, sys.path))
        done = subprocess.run(
            [sys.executable, "-c", child],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=True,
        )
        seen.append(done.stdout.strip())

    assert seen == [inside, inside]


def test_a_workspace_chosen_by_a_block_around_gives_way(tmp_path) -> None:
    with temporary_settings({"home": tmp_path}):
        with penstock_test_harness():
            inside = get_current_settings().home
        assert get_current_settings().home == tmp_path

    assert inside != tmp_path


def test_one_harness_serves_a_whole_session(script, tmp_path) -> None:
    """As in the documented fixture: one store, many tests, nothing left behind."""
    (tmp_path / "test_mine.py").write_text(
        """
import pytest
from penstock import flow
from penstock.settings import get_current_settings
from penstock.testing.utilities import prefect_test_harness

@pytest.fixture(autouse=True, scope="session")
def prefect_test_fixture():
    with prefect_test_harness():
        yield

@flow
def favourite():
    return get_current_settings().home

homes = []

@pytest.mark.parametrize("n", range(3))
def test_favourite(n):
    homes.append(favourite())
    assert len(set(homes)) == 1
    print("HOME", homes[0])
"""
    )
    done = script(
        "import sys, pytest; sys.exit(pytest.main(['-q', '-s', '-p', 'no:cacheprovider', sys.argv[1]]))",
        str(tmp_path / "test_mine.py"),
    )
    homes = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("HOME")}

    assert "3 passed" in done.stdout
    assert [Path(home).exists() for home in homes] == [False]


def test_the_time_for_the_store_comes_from_settings_when_none_is_given() -> None:
    with temporary_settings({"server.ephemeral.startup_timeout_seconds": 60}), penstock_test_harness(None):
        assert favourite() == 42


def test_functions_can_be_tested_alone() -> None:
    @task
    def answer() -> int:
        return 42

    assert answer.fn() == favourite.fn() == 42


def test_the_most_recent_run_is_found_with_what_is_known_of_it(witness) -> None:
    @flow(name="recent")
    def recent(x: int) -> int:
        return x

    recent(1)
    recent(2)

    async def found():
        return await get_most_recent_flow_run(flow_name="recent")

    run = get_most_recent_flow_run(flow_name="recent")
    assert (run.id, run.name, run.parameters) == (
        witness.flow_runs["recent"].id,
        witness.flow_runs["recent"].name,
        {"x": 2},
    )
    assert run.state.is_completed()
    assert asyncio.run(found()) == run


def test_results_are_checked_for_their_serializer_and_storage(tmp_path) -> None:
    stored = favourite.with_options(persist_result=True, result_serializer="json")(return_state=True)
    elsewhere = favourite.with_options(
        persist_result=True, result_storage=tmp_path, cache_result_in_memory=False
    )(return_state=True)
    nowhere = favourite.with_options(persist_result=False)(return_state=True)

    assert_uses_result_serializer(stored, "json")
    assert_uses_result_storage(stored, get_current_settings().results.local_storage_path)
    assert_uses_result_serializer(elsewhere, "pickle")
    assert_uses_result_storage(elsewhere, tmp_path)
    with pytest.raises(AssertionError, match="written with 'json', not with 'pickle'"):
        assert_uses_result_serializer(stored, "pickle")
    with pytest.raises(AssertionError, match="No result is stored"):
        assert_uses_result_storage(stored, tmp_path)
    with pytest.raises(AssertionError, match="set persist_result=True"):
        assert_uses_result_serializer(nowhere, "pickle")


def test_errors_are_compared_by_type_and_arguments() -> None:
    class Own(ValueError):
        pass

    assert exceptions_equal(ValueError("a", 1), ValueError("a", 1))
    assert not exceptions_equal(ValueError("a"), ValueError("b"))
    assert not exceptions_equal(ValueError("a"), Own("a"))


def test_warnings_fail_the_block_unless_they_are_all_right() -> None:
    with assert_does_not_warn([DeprecationWarning]):
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    with pytest.raises(AssertionError, match="Warning was raised: UserWarning"), assert_does_not_warn():
        warnings.warn("odd", UserWarning, stacklevel=1)


def test_environments_of_containers_are_compared_without_their_order(capsys) -> None:
    actual = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]

    assert kubernetes_environments_equal(actual, {"B": "2", "A": "1"})
    assert kubernetes_environments_equal(actual, actual[::-1])
    assert not kubernetes_environments_equal(actual, {"A": "1", "B": "3"})
    assert "B: expected '3', found '2'" in capsys.readouterr().out


def test_fixtures_for_pytest_can_be_imported(script, tmp_path) -> None:
    (tmp_path / "test_mine.py").write_text(
        """
from penstock import flow, get_run_logger
from penstock.settings import get_current_settings
from penstock.testing.fixtures import add_prefect_loggers_to_caplog, disable_hosted_api_server
from penstock.testing.fixtures import enable_ephemeral_server, hosted_api_server, is_port_in_use, use_hosted_api_server
from penstock.testing.utilities import get_most_recent_flow_run

def test_caplog(use_hosted_api_server, add_prefect_loggers_to_caplog, caplog):
    flow(lambda: get_run_logger().warning("heard"), name="heard")()
    assert "heard" in caplog.text
    assert get_most_recent_flow_run().flow_name == "heard"

def test_server(use_hosted_api_server):
    assert get_current_settings().api.url == use_hosted_api_server
    assert is_port_in_use(int(use_hosted_api_server.split(":")[2].split("/")[0]))

def test_ephemeral(enable_ephemeral_server):
    assert get_current_settings().api.url is None
    assert get_current_settings().server.ephemeral.enabled
"""
    )
    done = script(
        "import sys, pytest; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', sys.argv[1]]))",
        str(tmp_path / "test_mine.py"),
    )

    assert "3 passed" in done.stdout


def test_logs_of_tested_flows_reach_the_temporary_store() -> None:
    with penstock_test_harness():
        flow(lambda: get_run_logger().info("kept"), name="logs")()
        from penstock._link.client import store

        get_most_recent_flow_run()  # everything has arrived
        sql = "select message from logs where message = 'kept'"
        rows = store().request("POST", "/link/sql", {"sql": sql, "limit": 10})["rows"]

    assert rows == [["kept"]]
