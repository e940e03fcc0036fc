"""Content hashes of values: equal values of one type have one hash, in every process and on every Python.

Containers and objects are hashed by what is in them, sets and dicts without regard to order, arrays, frames and
tables by their elements (`arrays`, `frames`, `columns`), functions and classes by their source (`sources`). Nothing
depends on pickles, bytecode, addresses or `repr` of objects. What has no content raises `HashError`.
"""

from __future__ import annotations

from typing import Any


class KnownFingerprint:
    """A value's hash in place of the value, when it was computed before."""

    __slots__ = ("digest",)

    def __init__(self, digest: str) -> None:
        self.digest = digest


def fingerprint(value: Any, what: str = "A value", name: str = "name") -> str:
    """Return 32 hexadecimal digits that stand for the content of `value`.

    Args:
        value: anything.
        what: how errors call it.
        name: which input it is, for the advice in errors.

    Raises:
        HashError: a part of it has no content to hash; says which and why.

    Example:
        >>> fingerprint({"a": 1, "b": {2, 3}}) == fingerprint({"b": {3, 2}, "a": 1})
        True
    """
    from penstock._results.feeding import content_hash  # importing the package does not need it

    return content_hash(value, what, name)
