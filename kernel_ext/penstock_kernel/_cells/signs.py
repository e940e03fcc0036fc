"""What single statements and calls give away: changes in place, jumps, forgiven errors."""

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


def may_continue(statement: ast.stmt) -> bool:
    """Whether the statement may jump to the next round of a loop."""
    return any(isinstance(node, ast.Continue) for node in ast.walk(statement))


def suppresses(expression: ast.expr) -> bool:
    """Whether a `with` item swallows exceptions, so that its block may stop half way."""
    if not isinstance(expression, ast.Call):
        return False
    function = expression.func
    return "suppress" in {getattr(function, "id", None), getattr(function, "attr", None)}


def catches_name_error(handler: ast.ExceptHandler) -> bool:
    """Whether a handler copes with names that do not exist."""
    if handler.type is None:
        return False
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(name, ast.Name) and name.id == "NameError" for name in names)


def is_irrefutable(pattern: ast.pattern) -> bool:
    """Whether a pattern matches everything."""
    match pattern:
        case ast.MatchAs(pattern=None):
            return True
        case ast.MatchAs(pattern=inner) if inner is not None:
            return is_irrefutable(inner)
        case ast.MatchOr(patterns=patterns):
            return any(is_irrefutable(one) for one in patterns)
        case _:
            return False
