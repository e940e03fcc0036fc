"""Hashes that are the same in every process. Reference page: api-ref prefect-utilities-hashing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from penstock._results.fingerprint import fingerprint
from penstock.exceptions import HashError


def _md5(data: bytes = b"") -> Any:
    return hashlib.md5(data, usedforsecurity=False)


def stable_hash(*args: str | bytes, hash_algo: Callable[..., Any] = _md5) -> str:
    """Return the hash of some text or bytes, as hexadecimal digits.

    Args:
        args: one after the other; text is encoded as UTF-8.
        hash_algo: of `hashlib`; MD5 by default, which gives 32 digits.

    Example:
        >>> stable_hash("a", b"b") == stable_hash("ab")
        True
    """
    hasher = hash_algo()
    for arg in args:
        hasher.update(arg.encode() if isinstance(arg, str) else arg)
    return str(hasher.hexdigest())


def file_hash(path: str | Path, hash_algo: Callable[..., Any] = _md5) -> str:
    """Return the hash of the content of a file, as hexadecimal digits; it is read piece by piece."""
    hasher = hash_algo()
    with Path(path).open("rb") as file:
        while piece := file.read(1 << 20):
            hasher.update(piece)
    return str(hasher.hexdigest())


def hash_objects(
    *args: Any, hash_algo: Callable[..., Any] = _md5, raise_on_failure: bool = False, **kwargs: Any
) -> str | None:
    """Return the hash of the content of any objects, the same in every process.

    Sets and dicts are hashed without regard to order, arrays and frames by their buffers, functions by their
    source, models and dataclasses by their fields; anything else is pickled.

    Args:
        args, kwargs: what to hash.
        hash_algo: of `hashlib`.
        raise_on_failure: raise instead of returning None.

    Raises:
        HashError: an object has no stable content, and `raise_on_failure` is set.

    Example:
        >>> hash_objects({"a", "b"}) == hash_objects({"b", "a"})
        True
    """
    try:
        return stable_hash(fingerprint((args, kwargs)), hash_algo=hash_algo)
    except HashError:
        if raise_on_failure:
            raise
        return None


__all__ = ["file_hash", "hash_objects", "stable_hash"]
