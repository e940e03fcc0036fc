"""Walking nested data, copying a container only when something in it changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from penstock._values.annotations import BaseAnnotation, opaque, quote

_LEAVES = (str, bytes, int, float, bool, type(None), complex, bytearray, memoryview)


Inside = Callable[[Any], bool] | None


def visit(
    expr: Any, leaf: Callable[[Any], Any], *, inside: Inside = None, _seen: frozenset[int] = frozenset()
) -> Any:
    """Return `expr` with `leaf` applied to everything in it that is not a container.

    Lists, tuples (named ones too), sets, dicts (keys too), dataclass instances, pydantic models and annotations
    are containers. What is inside `quote` or `opaque` is left alone. Containers without a change are returned
    as they are; cycles end the walk; generators are never consumed.

    Args:
        expr: what to walk.
        leaf: called with every leaf; what it returns takes the leaf's place.
        inside: called with every container; when it answers False, the container is left alone.
    """
    kind = type(expr)
    if kind in _LEAVES:
        return expr
    if kind in (quote, opaque):
        return expr
    if id(expr) in _seen:
        return expr
    if isinstance(expr, BaseAnnotation):
        inner = visit(expr.unwrap(), leaf, inside=inside, _seen=_seen | {id(expr)})
        return expr if inner is expr.unwrap() else expr.rewrap(inner)
    if inside is not None and _is_container(expr, kind) and not inside(expr):
        return expr
    if kind is dict or isinstance(expr, dict):
        return _visit_dict(expr, leaf, inside, _seen | {id(expr)})
    if kind in (list, tuple, set, frozenset) or isinstance(expr, (list, tuple, set, frozenset)):
        return _visit_sequence(expr, leaf, inside, _seen | {id(expr)})
    if dataclasses.is_dataclass(expr) and not isinstance(expr, type):
        return _visit_fields(
            expr, [f.name for f in dataclasses.fields(expr)], leaf, inside, _seen | {id(expr)}
        )
    if hasattr(kind, "model_fields") and hasattr(kind, "model_construct"):
        return _visit_fields(expr, list(kind.model_fields), leaf, inside, _seen | {id(expr)})
    return leaf(expr)


def _is_container(expr: Any, kind: type) -> bool:
    return (
        isinstance(expr, (dict, list, tuple, set, frozenset))
        or (dataclasses.is_dataclass(expr) and not isinstance(expr, type))
        or (hasattr(kind, "model_fields") and hasattr(kind, "model_construct"))
    )


def find(expr: Any, wanted: type | tuple[type, ...]) -> list[Any]:
    """Return every object of a type found in `expr`, in order."""
    found: list[Any] = []

    def collect(obj: Any) -> Any:
        if isinstance(obj, wanted):
            found.append(obj)
        return obj

    visit(expr, collect)
    return found


def _visit_dict(
    expr: dict[Any, Any], leaf: Callable[[Any], Any], inside: Inside, seen: frozenset[int]
) -> Any:
    pairs = [
        (visit(k, leaf, inside=inside, _seen=seen), visit(v, leaf, inside=inside, _seen=seen))
        for k, v in expr.items()
    ]
    if all(nk is k and nv is v for (nk, nv), (k, v) in zip(pairs, expr.items(), strict=True)):
        return expr
    return dict(pairs) if type(expr) is dict else type(expr)(pairs)


def _visit_sequence(expr: Any, leaf: Callable[[Any], Any], inside: Inside, seen: frozenset[int]) -> Any:
    items = [visit(item, leaf, inside=inside, _seen=seen) for item in expr]
    if all(new is old for new, old in zip(items, expr, strict=True)):
        return expr
    if hasattr(expr, "_fields"):
        return type(expr)(*items)
    kind = getattr(expr, "resolves_to", type(expr))  # a list of futures is a plain list once it holds none
    try:
        return kind(items)
    except TypeError:
        return items


def _visit_fields(
    expr: Any, names: list[str], leaf: Callable[[Any], Any], inside: Inside, seen: frozenset[int]
) -> Any:
    changed = {}
    for name in names:
        old = getattr(expr, name, None)
        new = visit(old, leaf, inside=inside, _seen=seen)
        if new is not old:
            changed[name] = new
    if not changed:
        return expr
    if dataclasses.is_dataclass(expr):
        import copy

        twin = copy.copy(expr)
        for name, value in changed.items():
            object.__setattr__(twin, name, value)
        return twin
    return expr.model_copy(update=changed)
