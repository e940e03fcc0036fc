"""What can be had of a file whose imports may be missing. Reference: prefect-utilities-importtools."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from penstock._loading.scripts import import_folders

_DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.Assign, ast.AnnAssign)


def safe_load_namespace(source_code: str, filepath: str | None = None) -> dict[str, Any]:
    r"""Return the names a source text defines, without those whose definition raises.

    Imports, classes, functions and assignments at the top level are run one by one; other statements, such as
    calls, are not run at all.

    Args:
        source_code: the text.
        filepath: the file it is from; modules beside it can then be imported.

    Example:
        >>> names = safe_load_namespace("import no_such_module\nN = 2\nM = N * 2")
        >>> names["M"], "no_such_module" in names
        (4, False)
    """
    namespace: dict[str, Any] = {"__name__": "__penstock_namespace__"}
    folders: list[Path] = []
    if filepath is not None:
        namespace["__file__"] = filepath
        folders = [Path(filepath).resolve().parent]
    with import_folders(*folders):
        for statement in _runnable(ast.parse(source_code).body):
            code = compile(ast.Module([statement], []), filepath or "<source>", "exec", dont_inherit=True)
            try:
                exec(code, namespace)  # noqa: S102  # the user's own definitions
            except Exception:  # noqa: S112  # what is missing is left out; that is the purpose
                continue
    return namespace


def _runnable(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that define names, each import on its own."""
    for node in body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                yield _single(node, alias)
        elif isinstance(node, _DEFINITIONS):
            yield node
        elif isinstance(node, ast.If) and not _is_main_guard(node):
            yield from _runnable(node.body)
            yield from _runnable(node.orelse)
        elif isinstance(node, ast.Try):
            yield from _runnable(node.body)


def _single(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> ast.stmt:
    one: ast.Import | ast.ImportFrom = ast.Import([alias])
    if isinstance(node, ast.ImportFrom):
        one = ast.ImportFrom(node.module, [alias], node.level)
    return ast.copy_location(one, node)


def _is_main_guard(node: ast.If) -> bool:
    return "__name__" in {part.id for part in ast.walk(node.test) if isinstance(part, ast.Name)}
