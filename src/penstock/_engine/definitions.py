"""What flows and tasks have in common: checks at definition, and binding to instances and classes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction, unwrap
from typing import Any, TypeVar

from penstock.exceptions import InvalidNameError

H = TypeVar("H", bound=Callable[..., Any])
_FORBIDDEN = "/%&><"


def check_name(name: str, kind: str) -> str:
    """Return `name`.

    Raises:
        InvalidNameError: it holds one of ``/ % & > <``.
    """
    bad = [char for char in _FORBIDDEN if char in name]
    if bad:
        raise InvalidNameError(
            f"{kind} name {name!r} contains invalid characters {bad}; it must not contain any of: {' '.join(_FORBIDDEN)}"
        )
    return name


def check_hooks(hooks: Iterable[Any] | None, kind: str) -> list[Callable[..., Any]]:
    """Return hooks as a list.

    Raises:
        TypeError: not an iterable of callables.
    """
    if hooks is None:
        return []
    if callable(hooks) or isinstance(hooks, str):
        raise TypeError(
            f"Expected iterable for '{kind}'; got {type(hooks).__name__} instead. Please provide a list of hooks to '{kind}'."
        )
    listed = list(hooks)
    for hook in listed:
        if not callable(hook):
            raise TypeError(f"Expected callables in '{kind}'; got {type(hook).__name__} instead.")
    return listed


def default_name(fn: Callable[..., Any]) -> str:
    """Return the name of a function as people write it."""
    name = getattr(fn, "__name__", None) or type(fn).__name__
    return "unknown-lambda" if name == "<lambda>" else str(name)


def plain_function(fn: Any) -> Any:
    """Return the function inside a class or static method."""
    return fn.__func__ if isinstance(fn, (classmethod, staticmethod)) else fn


def is_async(fn: Any) -> bool:
    """True for coroutine functions, also behind decorators and partials."""
    inner = _innermost(fn)
    return iscoroutinefunction(inner) or isasyncgenfunction(inner)


def is_generator(fn: Any) -> bool:
    """True for generator functions, sync or async, also behind decorators and partials."""
    inner = _innermost(fn)
    return isgeneratorfunction(inner) or isasyncgenfunction(inner)


def _innermost(fn: Any) -> Any:
    inner = unwrap(plain_function(fn))
    while isinstance(inner, functools.partial):
        inner = inner.func
    if hasattr(inner, "__code__") or isinstance(inner, type):
        return inner
    return type(inner).__call__  # an object that can be called


def bound_copy(definition: Any, fn: Any, instance: Any, owner: type | None) -> Any:
    """Return `definition` bound the way Python binds the function it wraps, or itself when nothing binds.

    A copy, so that the class keeps one definition and each instance calls with its own `self`.
    """
    raw = definition.raw_fn
    if isinstance(raw, staticmethod):
        return definition
    if isinstance(raw, classmethod):
        target = owner if owner is not None else type(instance)
    elif instance is None:
        return definition
    else:
        target = instance
    import copy

    twin = copy.copy(definition)
    twin.fn = fn.__get__(target, type(target))
    return twin
