"""Content hashes of values: the same value has the same hash in every process.

Sets are hashed without regard to order, arrays and frames by their buffers, functions by their source. What
cannot be hashed by content is pickled; what cannot be pickled raises `HashError`.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from hashlib import blake2b
from types import FunctionType, ModuleType
from typing import Any
from uuid import UUID

from penstock.exceptions import HashError


class KnownFingerprint:
    """A value's hash in place of the value, when it was computed before."""

    __slots__ = ("digest",)

    def __init__(self, digest: str) -> None:
        self.digest = digest


def fingerprint(value: Any) -> str:
    """Return 32 hexadecimal digits that stand for the content of `value`.

    Raises:
        HashError: the value has no stable content; says which part.
    """
    hasher = blake2b(digest_size=16)
    _feed(hasher.update, value, 0)
    return hasher.hexdigest()


def _feed(put: Callable[[bytes], None], value: Any, depth: int) -> None:
    if depth > 200:
        raise HashError("The value is nested more than 200 deep (or contains itself); give a cache_key_fn.")
    kind = type(value)
    simple = _SIMPLE.get(kind)
    if simple is not None:
        put(simple(value))
    elif kind in (list, tuple):
        put(b"%s%d" % (kind.__name__.encode(), len(value)))
        for item in value:
            _feed(put, item, depth + 1)
    elif kind is dict:
        put(b"dict%d" % len(value))
        items = list(value.values())
        for digest, key in sorted((_alone(key, depth), number) for number, key in enumerate(value)):
            put(digest)
            _feed(put, items[key], depth + 1)
    elif kind in (set, frozenset):
        put(b"set%d" % len(value))
        for digest in sorted(_alone(item, depth) for item in value):
            put(digest)
    else:
        _feed_object(put, value, kind, depth)


def _alone(value: Any, depth: int) -> bytes:
    hasher = blake2b(digest_size=16)
    _feed(hasher.update, value, depth + 1)
    return hasher.digest()


def _feed_object(put: Callable[[bytes], None], value: Any, kind: type, depth: int) -> None:
    put(f"{kind.__module__}.{kind.__qualname__}".encode())
    library = kind.__module__.partition(".")[0]
    if library == "numpy" and hasattr(value, "tobytes") and getattr(value, "dtype", None) is not None:
        _feed_array(put, value, depth)
    elif library == "pandas" and hasattr(value, "memory_usage"):
        _feed_pandas(put, value, depth)
    elif library == "pyarrow" and hasattr(value, "to_batches"):
        put(str(value.schema).encode())
        for batch in value.combine_chunks().to_batches():
            put(batch.serialize().to_pybytes())
    elif library == "polars" and hasattr(value, "hash_rows"):
        put(str(value.schema).encode() + value.hash_rows().to_numpy().tobytes())
    elif hasattr(value, "model_dump") and hasattr(kind, "model_fields"):
        _feed(put, value.model_dump(), depth + 1)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        _feed(put, fields, depth + 1)
    elif hasattr(value, "source_key") or isinstance(value, FunctionType):
        put(source_of(value).encode())
    elif isinstance(value, type):
        put(f"{value.__module__}.{value.__qualname__}".encode())
    elif isinstance(value, ModuleType):
        put(value.__name__.encode())
    else:
        put(_pickled(value))


def _feed_array(put: Callable[[bytes], None], value: Any, depth: int) -> None:
    put(f"{value.dtype.str}{value.shape}".encode())
    if value.dtype.hasobject:
        _feed(put, value.tolist(), depth + 1)
    elif getattr(value, "ndim", 0) and value.flags["C_CONTIGUOUS"]:
        put(memoryview(value).cast("B") if value.size else b"")  # type: ignore[arg-type]  # any buffer is hashed
    else:
        put(value.tobytes())


def _feed_pandas(put: Callable[[bytes], None], value: Any, depth: int) -> None:
    import pandas as pd

    labels = list(value.columns) if hasattr(value, "columns") else [getattr(value, "name", None)]
    dtypes = value.dtypes if hasattr(value, "columns") else [value.dtype]
    put(repr((len(value), labels, [str(dtype) for dtype in dtypes])).encode())
    try:
        hashed = pd.util.hash_pandas_object(value, index=not isinstance(value, pd.Index))
    except TypeError:  # a column of lists or dicts
        put(_pickled(value))
        return
    put(hashed.to_numpy().tobytes())


def _pickled(value: Any) -> bytes:
    import cloudpickle

    try:
        blob: bytes = cloudpickle.dumps(value, protocol=5)
    except Exception as error:
        raise HashError(
            f"A value of type {type(value).__module__}.{type(value).__qualname__} cannot be hashed: {error}. "
            "Leave it out with `cache_policy=INPUTS - 'name'`, or give the task a cache_key_fn."
        ) from error
    return blob


def source_of(fn: Any) -> str:
    """Return the source text of a function; its bytecode, written as text, where there is no source."""
    import inspect

    key = getattr(fn, "source_key", None)
    if key is not None:
        return str(key)
    try:
        return inspect.getsource(fn)
    except (OSError, TypeError):
        code = getattr(fn, "__code__", None)
        return repr((code.co_code, code.co_consts, code.co_names)) if code else repr(type(fn))


_SIMPLE: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda v: b"none",
    bool: lambda v: b"true" if v else b"false",
    int: lambda v: b"int%d" % v,
    float: lambda v: b"float" + struct.pack("<d", v),
    complex: lambda v: b"complex" + struct.pack("<dd", v.real, v.imag),
    str: lambda v: b"str%d:" % len(v) + v.encode("utf-8", "surrogatepass"),
    bytes: lambda v: b"bytes%d:" % len(v) + v,
    bytearray: lambda v: b"bytearray%d:" % len(v) + bytes(v),
    UUID: lambda v: b"uuid" + v.bytes,
    datetime: lambda v: b"datetime" + v.isoformat().encode(),
    date: lambda v: b"date" + v.isoformat().encode(),
    time: lambda v: b"time" + v.isoformat().encode(),
    timedelta: lambda v: b"timedelta%d,%d,%d" % (v.days, v.seconds, v.microseconds),
}
