"""A value of any kind into a hash: the kinds and who writes each of them. Loaded when the first value is hashed."""

from __future__ import annotations

from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from penstock._results.objects import feed_object
from penstock._results.origins import Origin, origin_of
from penstock._results.plain import WRITERS
from penstock._results.sink import Sink, Unhashable
from penstock._results.sources import source_parts
from penstock.exceptions import HashError

_ADVICE = "leave it out with `cache_policy=INPUTS - %r`, or give the task a cache_key_fn."


def content_hash(value: Any, what: str, name: str) -> str:
    """Return the hash of a value; see `fingerprint`.

    Raises:
        HashError: a part of it has no content to hash; says which and why.
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
    write = WRITERS.get(kind)
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
    module = getattr(value, "__module__", None) or ""
    sink.text(f"code {module}.{getattr(value, '__qualname__', '')}")
    if isinstance(value, MethodType):
        sink.value(value.__self__)
    if origin_of(module) is Origin.USER:  # what is installed is known by its name
        for name, part in sorted(source_parts(value, _hash_of_global).items()):
            sink.text(f"{name}={part.digest}")


def _hash_of_global(value: Any) -> str:
    return content_hash(value, "A global", "name")
