"""Dicts in dicts: flattened, merged, reached into."""

from __future__ import annotations

import re
from functools import reduce
from typing import Any

_PART = re.compile(r"[^.\[\]]+|\[\d+\]")


def dict_to_flatdict(dct: dict[Any, Any]) -> dict[tuple[Any, ...], Any]:
    """Return a dict whose keys are the chains of keys that lead to each value; the type of dict is kept.

    Example:
        >>> dict_to_flatdict({"a": {"b": 1}, "c": 2})
        {('a', 'b'): 1, ('c',): 2}
    """
    flat: list[tuple[tuple[Any, ...], Any]] = []
    for key, value in dct.items():
        if isinstance(value, dict) and value:
            flat += [((key, *chain), inner) for chain, inner in dict_to_flatdict(value).items()]
        else:
            flat.append(((key,), value))
    return type(dct)(flat)


def flatdict_to_dict(dct: dict[tuple[Any, ...], Any]) -> dict[Any, Any]:
    """Undo `dict_to_flatdict`."""
    nested: Any = type(dct)()
    for chain, value in dct.items():
        *outer, last = chain
        place = reduce(lambda inner, key: inner.setdefault(key, type(dct)()), outer, nested)
        place[last] = value
    return nested  # type: ignore[no-any-return]


def remove_nested_keys(keys_to_remove: list[Any], obj: Any) -> Any:
    """Return a copy of nested dicts without some keys; anything but a dict is returned as it is.

    Example:
        >>> remove_nested_keys(["a"], {"a": 1, "b": {"a": 2, "c": 3}})
        {'b': {'c': 3}}
    """
    if not isinstance(obj, dict):
        return obj
    return {
        key: remove_nested_keys(keys_to_remove, value)
        for key, value in obj.items()
        if key not in keys_to_remove
    }


def _chain(keys: str | list[Any]) -> list[Any]:
    if not isinstance(keys, str):
        return list(keys)
    return [int(part[1:-1]) if part.startswith("[") else part for part in _PART.findall(keys)]


def get_from_dict(dct: Any, keys: str | list[Any], default: Any = None) -> Any:
    """Return a value from inside nested dicts and lists, or `default` when there is none.

    Args:
        dct: where to look.
        keys: the way to it: a list of keys and indices, or text such as ``"a.b[1]"``.
        default: returned instead of a value that is not there.

    Example:
        >>> get_from_dict({"a": {"b": [1, 2]}}, "a.b[1]")
        2
    """
    value = dct
    for key in _chain(keys):
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            try:
                value = value[int(key)]
            except (KeyError, IndexError, TypeError, ValueError):
                return default
    return value


def set_in_dict(dct: dict[str, Any], keys: str | list[str], value: Any) -> None:
    """Set a value inside nested dicts, in place; dicts on the way to it are made.

    Args:
        dct: where to set it.
        keys: the way to it: a list of keys, or text such as ``"a.b"``.
        value: what to set.

    Raises:
        KeyError: on the way there is something else than a dict.
    """
    *outer, last = _chain(keys)
    place: Any = dct
    for key in outer:
        place = place.setdefault(key, {})
        if not isinstance(place, dict):
            raise KeyError(f"Key path exists and contains a non-dict value at {key!r}: {[*outer, last]}")
    place[last] = value


def deep_merge(dct: dict[str, Any], merge: dict[str, Any]) -> dict[str, Any]:
    """Return a new dict with the values of both; where both have dicts, these are merged, else `merge` counts.

    Example:
        >>> deep_merge({"a": {"b": 1}}, {"a": {"c": 2}})
        {'a': {'b': 1, 'c': 2}}
    """
    merged = dict(dct)
    for key, value in merge.items():
        before = merged.get(key)
        merged[key] = (
            deep_merge(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
        )
    return merged


def deep_merge_dicts(*dicts: dict[str, Any]) -> dict[str, Any]:
    """Return a new dict with the values of all of them, merged from left to right."""
    return reduce(deep_merge, dicts, {})
