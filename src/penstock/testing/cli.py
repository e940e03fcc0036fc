"""Helpers for tests of commands. Reference page: api-ref/python/prefect-testing-cli."""

from __future__ import annotations

import contextlib
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from penstock.exceptions import PenstockException
from penstock.settings import temporary_settings


class Outcome:
    """What a command did: `exit_code`, `output` (both streams as they were written), `exception`."""

    def __init__(self, exit_code: int, output: str, exception: BaseException | None) -> None:
        self.exit_code = exit_code
        self.output = output
        self.exception = exception

    @property
    def stdout(self) -> str:
        """The same as `output`."""
        return self.output


def invoke_and_assert(
    command: str | list[str],
    user_input: str | None = None,
    prompts_and_responses: list[tuple[str, ...]] | None = None,
    expected_output: str | None = None,
    expected_output_contains: str | Iterable[str] | None = None,
    expected_output_does_not_contain: str | Iterable[str] | None = None,
    expected_line_count: int | None = None,
    expected_code: int | None = 0,
    echo: bool = True,
    temp_dir: str | None = None,
) -> Outcome:
    """Run a command of `penstock` in this process and assert what came of it.

    Args:
        command: its words, or one text.
        user_input: what is typed.
        prompts_and_responses: questions that must be asked and the answers typed; a third item must be shown, too.
        expected_output: all of the output; indentation does not count.
        expected_output_contains: texts that must be in the output.
        expected_output_does_not_contain: texts that must not.
        expected_line_count: how many lines the output has.
        expected_code: the exit code; None for any.
        echo: print the output, so that a failing test shows it.
        temp_dir: the working directory meanwhile.

    Returns:
        what the command did.

    Raises:
        AssertionError: something else came of it.

    Example:
        >>> invoke_and_assert("profile ls", expected_output_contains="ephemeral", echo=False).exit_code
        0
    """
    prompts = prompts_and_responses or []
    typed = user_input if user_input is not None else "".join(f"{prompt[1]}\n" for prompt in prompts) or None
    outcome = _run(command.split() if isinstance(command, str) else command, typed, temp_dir)
    if echo:
        print("\n----- output -----", outcome.output, "------------------", sep="\n")  # noqa: T201 - on request
    if expected_code is not None:
        assert outcome.exit_code == expected_code, (
            f"Expected exit code {expected_code}, found {outcome.exit_code}.\n{outcome.output}"
        )
    if expected_output is not None:
        found, wanted = outcome.output.strip(), textwrap.dedent(expected_output).strip()
        assert found == wanted, f"Expected:\n{wanted}\nFound:\n{found}"
    for content in (text for prompt in prompts for text in (prompt[0], *prompt[2:])):
        check_contains(outcome, content, should_contain=True)
    for content in _texts(expected_output_contains):
        check_contains(outcome, content, should_contain=True)
    for content in _texts(expected_output_does_not_contain):
        check_contains(outcome, content, should_contain=False)
    if expected_line_count is not None:
        count = len(outcome.output.splitlines())
        assert count == expected_line_count, f"Expected {expected_line_count} lines, found {count}."
    return outcome


def check_contains(cli_result: Any, content: str, should_contain: bool) -> None:
    """Assert that a text is, or is not, in the output of a command; indentation does not count.

    Args:
        cli_result: something with an `output`.
        content: the text.
        should_contain: False when it must not be there.

    Raises:
        AssertionError: it is the other way round.
    """
    output, wanted = cli_result.output.strip(), textwrap.dedent(content).strip()
    if should_contain:
        assert wanted in output, f"Not in the output:\n{wanted}\nThe output:\n{output}"
    else:
        assert wanted not in output, f"In the output:\n{wanted}\nThe output:\n{output}"


@contextmanager
def temporary_console_width(console: Any, width: int) -> Iterator[None]:
    """Give a console of rich another width inside a `with` block.

    Args:
        console: a `rich.console.Console`.
        width: columns.
    """
    before = console._width
    console._width = width
    try:
        yield
    finally:
        console._width = before


def _texts(given: str | Iterable[str] | None) -> list[str]:
    if given is None:
        return []
    return [given] if isinstance(given, str) else list(given)


def _run(words: list[str], typed: str | None, folder: str | None) -> Outcome:
    from typer.testing import CliRunner

    from penstock.cli import application

    prompt: Any = temporary_settings({"cli.prompt": True}) if typed is not None else contextlib.nullcontext()
    place: Any = contextlib.chdir(folder) if folder is not None else contextlib.nullcontext()
    with prompt, place:
        result = CliRunner().invoke(application(), words, input=typed)
    error = result.exception
    output = result.output
    if isinstance(error, PenstockException):  # what `main` prints
        output += f"{error}\n"
    elif error is not None and not isinstance(error, SystemExit):
        raise error
    return Outcome(result.exit_code, output, error)


__all__ = ["Outcome", "check_contains", "invoke_and_assert", "temporary_console_width"]
