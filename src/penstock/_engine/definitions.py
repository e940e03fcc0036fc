"""What flows and tasks have in common: checks at definition, and binding to instances and classes."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterable
from inspect import getdoc, isasyncgenfunction, iscoroutinefunction, isgeneratorfunction, ismethod, unwrap
from typing import Any, Self, TypeVar

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


def docstring(fn: Callable[..., Any]) -> str | None:
    """Return the docstring of a function, without its indentation."""
    return getdoc(fn) if getattr(fn, "__doc__", None) else None


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


class Fact(int):
    """Yes or no, as a value and as a call: the reference documents methods where the package has properties."""

    def __call__(self) -> bool:
        return bool(self)

    def __repr__(self) -> str:
        return repr(bool(self))


class TransactionHooks:
    """The hooks of tasks on what becomes of their work; each is called with the transaction of the run."""

    on_commit_hooks: list[Any]
    on_rollback_hooks: list[Any]

    def on_commit(self, fn: H) -> H:
        """Register a hook for when the result is committed; returns it unchanged."""
        self.on_commit_hooks.append(fn)
        return fn

    def on_rollback(self, fn: H) -> H:
        """Register a hook that undoes a completed run, when something else in its transaction fails; returns it."""
        self.on_rollback_hooks.append(fn)
        return fn


class Definition:
    """What `Flow` and `Task` share: their function, their hooks, and how they bind to instances and classes."""

    name: str
    #: What was decorated; a class or static method still wrapped as one.
    raw_fn: Any
    on_completion_hooks: list[Any]
    on_failure_hooks: list[Any]
    on_running_hooks: list[Any]

    def on_completion(self, fn: H) -> H:
        """Register a hook for completed runs; returns it unchanged."""
        self.on_completion_hooks.append(fn)
        return fn

    def on_failure(self, fn: H) -> H:
        """Register a hook for runs that failed for good; returns it unchanged."""
        self.on_failure_hooks.append(fn)
        return fn

    def on_running(self, fn: H) -> H:
        """Register a hook that runs before every attempt; returns it unchanged."""
        self.on_running_hooks.append(fn)
        return fn

    @property
    def isclassmethod(self) -> Fact:
        """Whether the function is a class method."""
        return Fact(isinstance(self.raw_fn, classmethod))

    @property
    def isstaticmethod(self) -> Fact:
        """Whether the function is a static method."""
        return Fact(isinstance(self.raw_fn, staticmethod))

    @property
    def ismethod(self) -> Fact:
        """Whether the function is bound to an instance."""
        return Fact(ismethod(vars(self)["fn"]) and not self.isclassmethod)

    def __get__(self, instance: Any, owner: type | None = None) -> Self:
        """Return this definition bound as Python binds the function it wraps, or itself when nothing binds.

        A copy, so that the class keeps one definition and each instance calls with its own `self`.
        """
        raw = self.raw_fn
        if isinstance(raw, staticmethod):
            return self
        if isinstance(raw, classmethod):
            target = owner if owner is not None else type(instance)
        elif instance is None:
            return self
        else:
            target = instance
        twin = copy.copy(self)
        vars(twin)["fn"] = vars(self)["fn"].__get__(target, type(target))
        return twin

    def __reduce__(self) -> Any:
        # By value: a worker may not be able to import what a notebook defined. Bound copies keep their `fn`.
        return _rebuild, (type(self), self.raw_fn, vars(self).copy())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"


def _rebuild(kind: type[Definition], raw_fn: Any, state: dict[str, Any]) -> Definition:
    made = kind.__new__(kind)
    vars(made).update(state)
    made.raw_fn = raw_fn
    return made
