"""What the annotations of a function mean, where that can be found out.

With ``from __future__ import annotations`` they are text, whose names may be in the module, in a class, in the
function around, or (imported for type checkers only) nowhere. Each is looked at on its own: one that cannot be
resolved is left out and its parameter is not validated; the others are.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import sys
import types
import typing
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from penstock._engine.signatures import EMPTY, signature_of

#: Names that annotations use and only the place of definition knew: see `keep_local_names`.
_LOCAL_NAMES = "__penstock_local_names__"
_cache: weakref.WeakKeyDictionary[Any, dict[str, Any]] = weakref.WeakKeyDictionary()


def hints_of(fn: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations of the parameters that have one that means something here."""
    key = unbound(fn)
    known = _cache.get(key) if _can_be_key(key) else None
    if known is not None:
        return known
    hints, complete = _resolved(key)
    # What is missing now may be defined later, so only what is whole is remembered.
    if complete and _can_be_key(key):
        _cache[key] = hints
    return hints


def unbound(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function of a bound method, which lives longer than the method; else `fn`."""
    return fn.__func__ if inspect.ismethod(fn) else fn


def _can_be_key(fn: Any) -> bool:
    return isinstance(fn, (types.FunctionType, functools.partial))


def _resolved(fn: Callable[..., Any]) -> tuple[dict[str, Any], bool]:
    hints: dict[str, Any] = {}
    annotated = [item for item in signature_of(fn).parameters.values() if item.annotation is not EMPTY]
    names = _names_for(fn)
    for parameter in annotated:
        try:
            hints[parameter.name] = evaluate(parameter.annotation, *names)
        except Exception:  # noqa: S112  # whatever the text of an annotation may raise
            continue
    return hints, len(hints) == len(annotated)


def evaluate(annotation: Any, globals_: dict[str, Any], locals_: dict[str, Any]) -> Any:
    """Return what an annotation means, text in it included.

    Raises:
        NameError, or whatever else evaluating it raises.
    """

    def carrier() -> None: ...

    carrier.__annotations__ = {"it": annotation}
    return typing.get_type_hints(carrier, globals_, locals_, include_extras=True)["it"]


def innermost(fn: Any) -> Any:
    """Return the function inside methods, partials, decorators and callable objects."""
    while True:
        if isinstance(fn, functools.partial):
            fn = fn.func
        elif inspect.ismethod(fn):
            fn = fn.__func__
        elif hasattr(fn, "__wrapped__"):
            fn = fn.__wrapped__
        elif isinstance(fn, (types.FunctionType, types.BuiltinFunctionType, type)) or not hasattr(
            type(fn).__call__, "__code__"
        ):
            return fn
        else:
            fn = type(fn).__call__


def _names_for(fn: Callable[..., Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    inner = innermost(fn)
    found: dict[str, Any] = dict(getattr(inner, _LOCAL_NAMES, None) or {})
    code = getattr(inner, "__code__", None)
    for name, cell in zip(
        code.co_freevars if code else (), getattr(inner, "__closure__", None) or (), strict=False
    ):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return getattr(inner, "__globals__", {}), found


def keep_local_names(fn: Callable[..., Any]) -> None:
    """Remember what annotations of `fn` refer to in the functions around the place where it is decorated.

    Text such as ``"City"`` names a class of the enclosing function; nothing else keeps that name.
    """
    inner = innermost(fn)
    if not isinstance(inner, types.FunctionType):
        return
    missing = {
        name
        for name in _names_in(inner)
        if name not in inner.__globals__
        and not hasattr(builtins, name)
        and name not in inner.__code__.co_freevars
    }
    if not missing:
        return
    found: dict[str, Any] = {}
    for names in _frames_of(inner.__globals__):
        found = {**{name: names[name] for name in missing if name in names}, **found}
    if found:
        inner.__dict__[_LOCAL_NAMES] = found


def _names_in(fn: types.FunctionType) -> Iterator[str]:
    for annotation in fn.__annotations__.values():
        if isinstance(annotation, str):
            try:
                yield from compile(annotation, "<annotation>", "eval").co_names
            except SyntaxError:
                continue


def _frames_of(globals_: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the local names of the calls in progress in one module, innermost first."""
    frame = sys._getframe(1)
    while frame is not None:  # pyright: ignore[reportUnnecessaryComparison]
        if frame.f_globals is globals_ and frame.f_locals is not globals_:
            yield frame.f_locals
        frame = frame.f_back  # type: ignore[assignment]
