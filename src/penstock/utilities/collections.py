"""Nested data: walked, merged, flattened. Reference page: api-ref prefect-utilities-collections."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Generator, Hashable, Iterable, Iterator
from enum import Enum, auto
from typing import Any, TypeVar

from penstock._engine.mapping import is_iterable
from penstock._values.collections import StopVisiting as StopVisiting
from penstock._values.collections import visit_collection as visit_collection
from penstock.utilities._nested import deep_merge as deep_merge
from penstock.utilities._nested import deep_merge_dicts as deep_merge_dicts
from penstock.utilities._nested import dict_to_flatdict as dict_to_flatdict
from penstock.utilities._nested import flatdict_to_dict as flatdict_to_dict
from penstock.utilities._nested import get_from_dict as get_from_dict
from penstock.utilities._nested import remove_nested_keys as remove_nested_keys
from penstock.utilities._nested import set_in_dict as set_in_dict

T = TypeVar("T")


class AutoEnum(str, Enum):
    """An enumeration whose values are the names of its members, and which is JSON as it is.

    Example:
        >>> class Color(AutoEnum):
        ...     RED = AutoEnum.auto()
        >>> Color.RED.value
        'RED'
    """

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[Any]) -> str:
        del start, count, last_values
        return name

    @staticmethod
    def auto() -> Any:
        """Return `enum.auto()`, so that it need not be imported."""
        return auto()

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.value}"


def isiterable(obj: Any) -> bool:
    """Return whether an object is iterable; text, bytes and files count as single values."""
    return is_iterable(obj)


def ensure_iterable(obj: T | Iterable[T]) -> Collection[T]:
    """Return an iterable as it is, anything else as the only element of a list."""
    return obj if isinstance(obj, Collection) else [obj]  # type: ignore[list-item]


def listrepr(objs: Iterable[Any], sep: str = " ") -> str:
    """Return the `repr` of each object, joined."""
    return sep.join(repr(obj) for obj in objs)


def extract_instances(objects: Iterable[Any], types: type[T] | tuple[type[T], ...] = object) -> Any:  # type: ignore[assignment]
    """Return the objects of a type as a list; with several types, a dict of a list for each type found."""
    matching = [obj for obj in objects if isinstance(obj, types)]
    if not isinstance(types, tuple):
        return matching
    found: dict[type[Any], list[Any]] = {}
    for obj in matching:
        for kind in types:
            if isinstance(obj, kind):
                found.setdefault(kind, []).append(obj)
    return found


def batched_iterable(iterable: Iterable[T], size: int) -> Generator[tuple[T, ...], None, None]:
    """Yield the elements in tuples of `size`; the last may be shorter.

    Example:
        >>> list(batched_iterable("abc", 2))
        [('a', 'b'), ('c',)]
    """
    iterator = iter(iterable)
    while batch := tuple(itertools.islice(iterator, size)):
        yield batch


def distinct(iterable: Iterable[T], key: Callable[[T], Hashable] | None = None) -> Iterator[T]:
    """Yield each element the first time that it, or its key, is seen."""
    seen: set[Any] = set()
    for item in iterable:
        mark = item if key is None else key(item)
        if mark not in seen:
            seen.add(mark)
            yield item


__all__ = [
    "AutoEnum",
    "StopVisiting",
    "batched_iterable",
    "deep_merge",
    "deep_merge_dicts",
    "dict_to_flatdict",
    "distinct",
    "ensure_iterable",
    "extract_instances",
    "flatdict_to_dict",
    "get_from_dict",
    "isiterable",
    "listrepr",
    "remove_nested_keys",
    "set_in_dict",
    "visit_collection",
]
