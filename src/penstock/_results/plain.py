"""Python's own values in hashes. Long lists of one kind are packed at once: element by element takes ten times longer."""

from __future__ import annotations

import struct
import sys
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from math import isnan, nan
from types import MappingProxyType
from typing import Any
from uuid import UUID

from penstock._results.sink import Sink

#: Sequences from this length on are packed when all their elements are of one plain type.
_PACKED_FROM = 8


def _int(sink: Sink, value: int) -> None:
    size = (value.bit_length() + 8) // 8
    sink.put(b"int%d:" % size + value.to_bytes(size, "little", signed=True))


def _float(sink: Sink, value: float) -> None:
    sink.put(b"float" + struct.pack("<d", nan if value != value else value))  # noqa: PLR0124  # NaN


def _complex(sink: Sink, value: complex) -> None:
    sink.put(b"complex")
    _float(sink, value.real)
    _float(sink, value.imag)


def _str(sink: Sink, value: str) -> None:
    sink.put(b"str")
    sink.text(value)


def _bytes(tag: bytes) -> Callable[[Sink, Any], None]:
    def write(sink: Sink, value: Any) -> None:
        size = value.nbytes if isinstance(value, memoryview) else len(value)
        sink.put(b"%b%d:" % (tag, size))
        sink.bulk(value if not isinstance(value, memoryview) or value.c_contiguous else value.tobytes())

    return write


def _textual(tag: bytes, text: Callable[[Any], str]) -> Callable[[Sink, Any], None]:
    def write(sink: Sink, value: Any) -> None:
        sink.put(tag)
        sink.text(text(value))

    return write


def _sequence(tag: bytes) -> Callable[[Sink, Any], None]:
    def write(sink: Sink, value: Any) -> None:
        sink.put(b"%b%d" % (tag, len(value)))
        feed_items(sink, value)

    return write


def feed_items(sink: Sink, items: list[Any] | tuple[Any, ...]) -> None:
    """Write the elements of a sequence in order."""
    if len(items) >= _PACKED_FROM:
        kinds = set(map(type, items))
        pack = _PACKERS.get(kinds.pop()) if len(kinds) == 1 else None
        if pack is not None and pack(sink, items):
            return
    sink.put(b";")
    for number, item in enumerate(items):
        sink.value(item, f"[{number}]")


def _pack_ints(sink: Sink, items: Iterable[int]) -> bool:
    try:
        packed = array("q", items)
    except OverflowError:
        return False
    _put_array(sink, b"q", packed)
    return True


def _pack_floats(sink: Sink, items: list[float]) -> bool:
    odd = any(map(isnan, items))
    _put_array(sink, b"d", array("d", [nan if isnan(item) else item for item in items] if odd else items))
    return True


def _pack_bools(sink: Sink, items: Iterable[bool]) -> bool:
    sink.put(b"?")
    sink.bulk(bytes(items))
    return True


def _pack_texts(sink: Sink, items: list[str]) -> bool:
    _put_array(sink, b"s", array("q", map(len, items)))
    sink.bulk("".join(items).encode("utf-8", "surrogatepass"))
    return True


def _put_array(sink: Sink, tag: bytes, packed: array[Any]) -> None:
    if sys.byteorder == "big":
        packed.byteswap()
    sink.put(tag)
    sink.bulk(memoryview(packed).cast("B"))


_PACKERS: dict[type, Callable[[Sink, Any], bool]] = {
    int: _pack_ints,
    float: _pack_floats,
    bool: _pack_bools,
    str: _pack_texts,
}


def _mapping(tag: bytes) -> Callable[[Sink, Any], None]:
    def write(sink: Sink, value: Any) -> None:
        sink.put(b"%b%d" % (tag, len(value)))
        if all(type(key) is str for key in value):
            names = sorted(value)
            feed_items(sink, names)
            for name in names:
                sink.value(value[name], f"[{name!r}]")
            return
        entries = [(sink.apart(key), key, item) for key, item in value.items()]
        for digest, key, item in sorted(entries, key=lambda entry: entry[0]):
            sink.put(digest)
            sink.value(item, f"[{key!r:.60}]")

    return write


def _ordered(sink: Sink, value: OrderedDict[Any, Any]) -> None:
    sink.put(b"ordered%d" % len(value))
    for key, item in value.items():
        sink.value(key)
        sink.value(item, f"[{key!r:.60}]")


def _defaults(sink: Sink, value: defaultdict[Any, Any]) -> None:
    sink.value(value.default_factory)
    _mapping(b"defaultdict")(sink, value)


def _deque(sink: Sink, value: deque[Any]) -> None:
    sink.value(value.maxlen)
    _sequence(b"deque")(sink, tuple(value))


def _set(tag: bytes) -> Callable[[Sink, Any], None]:
    def write(sink: Sink, value: Any) -> None:
        sink.put(b"%b%d" % (tag, len(value)))
        kinds = set(map(type, value))
        if kinds in ({str}, {int}):
            feed_items(sink, sorted(value))
            return
        for digest in sorted(sink.apart(item, "{…}") for item in value):
            sink.put(digest)

    return write


def _duration(sink: Sink, value: timedelta) -> None:
    sink.put(b"timedelta%d,%d,%d;" % (value.days, value.seconds, value.microseconds))


def _fields(tag: bytes, fields: Callable[[Any], Any]) -> Callable[[Sink, Any], None]:
    def write(sink: Sink, value: Any) -> None:
        sink.put(tag)
        sink.value(fields(value))

    return write


#: By exact type: a subclass may mean something else.
WRITERS: dict[type, Callable[[Sink, Any], None]] = {
    type(None): lambda sink, value: sink.put(b"none"),
    type(...): lambda sink, value: sink.put(b"ellipsis"),
    type(NotImplemented): lambda sink, value: sink.put(b"notimplemented"),
    bool: lambda sink, value: sink.put(b"true" if value else b"false"),
    int: _int,
    float: _float,
    complex: _complex,
    str: _str,
    bytes: _bytes(b"bytes"),
    bytearray: _bytes(b"bytearray"),
    memoryview: _bytes(b"memoryview"),
    UUID: lambda sink, value: sink.put(b"uuid" + value.bytes),
    datetime: _textual(b"datetime", datetime.isoformat),
    date: _textual(b"date", date.isoformat),
    time: _textual(b"time", time.isoformat),
    timedelta: _duration,
    range: _fields(b"range", lambda value: (value.start, value.stop, value.step) if value else ()),
    slice: _fields(b"slice", lambda value: (value.start, value.stop, value.step)),
    list: _sequence(b"list"),
    tuple: _sequence(b"tuple"),
    deque: _deque,
    dict: _mapping(b"dict"),
    MappingProxyType: _mapping(b"proxy"),
    Counter: _mapping(b"counter"),
    OrderedDict: _ordered,
    defaultdict: _defaults,
    set: _set(b"set"),
    frozenset: _set(b"frozenset"),
}
