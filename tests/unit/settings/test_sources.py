"""Where settings come from, and which source wins. Reference: concepts/settings-and-profiles, settings-ref."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penstock.exceptions import ConfigurationError
from penstock.settings import Settings, get_current_settings, temporary_settings
from penstock.settings._layers import forget
from penstock.settings.sources import (
    EnvFilterSettingsSource,
    FilteredDotEnvSettingsSource,
    PrefectTomlConfigSettingsSource,
    ProfileSettingsTomlLoader,
    PyprojectTomlConfigSettingsSource,
    TomlConfigSettingsSourceBase,
    read_dotenv,
)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    forget()


PROFILE = '[profiles.ephemeral]\nPENSTOCK_TASKS_DEFAULT_RETRIES = "{}"\n'

#: From low to high; each writes its number.
LADDER: list[tuple[str, Callable[[Path, Any, int], None]]] = [
    ("profile", lambda folder, patch, n: write(folder / "home" / "profiles.toml", PROFILE.format(n))),
    (
        "pyproject.toml",
        lambda folder, patch, n: write(
            folder / "pyproject.toml", f"[tool.penstock]\ntasks.default_retries = {n}\n"
        ),
    ),
    (
        "penstock.toml",
        lambda folder, patch, n: write(folder / "penstock.toml", f"[tasks]\ndefault_retries = {n}\n"),
    ),
    (".env file", lambda folder, patch, n: write(folder / ".env", f'PENSTOCK_TASKS_DEFAULT_RETRIES="{n}"\n')),
    ("env", lambda folder, patch, n: patch.setenv("PENSTOCK_TASKS_DEFAULT_RETRIES", str(n))),
]


def test_each_source_beats_those_below_it(folder, monkeypatch) -> None:
    settings = get_current_settings()
    seen = [(settings.tasks_default_retries, settings.source_of("tasks.default_retries"))]
    for number, (_, install) in enumerate(LADDER, 1):
        install(folder, monkeypatch, number)
        seen.append((settings.tasks_default_retries, settings.source_of("tasks.default_retries")))
    with temporary_settings({"tasks_default_retries": 9}):
        seen.append((settings.tasks_default_retries, settings.source_of("tasks.default_retries")))

    assert seen == [
        (0, "defaults"),
        *[(number, name) for number, (name, _) in enumerate(LADDER, 1)],
        (9, "override"),
    ]


def test_the_source_decides_and_not_the_order_of_aliases(folder, monkeypatch) -> None:
    """An old name in a high source beats the new name in a low one; within one source the new name wins."""
    write(folder / ".env", "PENSTOCK_TASKS_DEFAULT_RETRIES=1\n")
    monkeypatch.setenv("PENSTOCK_TASK_DEFAULT_RETRIES", "2")
    across = get_current_settings().tasks_default_retries
    monkeypatch.setenv("PENSTOCK_TASKS_DEFAULT_RETRIES", "3")
    within = get_current_settings().tasks_default_retries
    monkeypatch.delenv("PENSTOCK_TASKS_DEFAULT_RETRIES")
    monkeypatch.delenv("PENSTOCK_TASK_DEFAULT_RETRIES")
    write(folder / ".env", "PENSTOCK_TASK_DEFAULT_RETRIES=4\nPENSTOCK_TASKS_DEFAULT_RETRIES=5\n")

    assert (across, within, get_current_settings().tasks_default_retries) == (2, 3, 5)


def test_old_and_new_names_of_task_settings_are_both_live(folder, monkeypatch) -> None:
    seen = []
    for name in ("PENSTOCK_TASK_DEFAULT_RETRIES", "PENSTOCK_TASKS_DEFAULT_RETRIES"):
        monkeypatch.setenv(name, "7")
        seen.append(get_current_settings().tasks.default_retries)
        monkeypatch.delenv(name)

    assert seen == [7, 7]


def test_lists_are_comma_text_in_variables_and_arrays_in_toml(folder, monkeypatch) -> None:
    write(
        folder / "penstock.toml",
        '[tasks]\ndefault_retry_delay_seconds = [1, 2.5]\n[logging]\nextra_loggers = ["dask", "scipy"]\n',
    )
    settings = get_current_settings()
    from_toml = (settings.tasks_default_retry_delay_seconds, settings.logging_extra_loggers)
    monkeypatch.setenv("PENSTOCK_TASKS_DEFAULT_RETRY_DELAY_SECONDS", "1, 2.5")
    monkeypatch.setenv("PENSTOCK_LOGGING_EXTRA_LOGGERS", "dask,scipy")

    assert from_toml == ([1.0, 2.5], ["dask", "scipy"])
    assert (settings.tasks_default_retry_delay_seconds, settings.logging_extra_loggers) == from_toml


def test_paths_follow_a_changed_home(folder, monkeypatch) -> None:
    settings = get_current_settings()
    paths = ("profiles_path", "logging_config_path", "results_local_storage_path")
    monkeypatch.setenv("PENSTOCK_HOME", "/one")
    one = [str(getattr(settings, name)) for name in paths]
    with temporary_settings({"home": "/two"}):
        two = [str(getattr(settings, name)) for name in paths]

    assert one == ["/one/profiles.toml", "/one/logging.yml", "/one/storage"]
    assert two == ["/two/profiles.toml", "/two/logging.yml", "/two/storage"]


def test_a_path_may_be_given_below_home(folder, monkeypatch) -> None:
    monkeypatch.setenv("PENSTOCK_LOCAL_STORAGE_PATH", "$PENSTOCK_HOME/kept")

    assert get_current_settings().results.local_storage_path == folder / "home" / "kept"


def test_the_working_directory_decides_which_files_count(folder, monkeypatch) -> None:
    write(folder / "a" / "penstock.toml", "[tasks]\ndefault_retries = 1\n")
    write(folder / "b" / ".env", "PENSTOCK_TASKS_DEFAULT_RETRIES=2\n")
    seen = []
    for name in ("a", "b", "."):
        monkeypatch.chdir(folder / name)
        forget()
        seen.append(get_current_settings().tasks_default_retries)

    assert seen == [1, 2, 0]


def test_a_changed_file_is_seen_without_being_told(folder, eventually) -> None:
    settings = get_current_settings()
    write(folder / ".env", "PENSTOCK_TASKS_DEFAULT_RETRIES=1\n")
    assert settings.tasks_default_retries == 1

    (folder / ".env").write_text("PENSTOCK_TASKS_DEFAULT_RETRIES=22\n")

    assert eventually(lambda: settings.tasks_default_retries == 22)


def test_only_our_variables_are_taken_from_a_dotenv_file(folder) -> None:
    write(folder / ".env", "TASKS_DEFAULT_RETRIES=1\nOTHER=x\nexport PENSTOCK_LOGGING_LEVEL='debug' # why\n")

    assert get_current_settings().to_environment_variables(exclude_unset=True) == {
        "PENSTOCK_HOME": str(folder / "home"),
        "PENSTOCK_LOGGING_LEVEL": "DEBUG",
        "PENSTOCK_SERVER_EPHEMERAL_ENABLED": "true",
    }


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=1", "1"),
        ("export A = 'x # y' # z", "x # y"),
        ('A="two words"', "two words"),
        ("A=b # c", "b"),
        ("A=", ""),
    ],
)
def test_lines_of_a_dotenv_file(line, value) -> None:
    assert read_dotenv(f"# comment\n\n{line}\nnonsense\n") == {"A": value}


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("penstock.toml", "[tasks]\ndefault_retries = 'many'", "tasks.default_retries='many' .*whole number .from penstock.toml"),
        ("penstock.toml", "[tasks]\ndefault_retries = -1", "must not be less than 0"),
        ("pyproject.toml", "[tool.penstock.logging]\nlevel = 'LOUD'", "logging.level='LOUD' .*one of DEBUG, INFO.*pyproject.toml"),
        (".env", "PENSTOCK_API_REQUEST_TIMEOUT=soon", "PENSTOCK_API_REQUEST_TIMEOUT='soon' .*expected a number .from .env file"),
        ("penstock.toml", "[tasks", "penstock.toml is not valid TOML: .* end of document"),
    ],
)  # fmt: skip
def test_an_error_names_source_and_key_and_what_is_wrong(file, text, message, folder) -> None:
    write(folder / file, text)

    with pytest.raises(ConfigurationError, match=message):
        get_current_settings().to_environment_variables()


def test_a_setting_that_is_not_asked_for_does_not_get_in_the_way(folder) -> None:
    write(folder / "penstock.toml", "[tasks]\ndefault_retries = 'many'\n[flows]\ndefault_retries = 3\n")

    assert get_current_settings().flows_default_retries == 3


def test_a_misspelt_key_of_a_file_is_told(folder) -> None:
    write(folder / "penstock.toml", "[tasks]\ndefault_retrys = 3\n")

    with pytest.warns(
        UserWarning, match=r"not a setting: tasks.default_retrys; did you mean tasks.default_retries"
    ):
        get_current_settings().tasks_default_retries  # noqa: B018


def test_an_empty_variable_is_as_good_as_none(folder, monkeypatch) -> None:
    write(folder / ".env", "PENSTOCK_TASKS_DEFAULT_RETRIES=1\n")
    monkeypatch.setenv("PENSTOCK_TASKS_DEFAULT_RETRIES", "")

    assert get_current_settings().tasks_default_retries == 1


def test_a_test_may_put_a_plain_dict_in_place_of_the_environment(folder, monkeypatch) -> None:
    monkeypatch.setattr(os, "environ", {"PENSTOCK_TASKS_DEFAULT_RETRIES": "3"})

    assert get_current_settings().tasks_default_retries == 3


def test_the_constructor_beats_every_source(folder, monkeypatch) -> None:
    monkeypatch.setenv("PENSTOCK_TASKS_DEFAULT_RETRIES", "1")

    settings = Settings(
        tasks={"default_retries": "2", "runner": {"thread_pool_max_workers": 3}}, logging_level="debug"
    )

    assert (settings.tasks.default_retries, settings.tasks.runner.thread_pool_max_workers) == (2, 3)
    assert (settings.logging.level, get_current_settings().tasks.default_retries) == ("DEBUG", 1)


def test_a_child_process_gets_the_settings_as_variables(folder) -> None:
    child = "from penstock.settings import *; s = get_current_settings(); print(s.tasks_default_retry_delay_seconds, s.api.key)"
    with temporary_settings({"tasks.default_retry_delay_seconds": [1, 2], "api.key": "k"}) as settings:
        variables = settings.to_environment_variables(exclude_unset=True)
        public = settings.to_environment_variables(exclude_unset=True, include_secrets=False)
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, "-c", child],
        env={**variables, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "[1.0, 2.0] **********\n"
    assert set(variables) - set(public) == {"PENSTOCK_API_KEY"}


def test_aliases_are_written_on_request(folder) -> None:
    with temporary_settings({"tasks.default_retries": 4}) as settings:
        variables = settings.tasks.to_environment_variables(exclude_unset=True, include_aliases=True)

    assert variables == {"PENSTOCK_TASKS_DEFAULT_RETRIES": "4", "PENSTOCK_TASK_DEFAULT_RETRIES": "4"}


def test_the_documented_sources_can_be_asked_one_by_one(folder, monkeypatch) -> None:
    for number, (_, install) in enumerate(LADDER, 1):
        install(folder, monkeypatch, number)
    name = "tasks_default_retries"
    variable = "PENSTOCK_TASKS_DEFAULT_RETRIES"

    asked = [
        ProfileSettingsTomlLoader(folder / "home" / "profiles.toml").get_field_value(None, name),
        PyprojectTomlConfigSettingsSource(folder / "pyproject.toml").get_field_value(None, name),
        PrefectTomlConfigSettingsSource(folder / "penstock.toml").get_field_value(None, name),
        FilteredDotEnvSettingsSource(folder / ".env").get_field_value(None, name),
        EnvFilterSettingsSource().get_field_value(None, name),
        EnvFilterSettingsSource(ignore=frozenset({variable})).get_field_value(None, name),
    ]

    assert asked == [
        ("1", variable, False),
        (2, "tasks.default_retries", False),
        (3, "tasks.default_retries", False),
        ("4", variable, False),
        ("5", variable, False),
        (None, name, False),
    ]


def test_settings_can_be_read_from_a_table_of_any_toml_file(folder) -> None:
    write(folder / "any.toml", "[ours.here]\ntasks.default_retries = 3\nclient.custom_headers = {a = '1'}\n")

    source = TomlConfigSettingsSourceBase(folder / "any.toml", ("ours", "here"))

    assert source.get_field_value(None, "tasks.default_retries") == (3, "tasks.default_retries", False)
    assert source.get_field_value(None, "client_custom_headers") == (
        {"a": "1"},
        "client.custom_headers",
        True,
    )
