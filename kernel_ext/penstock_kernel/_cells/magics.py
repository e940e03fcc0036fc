"""How IPython's syntax inside a cell is recognised, and what is allowed in a task."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from string import Formatter

from penstock_kernel._cells.facts import KERNEL_MAGICS, TASK_MAGICS

#: `$name` and `$name.attribute`; a second dollar escapes the first.
DOLLAR = re.compile(r"\$(\$?[A-Za-z_][\w.]*)")
_TIMEIT_OPTIONS = re.compile(r"^(?:\s*-[nrtcpqo]\s*\d*(?=\s|$))*\s*")


@dataclass(frozen=True, slots=True)
class IPythonCall:
    """A call that IPython's transforms put into the code: `get_ipython().KIND(*arguments)`."""

    kind: str
    arguments: tuple[str, ...]


def ipython_call(node: ast.Call) -> IPythonCall | None:
    """Recognise `get_ipython().method("text", …)`."""
    function = node.func
    if not (isinstance(function, ast.Attribute) and _is_get_ipython(function.value)):
        return None
    texts = tuple(a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str))
    return IPythonCall(function.attr, texts) if len(texts) == len(node.args) else None


def _is_get_ipython(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "get_ipython"
        and not node.args
    )


def timed_code(name: str, argument: str) -> str | None:
    """Return the Python code in the argument of `%time` and `%timeit`; None for other magics."""
    if name == "time":
        return argument
    return _TIMEIT_OPTIONS.sub("", argument) if name == "timeit" else None


def names_in_command(command: str) -> Iterator[ast.expr]:
    """Yield the expressions that `{expression}` and `$name` put into a shell command."""
    try:
        pieces = list(Formatter().parse(command))
    except ValueError:  # unbalanced braces: IPython leaves such a command as it is
        return
    for literal, field, _, _ in pieces:
        texts = [name for name in DOLLAR.findall(literal) if not name.startswith("$")]
        for text in [*texts, field or ""]:
            try:
                yield ast.parse(text.strip(), mode="eval").body
            except SyntaxError:
                continue


def refusal(kind: str, name: str) -> str | None:
    """Say why a magic cannot be part of a task; None when it can."""
    if kind == "cell":
        return (
            f"%%{name} cannot be part of a task: its text is not Python; "
            "run it in a cell of its own, or use !command lines"
        )
    if name in TASK_MAGICS | KERNEL_MAGICS:
        return None
    if name.startswith("pinfo"):
        return "help with ? works in the notebook only; remove the line from the task"
    return f"%{name} works in the notebook only; run it in a cell before the task"
