"""Find the text of what the notebook defines, and hash code so that only its meaning counts."""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
import types
from collections.abc import Iterator, Mapping

from penstock._results.code_text import canonical as canonical

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def source_of(value: object, name: str, namespace: Mapping[str, object]) -> str:
    """Return the text of a notebook's function or class, or "" when it cannot be found.

    Python finds functions of cells through linecache; for classes it looks for a file of `__main__`, which a
    notebook does not have, so the cells that have run (`In`) are searched from the newest.
    """
    inner = inner_function(value)
    if isinstance(inner, types.FunctionType):
        try:
            return textwrap.dedent(inspect.getsource(inner))
        except (OSError, TypeError, SyntaxError):
            pass
    history = namespace.get("In")
    cells = [cell for cell in history if isinstance(cell, str)] if isinstance(history, list) else []
    return next(_definitions(reversed(cells), getattr(inner, "__name__", name)), "")


def inner_function(value: object) -> object:
    """Return the function that decorators or a task are wrapped around."""
    unwrapped = inspect.unwrap(value) if callable(value) else value
    return unwrapped if isinstance(unwrapped, type) else getattr(unwrapped, "fn", unwrapped)


def _definitions(cells: Iterator[str], name: str) -> Iterator[str]:
    for cell in cells:
        if name not in cell:
            continue
        try:
            tree = ast.parse(cell)
        except SyntaxError:
            continue
        for node in reversed(tree.body):
            if isinstance(node, _Definition) and node.name == name:
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                yield "\n".join(cell.split("\n")[first - 1 : node.end_lineno]) + "\n"


def canonical_source(source: str) -> str:
    """Return `canonical` of a text; a text that does not parse stands for itself."""
    try:
        return canonical(ast.parse(source))
    except SyntaxError:
        return source


def canonical_object(value: object) -> str:
    """Return a text for code whose source is lost, from its compiled form."""
    if isinstance(value, types.FunctionType):
        return f"{_canonical_code(value.__code__)}{value.__defaults__!r}{value.__kwdefaults__!r}"
    if isinstance(value, type):
        members = sorted(
            (name, member) for name, member in vars(value).items() if not name.startswith("__weak")
        )
        functions = [(name, getattr(member, "__func__", member)) for name, member in members]
        return value.__qualname__ + "".join(
            f"{name}:{canonical_object(member)};" for name, member in functions if inspect.isfunction(member)
        )
    key = getattr(inner_function(value), "source_key", "")  # a task made of a cell
    return f"{type(value).__qualname__} {getattr(value, '__qualname__', '')} {key}"


def _canonical_code(code: types.CodeType) -> str:
    constants = [
        _canonical_code(constant)
        if isinstance(constant, types.CodeType)
        else repr(sorted(constant, key=repr) if isinstance(constant, frozenset) else constant)
        for constant in code.co_consts
    ]
    return f"{code.co_code.hex()}{constants}{code.co_names}{code.co_varnames}{code.co_freevars}"


def digest(*parts: str) -> str:
    """Return a hash over texts, each marked off from the next."""
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        whole.update(b"%d:" % len(data))
        whole.update(data)
    return whole.hexdigest()
