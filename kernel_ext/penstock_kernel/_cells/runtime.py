"""What the code of a cell finds around it when it runs as a task, on any runner and without IPython."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import timeit
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from string import Formatter
from typing import Any

from penstock_kernel._cells.facts import KERNEL_MAGICS
from penstock_kernel._cells.magics import DOLLAR, timed_code
from penstock_kernel._cells.recorder import recorder

#: Called with the value of a cell's trailing expression, unless that is None. Nothing is shown by default.
show: ContextVar[Callable[[object], None] | None] = ContextVar("penstock_cell_show", default=None)


class ShellLines(list[str]):
    """The lines a command printed; `n` is their text, `s` joins them with spaces, `l` is the list."""

    @property
    def n(self) -> str:
        """The lines as one text."""
        return "\n".join(self)

    @property
    def s(self) -> str:
        """The lines joined by spaces."""
        return " ".join(self)

    @property
    def l(self) -> list[str]:  # noqa: E743  # the name IPython gives it
        """The lines as a list."""
        return list(self)


class TaskShell:
    """Stands for IPython's shell in a task: shell commands and the few magics a task can carry out."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self._namespace = namespace

    def itself(self) -> TaskShell:
        """Stand for `get_ipython` in the cell's namespace."""
        return self

    def system(self, command: str) -> None:
        """Run `!command` and print what it prints as it comes.

        Raises:
            subprocess.CalledProcessError: the command failed.
        """
        for line in _run(expand(command, self._namespace)):
            print(line, end="")  # noqa: T201  # the output of the user's command

    def getoutput(self, command: str) -> ShellLines:
        """Run `lines = !command` and return what it prints.

        Raises:
            subprocess.CalledProcessError: the command failed.
        """
        return ShellLines(line.rstrip("\r\n") for line in _run(expand(command, self._namespace)))

    def run_line_magic(self, name: str, argument: str) -> object:
        """Carry out `%name argument`; magics of the kernel have run there and do nothing here."""
        if name in KERNEL_MAGICS:
            return None
        frame = sys._getframe(1)
        place = (frame.f_code.co_filename, frame.f_lineno)
        if name == "time":
            with timed():
                return _run_code(argument, self._namespace, place)
        if name == "timeit":
            self._timeit(argument)
            return None
        return self._env(argument)

    def _timeit(self, argument: str) -> None:
        timer = timeit.Timer(timed_code("timeit", argument) or "pass", globals=self._namespace)
        options = dict(re.findall(r"-([nr])\s*(\d+)", argument))
        number = int(options["n"]) if "n" in options else timer.autorange()[0]
        rounds = timer.repeat(int(options.get("r", 5)), number)
        print(f"{min(rounds) / number:.3g} s per loop (best of {len(rounds)}, {number} loops each)")  # noqa: T201

    def _env(self, argument: str) -> object:
        name, sign, value = expand(argument, self._namespace).partition("=")
        if not sign:
            name, sign, value = argument.strip().partition(" ")
        if not sign:
            return dict(os.environ) if not name else os.environ[name]
        os.environ[name.strip()] = value.strip()
        return None


def expand(command: str, namespace: dict[str, Any]) -> str:
    """Put the values of `{expression}` and `$name` into a command, as IPython does.

    Where that fails (`awk '{print $1}'`), the command stays as it is.
    """
    try:
        return "".join(_pieces(command, namespace))
    except Exception:
        return command


def _pieces(command: str, namespace: dict[str, Any]) -> Iterator[str]:
    def value(found: re.Match[str]) -> str:
        text = found[1]
        if text.startswith("$"):
            return text
        return str(eval(text, namespace)) if text.split(".")[0] in namespace else found[0]  # noqa: S307

    for literal, field, spec, conversion in Formatter().parse(command):
        yield DOLLAR.sub(value, literal)
        if field is not None:
            result = eval(field, namespace)  # noqa: S307  # the user's own expression, in his own cell
            yield format(Formatter().convert_field(result, conversion), spec or "")


def _run(command: str) -> Iterator[str]:
    """Yield the lines a command prints. It dies with the task: it leads a process group of its own."""
    process = subprocess.Popen(  # noqa: S602  # the user's own command line
        command,
        shell=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    assert process.stdout is not None
    lines: list[str] = []
    try:
        for line in process.stdout:
            lines.append(line)
            yield line
        code = process.wait()
    except BaseException:
        _kill(process)
        raise
    finally:
        process.stdout.close()
    if code:
        raise subprocess.CalledProcessError(code, command, output="".join(lines))


def _kill(process: subprocess.Popen[str]) -> None:
    try:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def _run_code(text: str, namespace: dict[str, Any], place: tuple[str, int]) -> object:
    """Run the argument of `%time` in the cell's namespace, with tracebacks that point at its line."""
    filename, line = place
    padded = "\n" * (line - 1) + text.strip()
    try:
        code = compile(padded, filename, "eval", dont_inherit=True)
    except SyntaxError:
        code = compile(padded, filename, "exec", dont_inherit=True)
    result: object = eval(code, namespace)  # noqa: S307  # the user's own code
    return result


@contextmanager
def timed() -> Iterator[None]:
    """Print how long the block took, as `%%time` does."""
    wall, processor = time.perf_counter(), time.process_time()
    yield
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(f"CPU time: {processor:.3g} s, wall time: {wall:.3g} s")  # noqa: T201


def display(*objects: object, **options: Any) -> None:
    """IPython's `display` where IPython is installed; elsewhere the text of the objects.

    What a task on a worker displays goes to the recorder of its run.
    """
    found = recorder.get()
    if found is not None and found.takes_displays:
        found.take(objects, options)
        return
    try:
        from IPython import display as module
    except ImportError:
        for item in objects:
            print(repr(item))  # noqa: T201
        return
    module.display(*objects, **options)
