"""What an entrypoint names, and where its source is. Reference page: api-ref prefect-types-entrypoint."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Entrypoint:
    """One object in a file or module.

    Attributes:
        place: the path of a file, or the dotted name of a module.
        qualname: the object in it, such as ``func`` or ``Class.method``.
        is_file: which of the two `place` is.
    """

    place: str
    qualname: str
    is_file: bool

    @classmethod
    def parse(cls, text: str) -> Entrypoint:
        """Read ``path/to/file.py:func``, ``file.py:Class.method``, ``package.module.func`` or ``package.module:func``.

        Raises:
            ValueError: it is none of these.
        """
        place, colon, qualname = text.rpartition(":")
        if colon and place and qualname:
            is_file = place.endswith(".py") or "/" in place or "\\" in place or Path(place).is_file()
            return cls(place, qualname, is_file)
        parts = text.split(".")
        if colon or len(parts) < 2 or not all(part.isidentifier() for part in parts) or parts[-1] == "py":
            raise ValueError(
                f"Entrypoint {text!r} names no function: write 'path/to/file.py:function', "
                "'path/to/file.py:Class.method' or 'package.module.function'."
            )
        splits = [
            cls(".".join(parts[:n]), ".".join(parts[n:]), is_file=False) for n in range(len(parts) - 1, 0, -1)
        ]
        return next((split for split in splits if _module_file(split.place)), splits[0])

    def file(self) -> Path:
        """Return the source file.

        Raises:
            FileNotFoundError: there is none.
        """
        if self.is_file:
            path = Path(self.place).expanduser()
            if not path.is_file():
                raise FileNotFoundError(f"No such file: {self.place!r} (looked in {Path.cwd()}).")
            return path
        found = _module_file(self.place)
        if found is None:
            raise FileNotFoundError(f"No source file of module {self.place!r} is on the import path.")
        return found

    def source(self) -> str:
        """Return the source text of the file."""
        return self.file().read_text(encoding="utf-8")

    def definition(self, tree: ast.Module | None = None) -> Function:
        """Return the definition of the function in the source.

        Args:
            tree: the parsed source, when it is at hand.

        Raises:
            ValueError: the source has no such function. SyntaxError: it is not Python.
        """
        body: list[ast.stmt] = (tree or ast.parse(self.source())).body
        *classes, name = self.qualname.split(".")
        for owner in classes:
            body = next(
                (node.body for node in _all(body) if isinstance(node, ast.ClassDef) and node.name == owner),
                [],
            )
        # Of several definitions of one name, the last is what the name means in the end.
        found = [node for node in _all(body) if isinstance(node, Function) and node.name == name]
        if not found:
            raise ValueError(f"Could not find function {self.qualname!r} in {self.place!r}.")
        return found[-1]

    def __str__(self) -> str:
        return f"{self.place}:{self.qualname}" if self.is_file else f"{self.place}.{self.qualname}"


def _all(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements at this level, those inside ``if`` and ``try`` included."""
    for node in body:
        yield node
        if isinstance(node, (ast.If, ast.Try)):
            for part in (node.body, node.orelse, getattr(node, "finalbody", [])):
                yield from _all(part)


def _module_file(name: str) -> Path | None:
    """Return the file of a module, found without importing anything (parents included)."""
    parts = name.split(".")
    loaded = getattr(sys.modules.get(name), "__file__", None)
    if loaded and loaded.endswith(".py"):
        return Path(loaded)
    for folder in ["", *sys.path]:
        base = Path(folder or ".").joinpath(*parts)
        for path in (base.with_name(f"{base.name}.py"), base / "__init__.py"):
            if path.is_file():
                return path
    return None
