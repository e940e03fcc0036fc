"""The text of functions and classes, and what of it has meaning.

Comments, formatting, docstrings and Penstock's own decorators do not count; everything else does. The canonical form
is our own, since `ast.dump` writes the same code in another way from one Python to the next.
"""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import symtable

Node = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
#: Says whether a decorator, as it is written, is one of Penstock's.
Ours = Callable[[str], bool]
_SILENT_FIELDS = ("ctx", "kind", "type_comment", "type_ignores")
_CHANGING = frozenset(
    [
        "add",
        "append",
        "appendleft",
        "clear",
        "discard",
        "extend",
        "extendleft",
        "insert",
        "pop",
        "popitem",
        "popleft",
        "put",
        "put_nowait",
        "remove",
        "reverse",
        "setdefault",
        "sort",
        "update",
        "write",
        "writelines",
    ]
)


@dataclass(frozen=True, slots=True)
class Definition:
    """A function or class as it was written."""

    #: Its lines, for people.
    text: str
    #: What of it has meaning, the same on every Python.
    canonical: str
    #: Names it looks up outside itself: `name`, or `name.attribute` where that is how it is used.
    reads: tuple[str, ...]
    #: Those of them whose value it changes (by `name[…] =`, or a method like `append`): state, no constants.
    changes: frozenset[str]


def _nobody(decorator: str) -> bool:
    return False


def canonical(node: ast.AST | list[Any] | Any, ours: Ours = _nobody) -> str:
    """Return a text that is the same for all code of the same meaning.

    Args:
        node: a syntax tree.
        ours: says which decorators do not count, as they are written (`task`, `penstock.task`).
    """
    return "".join(_canonical(node, ours))


def _canonical(node: Any, ours: Ours) -> Iterator[str]:
    if isinstance(node, ast.AST):
        yield f"{type(node).__name__}("
        for name, value in ast.iter_fields(node):
            kept = _kept(node, name, value, ours)
            if name not in _SILENT_FIELDS and kept is not None and kept != []:
                yield f"{name}="
                yield from _canonical(kept, ours)
        yield ")"
    elif isinstance(node, list):
        yield "["
        for item in node:
            yield from _canonical(item, ours)
            yield ","
        yield "]"
    else:
        yield repr(node)


def _kept(node: ast.AST, name: str, value: Any, ours: Ours) -> Any:
    if name == "body" and isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        alone = isinstance(node, ast.Module) and len(value) == 1  # a cell whose value is that text
        first = value[0] if value and not alone else None
        if (
            isinstance(first, ast.Expr)
            and isinstance(first.value, ast.Constant)
            and isinstance(first.value.value, str)
        ):
            return value[1:]
    if name == "decorator_list":
        return [
            item
            for item in value
            if not ours(dotted(item.func if isinstance(item, ast.Call) else item) or "")
        ]
    if isinstance(node, ast.JoinedStr):  # some Pythons leave empty pieces in it
        return [item for item in value if not (isinstance(item, ast.Constant) and item.value == "")]
    return value


def dotted(node: ast.AST) -> str | None:
    """Return ``a.b.c`` for such an expression, None for any other."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before is not None else None
    return None


def lines_of(filename: str, namespace: dict[str, Any] | None = None) -> str:
    """Return the text of a file, or of a notebook's cell; "" when there is none."""
    return "".join(linecache.getlines(filename, namespace))


def function_definition(code: CodeType, ours: Ours) -> Definition | None:
    """Return how a function was written; None when its source is gone."""
    known = _functions.get((code, code.co_filename))
    if known is None:
        text = lines_of(code.co_filename)
        known = _find_function(text, code, ours) if text else None
        if known is not None:
            if len(_functions) >= _KEPT:
                _functions.clear()
            _functions[code, code.co_filename] = known
    return known


#: By code object and file: what was found first counts, a file may have been edited since it was imported.
_functions: dict[tuple[CodeType, str], Definition] = {}
_KEPT = 4096


def _find_function(text: str, code: CodeType, ours: Ours) -> Definition | None:
    tree = _parsed(text)
    if tree is None:
        return None
    nodes: list[Node] = [
        node for node in _nodes(tree) if _name(node) == code.co_name and _first(node) == code.co_firstlineno
    ]
    if code.co_name == "<lambda>":
        nodes = _at_position(nodes, code)
    return _definition(text, nodes, ours) if nodes else None


