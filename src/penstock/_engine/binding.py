"""Whether a definition is a method, and of which kind. Reference pages: api-ref prefect-flows, prefect-tasks."""

from __future__ import annotations

import inspect
from typing import Any


class Fact(int):
    """Yes or no, as a value and as a call: the reference documents methods where the package has properties."""

    def __call__(self) -> bool:
        return bool(self)

    def __repr__(self) -> str:
        return repr(bool(self))


def is_classmethod(definition: Any) -> Fact:
    """Whether the function is a class method."""
    return Fact(isinstance(definition.raw_fn, classmethod))


def is_staticmethod(definition: Any) -> Fact:
    """Whether the function is a static method."""
    return Fact(isinstance(definition.raw_fn, staticmethod))


def is_method(definition: Any) -> Fact:
    """Whether the function is bound to an instance."""
    return Fact(inspect.ismethod(definition.fn) and not is_classmethod(definition))
