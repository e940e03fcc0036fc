"""Walking nested data, copying a container only when something in it changed.

There is one walker. `visit` shows it the leaves, for the engine; `visit_collection` shows it everything, with
depth and context, as api-ref prefect-utilities-collections describes.
"""

from __future__ import annotations

import copy
import dataclasses
import itertools
from collections.abc import Callable, Iterable
from typing import Any

from penstock._values.annotations import BaseAnnotation, opaque, quote

_LEAVES = (str, bytes, int, float, bool, type(None), complex, bytearray, memoryview)

_SCALARS: frozenset[type[Any]] = frozenset(
    [str, bytes, int, float, bool, type(None), complex, bytearray, memoryview]
)
_NOTHING: frozenset[type[Any]] = frozenset()

Inside = Callable[[Any], bool] | None
Context = dict[str, Any] | None
Seen = frozenset[int]


class StopVisiting(BaseException):
    """Raised by a visitor: leave this expression as it is and do not look inside it."""


@dataclasses.dataclass(slots=True)
class _Walk:
    """How one walk goes.

    Attributes:
        see: called with what is shown, and the context; what it returns takes its place.
        everything: show containers (before what is in them) and plain scalars too, not only leaves.
        inside: asked of every container; when it answers False, the container is left alone.
        bare: put the contents of annotations in their place.
        marks: called with an annotation instead of looking inside it; what it returns takes its place.
    """

    see: Callable[[Any, Context], Any]
    everything: bool = False
    inside: Inside = None
    bare: bool = False
    marks: Callable[[BaseAnnotation[Any]], Any] | None = None

    def step(self, expr: Any, depth: int, context: Context, seen: Seen) -> Any:
        """Return `expr` as this walk changes it; `depth` is how many more layers to go down, -1 for all."""
        if self.everything:
            try:
                expr = self.see(expr, context)
            except StopVisiting:
                return expr
        kind = type(expr)
        if kind in _SCALARS or id(expr) in seen:
            return expr
        enter = _PLAIN.get(kind)
        if enter is None:
            if isinstance(expr, BaseAnnotation):
                return self._annotation(expr, depth, context, seen | {id(expr)})
            enter = _entering(expr, kind)
            if enter is None:
                return expr if self.everything else self.see(expr, context)
        if depth == 0 or (self.inside is not None and not self.inside(expr)):
            return expr
        inner = None if context is None else context.copy()
        below, seen, step = depth - 1, seen | {id(expr)}, self.step
        # A walk that shows leaves only need not be called for scalars.
        skipped: Skipped = _NOTHING if self.everything else _SCALARS
        return enter(expr, lambda part: step(part, below, inner, seen), skipped)

    def _annotation(self, expr: BaseAnnotation[Any], depth: int, context: Context, seen: Seen) -> Any:
        if depth == 0:
            return expr
        if self.marks is not None:
            return self.marks(expr)
        if not self.everything and type(expr) in (quote, opaque):
            return expr
        inner = None if context is None else {**context, "annotation": expr}
        below = 0 if type(expr) is opaque else depth - 1
        value = self.step(expr.unwrap(), below, inner, seen)
        if self.bare:
            return value
        return expr if value is expr.unwrap() else expr.rewrap(value)


def visit(
    expr: Any,
    leaf: Callable[[Any], Any],
    *,
    inside: Inside = None,
    marks: Callable[[BaseAnnotation[Any]], Any] | None = None,
    max_depth: int = -1,
) -> Any:
    """Return `expr` with `leaf` applied to everything in it that is not a container.

    Lists, tuples (named ones too), sets, dicts (keys too), dataclass instances, pydantic models and annotations
    are containers. What is inside `quote` or `opaque` is left alone. Containers without a change are returned
    as they are; cycles end the walk; generators are never consumed.

    Args:
        expr: what to walk.
        leaf: called with every leaf; what it returns takes the leaf's place.
        inside: called with every container; when it answers False, the container is left alone.
        marks: called with every annotation instead of looking inside it; what it returns takes its place.
        max_depth: how many layers to go down; a negative number for all of them.
    """
    if type(expr) in _SCALARS:
        return expr
    return _Walk(lambda obj, _: leaf(obj), inside=inside, marks=marks).step(
        expr, max_depth, None, frozenset()
    )


def members(expr: Any) -> Iterable[Any]:
    """Return what is directly in a container: elements, keys and values, or fields; nothing for a leaf."""
    enter = _entering(expr, type(expr))
    if enter is _enter_sequence:
        return expr  # type: ignore[no-any-return]
    if enter is _enter_dict:
        return itertools.chain(expr.keys(), expr.values())
    return [getattr(expr, name, None) for name in _field_names(expr)] if enter else ()