def _at_position(nodes: list[Node], code: CodeType) -> list[Node]:
    """Choose between lambdas of one line by the columns of their instructions, where Python kept those."""
    places = [(place[0], place[2]) for place in code.co_positions() if place[0] and place[2] is not None]
    inside = [
        node
        for node in nodes
        if isinstance(node, ast.Lambda)
        and any((node.body.lineno, node.body.col_offset) <= place for place in places)
        and all(place <= (node.end_lineno, node.end_col_offset) for place in places if place[1])
    ]
    starts = [(node.lineno, node.col_offset) for node in inside]
    return [node for node in inside if (node.lineno, node.col_offset) == max(starts)] if inside else nodes


def class_definition(text: str, qualname: str, ours: Ours) -> Definition | None:
    """Return how a class was written in the text of its file; None when it is not there."""
    tree = _parsed(text)
    names = [name for name in qualname.split(".") if name != "<locals>"]
    found = [node for path, node in _paths(tree, []) if path == names] if tree is not None else []
    classes = [node for node in found if isinstance(node, ast.ClassDef)]
    return _definition(text, classes[-1:], ours) if classes else None


def _definition(text: str, nodes: Sequence[Node], ours: Ours) -> Definition:
    lines = text.splitlines(keepends=True)
    written = "".join("".join(lines[_first(node) - 1 : node.end_lineno]) for node in nodes)
    reads = sorted({read for node in nodes for read in _reads(text, node)})
    changes = {name for node in nodes for name in _changed(node)}
    return Definition(
        written, "".join(canonical(node, ours) for node in nodes), tuple(reads), frozenset(changes)
    )


@lru_cache(maxsize=64)
def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def module_text(text: str) -> str:
    """Return what of a whole file has meaning."""
    tree = _parsed(text)
    return canonical(tree) if tree is not None else text


@lru_cache(maxsize=64)
def _tables(text: str) -> tuple[symtable.SymbolTable, ...]:
    import symtable

    def below(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
        yield table
        for child in table.get_children():
            yield from below(child)

    return tuple(below(symtable.symtable(text, "<source>", "exec")))


def _nodes(tree: ast.Module) -> Iterator[Node]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    return (node for node in ast.walk(tree) if isinstance(node, kinds))


def _paths(tree: ast.AST, above: list[str]) -> Iterator[tuple[list[str], ast.AST]]:
    for node in ast.iter_child_nodes(tree):
        name = getattr(node, "name", None) if isinstance(node, ast.stmt) else None
        path = [*above, name] if isinstance(name, str) else above
        if isinstance(name, str):
            yield path, node
        yield from _paths(node, path)


def _name(node: Node) -> str:
    return "<lambda>" if isinstance(node, ast.Lambda) else node.name


def _first(node: Node) -> int:
    decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _reads(text: str, node: Node) -> Iterator[str]:
    """Yield what a definition looks up outside itself; what it assigns to is its state and left out."""
    name = "lambda" if isinstance(node, ast.Lambda) else node.name
    outer: set[str] = set()
    for table in _tables(text):
        if table.get_name() == name and table.get_lineno() == node.lineno:
            outer |= _outside(table)
    inside_chain: set[int] = set()
    for part in ast.walk(node):
        path = dotted(part) if isinstance(part, ast.Attribute) else None
        if path is not None and path.partition(".")[0] in outer:
            yield path
            inside_chain.update(id(below) for below in ast.walk(part) if below is not part)
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id in outer and id(part) not in inside_chain:
            yield part.id


def _outside(table: symtable.SymbolTable) -> set[str]:
    """Return the names that are global or of an enclosing function, for a definition with all inside it."""
    found: set[str] = set()
    local: set[str] = set()
    for symbol in table.get_symbols():
        if symbol.is_global() or symbol.is_free():
            if not symbol.is_assigned() and not symbol.get_name().startswith("__"):
                found.add(symbol.get_name())
        else:
            local.add(symbol.get_name())
    for child in table.get_children():
        found |= _outside(child) - (local if table.get_type() == "function" else set())
    return found


def _changed(node: ast.AST) -> set[str]:
    found: set[str | None] = set()
    for part in ast.walk(node):
        if (
            isinstance(part, ast.Call)
            and isinstance(part.func, ast.Attribute)
            and part.func.attr in _CHANGING
        ):
            found.add(_root(part.func.value))
        elif isinstance(part, (ast.Subscript, ast.Attribute)) and isinstance(part.ctx, (ast.Store, ast.Del)):
            found.add(_root(part.value))
    return {name for name in found if name is not None}


def _root(node: ast.AST) -> str | None:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def notebook_cells() -> Iterator[str]:
    """Yield the texts that exist only in memory (cells of a notebook), the newest first."""
    for name, entry in reversed(list(linecache.cache.items())):
        if len(entry) == 4 and entry[1] is None and name not in sys.modules:
            yield "".join(entry[2])
