"""Settings: from the environment, overridden in a block, refused when unusable."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from penstock._workspace import current_workspace
from penstock.exceptions import ConfigurationError
from penstock.settings import get_current_settings, temporary_settings


@pytest.mark.parametrize(
    ("variable", "text", "setting", "value"),
    [
        ("PENSTOCK_FLOWS_DEFAULT_RETRIES", "3", "flows_default_retries", 3),
        ("PENSTOCK_FLOW_DEFAULT_RETRIES", "4", "flows_default_retries", 4),
        (
            "PENSTOCK_TASKS_DEFAULT_RETRY_DELAY_SECONDS",
            "1,10,100",
            "tasks_default_retry_delay_seconds",
            [1, 10, 100],
        ),
        ("PENSTOCK_TASKS_DEFAULT_RETRY_DELAY_SECONDS", "2.5", "tasks_default_retry_delay_seconds", 2.5),
        ("PENSTOCK_TASKS_REFRESH_CACHE", "true", "tasks_refresh_cache", True),
        ("PENSTOCK_TASKS_REFRESH_CACHE", " ON ", "tasks_refresh_cache", True),
        ("PENSTOCK_TASKS_REFRESH_CACHE", "0", "tasks_refresh_cache", False),
        ("PENSTOCK_TASKS_REFRESH_CACHE", "", "tasks_refresh_cache", False),
        ("PENSTOCK_LOCAL_STORAGE_PATH", "~/s", "results_local_storage_path", Path("~/s").expanduser()),
        (
            "PENSTOCK_TASK_RUNNER_THREAD_POOL_MAX_WORKERS",
            "2",
            "tasks_runner_thread_pool_max_workers",
            2,
        ),
    ],
)
def test_the_environment_is_read_on_each_access(variable, text, setting, value, monkeypatch) -> None:
    before = getattr(get_current_settings(), setting)
    monkeypatch.setenv(variable, text)
    during = getattr(get_current_settings(), setting)
    monkeypatch.delenv(variable)

    assert during == value
    assert getattr(get_current_settings(), setting) == before


@pytest.mark.parametrize(
    ("variable", "text", "setting"),
    [
        ("PENSTOCK_FLOWS_DEFAULT_RETRIES", "many", "flows_default_retries"),
        ("PENSTOCK_TASKS_REFRESH_CACHE", "maybe", "tasks_refresh_cache"),
        ("PENSTOCK_TASKS_DEFAULT_RETRY_DELAY_SECONDS", "1,x", "tasks_default_retry_delay_seconds"),
    ],
)
def test_a_value_that_cannot_be_used_names_its_variable(variable, text, setting, monkeypatch) -> None:
    monkeypatch.setenv(variable, text)

    with pytest.raises(ConfigurationError, match=f"{variable}={text!r} is not usable"):
        getattr(get_current_settings(), setting)


def test_a_block_overrides_and_nests(monkeypatch) -> None:
    monkeypatch.setenv("PENSTOCK_TASKS_DEFAULT_RETRIES", "1")
    seen = []
    with temporary_settings({"tasks_default_retries": 2}) as settings:
        with temporary_settings({"flows_default_retries": 9}):
            seen.append((settings.tasks_default_retries, settings.flows_default_retries))
        seen.append((settings.tasks_default_retries, settings.flows_default_retries))
    seen.append((settings.tasks_default_retries, settings.flows_default_retries))

    assert seen == [(2, 9), (2, 0), (1, 0)]


def test_a_block_counts_for_its_own_context_only() -> None:
    seen = []
    with temporary_settings({"tasks_default_retries": 5}):
        thread = threading.Thread(target=lambda: seen.append(get_current_settings().tasks_default_retries))
        thread.start()
        thread.join()

    assert seen == [0]


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(AttributeError, match="There is no setting 'tasks_retries'; did you mean tasks"):
        get_current_settings().tasks_retries  # noqa: B018
    with (
        pytest.raises(ConfigurationError, match=r"Not a setting: colour; did you mean cli"),
        temporary_settings({"colour": 1}),
    ):
        pass


def test_a_workspace_others_may_write_into_is_refused(tmp_path) -> None:
    tmp_path.chmod(0o777)

    with (
        temporary_settings({"home": tmp_path}),
        pytest.raises(ConfigurationError, match=f"chmod go-w {tmp_path}"),
    ):
        current_workspace().prepare()


def test_storage_lies_in_the_workspace_by_default(home) -> None:
    assert get_current_settings().results_local_storage_path == home / "storage"