def visit_collection(
    expr: Any,
    visit_fn: Callable[..., Any],
    return_data: bool = False,
    max_depth: int = -1,
    context: dict[str, Any] | None = None,
    remove_annotations: bool = False,
    _seen: set[int] | None = None,
) -> Any:
    """Show `visit_fn` a value and everything nested in it. Reference: api-ref prefect-utilities-collections.

    Args:
        expr: what to walk: lists, tuples, sets, dicts (keys too), dataclass instances, pydantic models and
            annotations are gone into; iterators and generators are shown but never consumed.
        visit_fn: called with each expression, containers before their contents; with ``(expr, context)`` when a
            context is given. It may raise `StopVisiting` to keep an expression as it is.
        return_data: return `expr` with what `visit_fn` returned in its place; only what changes is copied.
        max_depth: how many layers to go down; a negative number for all of them.
        context: passed along; what a visitor puts there is seen deeper down, never further up. Inside an
            annotation, the key ``annotation`` holds it.
        remove_annotations: put the contents of annotations in their place.

    Returns:
        the changed value with `return_data`, else None.

    Example:
        >>> visit_collection([1, {"a": 2}], lambda x: x + 1 if isinstance(x, int) else x, return_data=True)
        [2, {'a': 3}]
    """

    def see(obj: Any, where: Context) -> Any:
        answer = visit_fn(obj) if where is None else visit_fn(obj, where)
        return answer if return_data else obj

    walk = _Walk(see, everything=True, bare=remove_annotations)
    context = None if context is None else context.copy()
    result = walk.step(expr, max_depth, context, frozenset(_seen or ()))
    return result if return_data else None


def find(expr: Any, wanted: type | tuple[type, ...]) -> list[Any]:
    """Return every object of a type found in `expr`, in order."""
    found: list[Any] = []

    def collect(obj: Any) -> Any:
        if isinstance(obj, wanted):
            found.append(obj)
        return obj

    visit(expr, collect)
    return found


Step = Callable[[Any], Any]
Skipped = frozenset[type[Any]]
Enter = Callable[[Any, Step, Skipped], Any]


def _entering(expr: Any, kind: type) -> Enter | None:
    """Return the function that walks this kind of container; None for a leaf."""
    if isinstance(expr, dict):
        return _enter_dict
    if isinstance(expr, (list, tuple, set, frozenset)):
        return _enter_sequence
    if dataclasses.is_dataclass(kind) or (hasattr(kind, "model_fields") and hasattr(kind, "model_construct")):
        return _enter_fields
    return None


def _enter_dict(expr: dict[Any, Any], step: Step, skipped: Skipped) -> Any:
    pairs = [
        (key if type(key) in skipped else step(key), value if type(value) in skipped else step(value))
        for key, value in expr.items()
    ]
    if all(nk is k and nv is v for (nk, nv), (k, v) in zip(pairs, expr.items(), strict=True)):
        return expr
    return dict(pairs) if type(expr) is dict else type(expr)(pairs)


def _enter_sequence(expr: Any, step: Step, skipped: Skipped) -> Any:
    items = [item if type(item) in skipped else step(item) for item in expr]
    if all(new is old for new, old in zip(items, expr, strict=True)):
        return expr
    if hasattr(expr, "_fields"):
        return type(expr)(*items)
    kind = getattr(expr, "resolves_to", type(expr))  # a list of futures is a plain list once it holds none
    try:
        return kind(items)
    except TypeError:
        return items


def _enter_fields(expr: Any, step: Step, skipped: Skipped) -> Any:
    """Walk a dataclass instance or pydantic model; a changed copy is not validated again."""
    changed = {}
    for name in _field_names(expr):
        old = getattr(expr, name, None)
        new = step(old)
        if new is not old:
            changed[name] = new
    if not changed:
        return expr
    if not dataclasses.is_dataclass(expr):
        return expr.model_copy(update=changed)
    twin = copy.copy(expr)
    for name, value in changed.items():
        object.__setattr__(twin, name, value)
    return twin


def _field_names(expr: Any) -> list[str]:
    if dataclasses.is_dataclass(expr):
        return [field.name for field in dataclasses.fields(expr)]
    return list(type(expr).model_fields)


#: What needs no closer look; the rest is asked what it is.
_PLAIN: dict[type[Any], Enter] = {
    dict: _enter_dict,
    frozenset: _enter_sequence,
    list: _enter_sequence,
    set: _enter_sequence,
    tuple: _enter_sequence,
}
