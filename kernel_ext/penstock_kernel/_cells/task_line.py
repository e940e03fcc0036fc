"""The text behind `%%task`: a name and options."""

from __future__ import annotations

import argparse
import difflib
import keyword
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Never

from penstock_kernel._cells.errors import TaskLineError

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class TaskLine:
    """The options of one `%%task` line. None means: not said, use the default."""

    #: The Python name the task gets in the notebook.
    name: str | None = None
    #: What the task is called in panels and in the store (`--name`).
    label: str | None = None
    retries: int = 0
    #: Seconds before each retry; the last one counts for all that follow.
    retry_delay: tuple[float, ...] = ()
    #: Seconds.
    timeout: float | None = None
    cache: bool | None = None
    #: Compute again although there is a cached result.
    refresh: bool = False
    tags: tuple[str, ...] = ()
    inputs: tuple[str, ...] | None = None
    outputs: tuple[str, ...] | None = None
    runner: str | None = None
    #: True waits in place, False runs in the background.
    wait: bool | None = None
    #: Make the task without running it.
    define: bool = False
    help: bool = False


class _Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of ending the process."""

    def error(self, message: str) -> Never:
        raise TaskLineError(f"%%task: {message}; see %%task? for all options")


def parse_task_line(line: str, defaults: Mapping[str, Any] | None = None) -> TaskLine:
    """Read the text behind `%%task`.

    Args:
        line: the text.
        defaults: fields of `TaskLine` to use where the line says nothing.

    Raises:
        TaskLineError: it holds an unknown option, a bad value, or a name that is none.
    """
    try:
        words = shlex.split(line, comments=True)
    except ValueError as error:
        raise TaskLineError(f"%%task: {str(error).lower()} in {line!r}") from error
    parser = _parser()
    parser.set_defaults(**(defaults or {}))
    found, unknown = parser.parse_known_args(words)
    if unknown:
        _refuse(unknown[0], parser)
    values = vars(found)
    if values["retry_delay"] and not values["retries"] and "--retry-delay" in line:
        parser.error("--retry-delay has no effect without --retries")
    if values["refresh"] and values["cache"] is False:
        parser.error("--refresh and --no-cache exclude each other")
    return TaskLine(**values)


def flags() -> tuple[str, ...]:
    """Return every option a `%%task` line may hold, for completion."""
    return tuple(option for action in _parser()._actions for option in action.option_strings)


def usage() -> str:
    """Return the text for `%%task?`."""
    return _parser().format_help()


def _refuse(word: str, parser: _Parser) -> Never:
    if not word.startswith("-"):
        parser.error(f"one name is enough, what is {word!r}? Python code starts on the next line")
    options = [option for action in parser._actions for option in action.option_strings]
    near = difflib.get_close_matches(word.partition("=")[0], options, n=1, cutoff=0.7)
    parser.error(f"unknown option {word}" + (f", did you mean {near[0]}?" if near else ""))


def _parser() -> _Parser:
    parser = _Parser(
        prog="%%task",
        usage="%(prog)s [NAME] [options]",
        description="Run the cell as a task: the names it reads are its inputs, the names it binds its outputs.",
        add_help=False,
        allow_abbrev=False,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, width=100, max_help_position=30),
    )
    add = parser.add_argument
    add("name", nargs="?", type=_name, metavar="NAME", help="name of the task in the notebook")
    add("--name", dest="label", metavar="TEXT", help="what it is called in panels and in the store")
    add("--retries", type=_count, default=0, metavar="N", help="run it again up to N times after a failure")
    add(
        "--retry-delay",
        type=_durations,
        default=(),
        metavar="S[,S...]",
        help="wait before the retries (30, 1.5s, 2m)",
    )
    add("--timeout", type=_duration, metavar="S", help="fail when it takes longer")
    cache = parser.add_mutually_exclusive_group()
    cache.add_argument(
        "--cache", action="store_true", default=None, help="use the result of the same code and inputs"
    )
    cache.add_argument("--no-cache", dest="cache", action="store_false", help="always compute")
    add("--refresh", action="store_true", help="compute now and replace the cached result")
    add("--tags", type=_words, default=(), metavar="A,B", help="tags of the task")
    add(
        "-i",
        "--in",
        dest="inputs",
        type=_names,
        metavar="A,B",
        help="inputs, instead of those found in the cell",
    )
    add(
        "-o",
        "--out",
        dest="outputs",
        type=_names,
        metavar="A,B",
        help="outputs, instead of those found in the cell",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--runner", metavar="NAME", help="where it runs: threads, processes, dask or ray")
    where.add_argument(
        "--local", dest="runner", action="store_const", const="threads", help="in a thread of this kernel"
    )
    waiting = parser.add_mutually_exclusive_group()
    waiting.add_argument(
        "--wait",
        action="store_true",
        default=None,
        help="wait here until it is done; the default where nobody watches",
    )
    waiting.add_argument(
        "--background", dest="wait", action="store_false", help="return at once; the default"
    )
    add("--define", action="store_true", help="make the task NAME without running it")
    add("-h", "--help", dest="help", action="store_true", help="show this text")
    return parser


def _name(text: str) -> str:
    if not text.isidentifier() or keyword.iskeyword(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a Python name; use --name for a free text")
    return text


def _names(text: str) -> tuple[str, ...]:
    return tuple(_name(word) for word in _words(text))


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of times (0, 1, 2, ...)")
    return int(text)


def _duration(text: str) -> float:
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(s|m|min|h|)\s*", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration (30, 1.5s, 2m, 1h)")
    return float(found[1]) * _UNITS[found[2]]


def _durations(text: str) -> tuple[float, ...]:
    return tuple(_duration(part) for part in text.split(","))
