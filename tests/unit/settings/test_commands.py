"""``penstock config`` and ``penstock profile``. Reference: api-ref/cli/config, api-ref/cli/profile."""

from __future__ import annotations

import json
import os

import pytest

from penstock.settings._layers import forget
from penstock.testing.cli import invoke_and_assert

pytestmark = pytest.mark.usefixtures("folder")


def config(words: str, **expected):
    return invoke_and_assert(["config", *words.split()], **expected)


def profile(words: str, **expected):
    return invoke_and_assert(["profile", *words.split()], **expected)


def test_what_is_set_is_in_force_until_it_is_unset(folder) -> None:
    config(
        "set PENSTOCK_API_URL=http://a logging.level=debug",
        expected_output="Set 'PENSTOCK_API_URL' to 'http://a'.\nSet 'PENSTOCK_LOGGING_LEVEL' to 'debug'.\nUpdated profile 'ephemeral'.",
    )
    config("view", expected_output_contains=["PENSTOCK_LOGGING_LEVEL='DEBUG' (from profile)"])
    config("unset PENSTOCK_LOGGING_LEVEL -y", expected_output_contains="Unset 'PENSTOCK_LOGGING_LEVEL'.")
    config("view", expected_output_contains="API_URL", expected_output_does_not_contain="LOGGING_LEVEL")


def test_the_documented_override_of_the_logging_configuration_can_be_set(folder) -> None:
    config("set PENSTOCK_LOGGING_LOGGERS_PENSTOCK_FLOW_RUNS_LEVEL=ERROR")

    config("view", expected_output_contains="PENSTOCK_LOGGING_LOGGERS_PENSTOCK_FLOW_RUNS_LEVEL='ERROR'")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("set PENSTOCK_API_URL", "'PENSTOCK_API_URL' is not of the form NAME=VALUE."),
        ("set PENSTOCK_API_ULR=x", "Not a setting: PENSTOCK_API_ULR; did you mean PENSTOCK_API_URL"),
        ("set PENSTOCK_TASKS_DEFAULT_RETRIES=x", "PENSTOCK_TASKS_DEFAULT_RETRIES='x' is not usable"),
        ("set PENSTOCK_HOME=/x", "a profile cannot hold it"),
        ("unset PENSTOCK_API_URL", "'PENSTOCK_API_URL' is not set in profile 'ephemeral'."),
    ],
)  # fmt: skip
def test_what_cannot_be_set_is_told_and_changes_nothing(words, message, folder) -> None:
    config(words, expected_code=1, expected_output_contains=message)

    assert not (folder / "home" / "profiles.toml").exists()


def test_a_variable_that_beats_the_profile_is_told(monkeypatch) -> None:
    monkeypatch.setenv("PENSTOCK_API_URL", "http://env")

    config(
        "set PENSTOCK_API_URL=http://a",
        expected_output_contains="PENSTOCK_API_URL will be used instead of what was set here; clear it with: unset",
    )


def test_the_view_shows_sources_and_hides_secrets(folder, monkeypatch) -> None:
    monkeypatch.setenv("PENSTOCK_API_KEY", "s3cret")
    (folder / ".env").write_text("PENSTOCK_TASKS_DEFAULT_RETRIES=1\n")
    (folder / "penstock.toml").write_text("[flows]\ndefault_retries = 2\n")
    forget()

    config(
        "view",
        expected_output=f"""
            PENSTOCK_PROFILE='ephemeral'
            PENSTOCK_API_KEY='**********' (from env)
            PENSTOCK_FLOWS_DEFAULT_RETRIES='2' (from penstock.toml)
            PENSTOCK_HOME='{folder}/home' (from env)
            PENSTOCK_SERVER_EPHEMERAL_ENABLED='true' (from profile)
            PENSTOCK_TASKS_DEFAULT_RETRIES='1' (from .env file)
        """,
    )
    config("view --hide-sources --show-secrets", expected_output_contains="PENSTOCK_API_KEY='s3cret'\n")
    config("view --show-defaults", expected_output_contains="PENSTOCK_LOGGING_LEVEL='INFO' (from defaults)")


def test_everything_is_validated_at_once(folder) -> None:
    config("validate", expected_output="Configuration valid!")
    (folder / "home" / "profiles.toml").write_text('[profiles.ephemeral]\nPENSTOCK_LOGGING_LEVEL = "LOUD"\n')
    (folder / "penstock.toml").write_text("[tasks]\ndefault_retries = -1\n")
    forget()

    config(
        "validate",
        expected_code=1,
        expected_output_contains=["PENSTOCK_LOGGING_LEVEL='LOUD'", "tasks.default_retries=-1"],
    )


def test_profiles_are_made_used_renamed_and_deleted(folder) -> None:
    config("set PENSTOCK_API_URL=http://a")
    profile("create new --from ephemeral", expected_output_contains="Created profile 'new' from 'ephemeral'.")
    profile("use new", expected_output="Profile 'new' is active.")
    profile("ls", expected_output="ephemeral\n  local\n* new")
    profile("inspect", expected_output_contains="PENSTOCK_API_URL='http://a'")
    profile("delete new", expected_code=1, expected_output_contains="Profile 'new' is in use.")
    profile("rename new newer", expected_output="Renamed profile 'new' to 'newer'.")
    profile("ls", expected_output="ephemeral\n  local\n* newer")
    profile("use ephemeral")
    profile("delete newer --yes", expected_output="Deleted profile 'newer'.")
    profile("ls", expected_output="* ephemeral\n  local")


def test_a_profile_can_be_inspected_as_json(folder) -> None:
    config("set PENSTOCK_API_KEY=s3cret")
    shown = json.loads(profile("inspect ephemeral --output json").output)

    assert shown == {"PENSTOCK_SERVER_EPHEMERAL_ENABLED": "true", "PENSTOCK_API_KEY": "**********"}
    profile("inspect --output xml", expected_code=1, expected_output_contains="no output format 'xml'")
    profile("create empty")
    profile("inspect empty", expected_output="Profile 'empty' is empty.")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("create local", "Profile 'local' already exists."),
        ("create new --from lost", "Profile 'lost' not found. Known: ephemeral, local"),
        ("use lost", "Profile 'lost' not found"),
        ("delete local", "Profile 'local' is a stock profile and in no file."),
        ("rename local ephemeral", "Profile 'ephemeral' already exists."),
        ("inspect lost", "Profile 'lost' not found"),
    ],
)
def test_what_cannot_be_done_with_profiles_is_told(words, message) -> None:
    profile(words, expected_code=1, expected_output_contains=message)


def test_stock_profiles_are_added_to_the_file_once(folder) -> None:
    profile("create mine", echo=False)
    profile("populate-defaults", expected_output_contains="Added ephemeral, local to ")
    profile("populate-defaults", expected_output_contains="has all stock profiles")

    profile("ls", expected_output="* ephemeral\n  local\n  mine")


def test_a_profile_is_chosen_on_the_command_line_for_one_command(monkeypatch) -> None:
    monkeypatch.setenv("PENSTOCK_PROFILE", "ephemeral")
    invoke_and_assert("--profile local config view", expected_output_contains=["'local'", "PENSTOCK_API_URL"])
    invoke_and_assert(
        "--profile lost config view", expected_code=1, expected_output_contains="Profile 'lost' not found"
    )
    assert os.environ["PENSTOCK_PROFILE"] == "local"  # so that what a command starts has it, too
