"""invoke_and_assert and its neighbours. Reference: api-ref prefect-testing-cli."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from penstock.testing.cli import check_contains, invoke_and_assert, temporary_console_width


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PENSTOCK_HOME", str(tmp_path))
    return tmp_path


def test_what_a_command_says_is_asserted() -> None:
    outcome = invoke_and_assert(
        ["profile", "create", "mine"],
        expected_output="""
            Created profile 'mine'.
            Use it with: penstock profile use mine
        """,
        expected_output_contains=["Created", "mine"],
        expected_output_does_not_contain="Deleted",
        expected_line_count=2,
    )

    assert (outcome.exit_code, outcome.exception) == (0, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"expected_code": 1}, "Expected exit code 1, found 0"),
        ({"expected_output": "nothing"}, "Expected:\nnothing\nFound:\n"),
        ({"expected_output_contains": "nothing"}, "Not in the output:\nnothing"),
        ({"expected_output_does_not_contain": ["ephemeral"]}, "In the output:\nephemeral"),
        ({"expected_line_count": 7}, "Expected 7 lines, found 2"),
    ],
)
def test_what_is_not_so_fails(options, message) -> None:
    with pytest.raises(AssertionError, match=message):
        invoke_and_assert("profile ls", **options)


def test_errors_of_commands_are_output_with_a_code() -> None:
    invoke_and_assert("config set NOPE=1", expected_code=1, expected_output_contains="Not a setting: NOPE")


def test_questions_are_answered(home) -> None:
    invoke_and_assert("profile create mine", echo=False)
    question = "Delete profile 'mine'?"
    invoke_and_assert(
        "profile delete mine",
        prompts_and_responses=[(question, "n")],
        expected_code=1,
        expected_output_contains="Nothing was changed",
    )
    invoke_and_assert(
        "profile delete mine", user_input="y\n", expected_output_contains="Deleted profile 'mine'"
    )


def test_a_command_may_run_in_another_folder(tmp_path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "penstock.toml").write_text("[tasks]\ndefault_retries = 7\n")

    from penstock.settings._layers import forget

    forget()
    invoke_and_assert(
        "config view",
        temp_dir=str(folder),
        expected_output_contains="PENSTOCK_TASKS_DEFAULT_RETRIES='7' (from penstock.toml)",
    )


def test_contents_are_compared_without_indentation() -> None:
    result = SimpleNamespace(output="one\ntwo\nthree\n")

    check_contains(result, "  one\n  two", should_contain=True)
    check_contains(result, "four", should_contain=False)
    with pytest.raises(AssertionError, match="Not in the output"):
        check_contains(result, "four", should_contain=True)


def test_a_console_is_as_wide_as_before_afterwards() -> None:
    console = Console(file=io.StringIO(), width=100)
    with temporary_console_width(console, 20):
        inside = console.width

    assert (inside, console.width) == (20, 100)
