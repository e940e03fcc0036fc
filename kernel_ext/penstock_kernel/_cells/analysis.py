"""Find out what a notebook cell reads, binds and does, without running it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Collection, Mapping

from penstock_kernel._cells.facts import CellFacts
from penstock_kernel._cells.record import Record
from penstock_kernel._cells.statements import Statements
from penstock_kernel._cells.syntax import Prepared, prepare

_CAPTURE = "%%capture is not needed: what a task prints and displays is kept with its run; remove the line"


def analyse(source: str, *, known: Collection[str] = ()) -> CellFacts:
    """Return the facts about the text of a cell.

    Args:
        source: the cell without its `%%task` line.
        known: names the user has bound in the notebook: a builtin among them counts as an input
            (see `user_names`).

    Raises:
        SyntaxError: the text is neither Python nor IPython's extension of it.
    """
    return analyse_prepared(prepare(source), known=known)


def analyse_prepared(prepared: Prepared, *, known: Collection[str] = ()) -> CellFacts:
    """Return the facts about a cell whose IPython syntax is already translated."""
    record = Record(known)
    walk = Statements(record)
    if prepared.capture is not None:
        line, name = prepared.capture
        record.problem("magic", line, _CAPTURE)
        if name:
            walk.bind(name)
    walk.block(prepared.tree.body)
    is_async = _compiles(prepared.tree, record)
    return record.facts(walk.state, last_expression=prepared.shows_last, is_async=is_async)


def user_names(namespace: Mapping[str, object], hidden: Mapping[str, object] | None = None) -> frozenset[str]:
    """Return the names the user has bound: those of the namespace but for what IPython put there.

    `hidden` is the shell's `user_ns_hidden`. IPython binds `open`, `exit` and others itself; they count only
    when the user has bound them anew.
    """
    hidden = hidden or {}
    missing = object()
    return frozenset(name for name, value in namespace.items() if hidden.get(name, missing) is not value)


def _compiles(tree: ast.Module, record: Record) -> bool:
    """Compile the cell: note what Python refuses, and return whether it awaits at the top level."""
    if any(problem.code == "syntax" for problem in record.problems):
        return False
    try:
        code = compile(tree, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError as error:
        record.problem("syntax", error.lineno or 1, f"{error.msg}")
        return False
    return bool(code.co_flags & inspect.CO_COROUTINE)
