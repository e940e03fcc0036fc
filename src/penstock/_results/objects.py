"""Objects in hashes: by the name of their class and what they hold, found the way `copy` finds it."""

from __future__ import annotations

import copyreg
import dataclasses
import re
from collections.abc import Iterator
from datetime import tzinfo
from enum import Enum
from io import BytesIO, IOBase, StringIO
from pathlib import PurePath
from types import CoroutineType, FrameType, GeneratorType, TracebackType
from typing import Any

from penstock._results.sink import Sink, Unhashable

_LIVE = (GeneratorType, CoroutineType, FrameType, TracebackType)
_PROTOCOL = 2
#: What stands for "make an instance without calling `__init__`" in the answer of `__reduce_ex__`.
_MAKERS = ("__newobj__", "__newobj_ex__", "_reconstructor")


def feed_object(sink: Sink, value: Any) -> None:
    """Write an object.

    Raises:
        Unhashable: it holds something that is no data: a lock, a connection, a generator.
    """
    kind: Any = type(value)
    if isinstance(value, Enum):
        sink.text(f"enum {_named(kind)}.{value.name}")
        sink.value(value.value)
    elif isinstance(value, PurePath):  # the classes move between modules from one Python to the next
        sink.text(f"path {kind.__name__} {value}")
    elif isinstance(value, re.Pattern):
        sink.put(b"pattern")
        sink.value((value.pattern, int(value.flags)))
    elif kind.__module__ == "decimal":
        sink.text(f"{kind.__name__} {value}")
    elif kind.__module__.partition(".")[0] == "zoneinfo" and getattr(value, "key", None):
        sink.text(f"zone {value.key}")
    elif hasattr(kind, "model_dump") and hasattr(
        kind, "model_fields"
    ):  # pydantic, with the serializers of users
        sink.text(_named(kind))
        sink.value(kind.model_dump(value))
    elif dataclasses.is_dataclass(value):
        sink.text(_named(kind))
        for field in dataclasses.fields(value):
            sink.text(field.name)
            sink.value(getattr(value, field.name, None), f".{field.name}")
    elif isinstance(value, _LIVE) or _is_used_up(value, kind):
        raise Unhashable(kind, "it is used up by reading it")
    else:
        _feed_state(sink, value, kind)


def _is_used_up(value: Any, kind: type) -> bool:
    if isinstance(value, IOBase):
        return not isinstance(value, (BytesIO, StringIO))
    return kind.__module__ in ("builtins", "itertools") and isinstance(value, Iterator)


def _feed_state(sink: Sink, value: Any, kind: type) -> None:
    sink.text(_named(kind))
    reduced = _reduced(value, kind)
    if isinstance(reduced, str):  # a name in its module
        sink.text(reduced)
        return
    whole: tuple[Any, ...] = (*reduced, None, None, None)
    maker, arguments, state, items, entries = whole[:5]
    if getattr(maker, "__name__", "") not in _MAKERS or getattr(maker, "__module__", "") != "copyreg":
        sink.value(maker)
    for argument in arguments:
        if argument is kind:
            sink.put(b"kind")
        else:
            sink.value(argument)
    _feed_attributes(sink, state)
    sink.value(list(items) if items is not None else None)
    sink.value(dict(entries) if entries is not None else None)


def _feed_attributes(sink: Sink, state: Any) -> None:
    parts = state if isinstance(state, tuple) and len(state) == 2 else (state,)  # __dict__ and __slots__
    for part in parts:
        if type(part) is dict and all(type(name) is str for name in part):
            sink.put(b"attributes%d" % len(part))
            for name in sorted(part):
                sink.text(name)
                sink.value(part[name], f".{name}")
        else:
            sink.value(part)


def _reduced(value: Any, kind: type) -> Any:
    reducer = copyreg.dispatch_table.get(kind)
    try:
        return reducer(value) if reducer is not None else value.__reduce_ex__(_PROTOCOL)
    except Exception as error:  # whatever the class raises to say that it is no data
        raise Unhashable(kind, f"it is no data ({error or type(error).__name__})") from error


def _named(kind: type) -> str:
    module = "datetime" if issubclass(kind, tzinfo) and kind.__module__ == "_pydatetime" else kind.__module__
    return f"{module}.{kind.__qualname__}"
