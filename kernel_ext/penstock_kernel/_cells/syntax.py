"""From the text of a cell to plain Python: IPython's transforms, and only when they are needed."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import dataclass

_PREFIX = re.compile(r"^%%(?P<name>time|capture)(?P<argument>[^\n]*)$")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A cell's body as Python text with the same line numbers."""

    code: str
    tree: ast.Module
    #: `%%time` stood on top.
    timed: bool = False
    #: `%%capture` stood on top: its line and the variable it names, if any.
    capture: tuple[int, str] | None = None

    @property
    def quiet(self) -> bool:
        """Whether the last statement is followed by `;`."""
        last = ""
        for token in tokenize.generate_tokens(io.StringIO(self.code).readline):
            if token.type in {tokenize.OP, tokenize.NAME, tokenize.NUMBER, tokenize.STRING}:
                last = token.string
        return last == ";"

    @property
    def shows_last(self) -> bool:
        """Whether the cell ends with an expression whose value is displayed."""
        return bool(self.tree.body) and isinstance(self.tree.body[-1], ast.Expr) and not self.quiet


def prepare(source: str) -> Prepared:
    """Return the cell as plain Python.

    Raises:
        SyntaxError: it is neither Python nor IPython's extension of it.
    """
    lines = source.split("\n")
    timed, capture, number = False, None, 0
    while number < len(lines):
        found = _PREFIX.match(lines[number].rstrip())
        if found and found["name"] == "time" and not found["argument"].strip():
            timed = True
        elif found and found["name"] == "capture":
            names = [word for word in found["argument"].split() if word.isidentifier()]
            capture = (number + 1, names[0] if names else "")
        elif lines[number].strip():
            break
        lines[number] = ""
        number += 1
    code, tree = _parse("\n".join(lines))
    return Prepared(code, tree, timed, capture)


def parse_fragment(text: str) -> ast.Module | None:
    """Parse the argument of a code magic; None when it is no Python."""
    try:
        return _parse(text)[1]
    except SyntaxError:
        return None


def _parse(source: str) -> tuple[str, ast.Module]:
    try:
        return source, ast.parse(source)
    except SyntaxError as plain:
        code = _transformed(source)
        if code is None or code == source:
            raise
        try:
            return code, ast.parse(code)
        except SyntaxError as error:
            raise error from plain


def _transformed(source: str) -> str | None:
    """Apply IPython's transforms; None without IPython. Blank lines on top, which it drops, are kept."""
    try:
        from IPython.core.inputtransformer2 import TransformerManager
    except ImportError:
        return None
    body = source.lstrip("\n")
    return "\n" * (len(source) - len(body)) + str(TransformerManager().transform_cell(body))
