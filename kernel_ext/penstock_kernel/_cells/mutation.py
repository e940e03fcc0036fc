"""Signs in the text that an object is changed in place."""

from __future__ import annotations

import ast

#: Methods that change their object and are called for it: only as a statement of their own, because
#: `df.sort(...)` or `a.add(b)` whose value is used returns something new.
_STATEMENT_METHODS = frozenset(
    {
        "add",
        "append",
        "appendleft",
        "clear",
        "discard",
        "extend",
        "extendleft",
        "insert",
        "remove",
        "reverse",
        "rotate",
        "sort",
        "update",
    }
)
#: Methods that change their object and whose value is of use.
_ANY_METHODS = frozenset({"fit", "partial_fit", "pop", "popitem", "popleft", "setdefault"})


def root_name(node: ast.expr) -> str | None:
    """Return the variable at the left end of `a.b[c].d`; None when a call or a literal is there."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def changed_by_call(call: ast.Call, *, statement: bool) -> str | None:
    """Return the variable whose object this call changes in place, as far as its name tells."""
    function = call.func
    if isinstance(function, ast.Name) and function.id in {"setattr", "delattr"} and call.args:
        return root_name(call.args[0])
    if not isinstance(function, ast.Attribute):
        return None
    methods = _ANY_METHODS | _STATEMENT_METHODS if statement else _ANY_METHODS
    if function.attr in methods or _in_place(call):
        return root_name(function.value)
    return None


def _in_place(call: ast.Call) -> bool:
    return any(
        keyword.arg == "inplace" and isinstance(keyword.value, ast.Constant) and keyword.value.value is True
        for keyword in call.keywords
    )
