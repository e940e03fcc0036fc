"""Content hashes of values: equal values of one type have one hash, in every process and on every Python.

Containers and objects are hashed by what is in them, sets and dicts without regard to order, arrays, frames and
tables by their elements (`arrays`, `frames`, `columns`), functions and classes by their source (`sources`). Nothing
depends on pickles, bytecode, addresses or `repr` of objects. What has no content raises `HashError`.
"""

from __future__ import annotations

from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from penstock._results import plain
from penstock._results.sink import Sink, Unhashable
from penstock.exceptions import HashError

_ADVICE = "leave it out with `cache_policy=INPUTS - %r`, or give the task a cache_key_fn."


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
    sink = Sink(_feed)
    try:
        sink.value(value)
    except RecursionError as error:
        raise HashError(f"{what} is nested too deep, or contains itself; {_ADVICE % name}") from error
    except Unhashable as error:
        kind = f"{error.kind.__module__}.{error.kind.__qualname__}"
        place = f"{what}, at {error.path}, is" if error.path else f"{what} is"
        raise HashError(
            f"{place} of type {kind}, which cannot be hashed: {error.reason}; {_ADVICE % name}"
        ) from error
    return sink.digest().hex()


def _feed(sink: Sink, value: Any) -> None:
    kind = type(value)
    write = plain.WRITERS.get(kind)
    if write is not None:
        write(sink, value)
        return
    library = kind.__module__.partition(".")[0]
    if library == "numpy" and hasattr(value, "dtype") and hasattr(value, "strides"):
        sink.put(b"numpy" if kind.__name__ in ("ndarray", "memmap") else f"numpy {kind.__name__}".encode())
        from penstock._results.arrays import feed_array

        feed_array(sink, value)
    elif library in ("pandas", "pyarrow", "polars") and _feed_columns(sink, value, library):
        return
    elif isinstance(value, (FunctionType, type, MethodType)) or hasattr(value, "source_key"):
        _feed_code(sink, value)
    elif isinstance(value, (ModuleType, BuiltinFunctionType)):
        sink.text(f"{getattr(value, '__module__', '')}.{value.__name__}")
    else:
        from penstock._results.objects import feed_object

        feed_object(sink, value)


def _feed_columns(sink: Sink, value: Any, library: str) -> bool:
    """Write a frame, a table or a column; False when it is some other object of that library."""
    from penstock._results import columns, frames  # not needed to import the package

    known, feed = {
        "pandas": (frames.is_of_pandas, frames.feed),
        "pyarrow": (columns.is_of_arrow, columns.feed_arrow),
        "polars": (columns.is_of_polars, columns.feed_polars),
    }[library]
    if not known(value):
        return False
    feed(sink, value)
    return True


def _feed_code(sink: Sink, value: Any) -> None:
    from penstock._results.origins import Origin, origin_of
    from penstock._results.sources import source_parts

    module = getattr(value, "__module__", None) or ""
    sink.text(f"code {module}.{getattr(value, '__qualname__', '')}")
    if isinstance(value, MethodType):
        sink.value(value.__self__)
    if origin_of(module) is Origin.USER:  # what is installed is known by its name
        for name, part in sorted(source_parts(value, fingerprint).items()):
            sink.text(f"{name}={part.digest}")
