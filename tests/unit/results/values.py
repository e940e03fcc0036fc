"""Values whose hashes are compared: pairs that must agree, pairs that must not, and values that have none."""

from __future__ import annotations

import enum
import re
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from pydantic import BaseModel


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Flag(enum.IntFlag):
    A = 1
    B = 2


Pair = namedtuple("Pair", "x y")


@dataclass
class Point:
    x: Any
    y: Any = 0


class City(BaseModel):
    name: str
    near: set[str] = set()


class Plain:
    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a: Any, b: Any) -> None:
        self.a, self.b = a, b


class Bag(list[Any]):
    pass


def strided(array: Any) -> Any:
    """The same values, every second place of a longer array."""
    longer = np.zeros(2 * len(array), array.dtype)
    longer[::2] = array
    return longer[::2]


def padded(records: Any, filler: int) -> Any:
    """The same records in an aligned dtype whose padding holds `filler`."""
    dtype = np.dtype([("a", "i1"), ("b", "<i8")], align=True)
    raw = np.full(len(records) * dtype.itemsize, filler, np.uint8).view(dtype)
    for name in ("a", "b"):
        raw[name] = records[name]
    return raw


records = np.array([(1, 2), (3, 4)], dtype=[("a", "i1"), ("b", "<i8")])
grid = np.arange(12.0).reshape(3, 4)
odd_nan = np.array([0x7FF8000000000001, 0xFFF8000000000000], np.uint64).view(float)
frame = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", None], "c": [0.5, np.nan, 1.5]})
instants = pd.Series(pd.to_datetime(["2026-01-01", None]).tz_localize("Europe/London"))
table = pa.table({"a": [1, None, 3], "s": ["x", "yy", None], "l": [[1], None, [2, 3]]})


def mapped(path: Path, array: Any) -> Any:
    """The same array in a file."""
    np.save(path, array)
    return np.load(path, mmap_mode="r")


def two_ways(name: str, one: Any, other: Any) -> tuple[str, Any, Any]:
    return name, one, other


def dirty_null() -> Any:
    """An Arrow array whose null lies over data."""
    return pa.Array.from_buffers(
        pa.int64(), 3, [pa.py_buffer(b"\x05"), pa.py_buffer(np.array([1, 99, 3]).tobytes())]
    )


#: Equal values that lie in memory in another way, or were made in another way.
SAME = [
    two_ways("dict order", {"a": 1, "b": 2}, {"b": 2, "a": 1}),
    two_ways("dict with mixed keys", {1: "a", "b": 2, None: 3}, {None: 3, "b": 2, 1: "a"}),
    two_ways("nested dict order", {"a": {"x": [1], "y": 2}}, {"a": {"y": 2, "x": [1]}}),
    two_ways("set order", {"x", "y", "longer", 3}, {3, "longer", "y", "x"}),
    two_ways("nan of another making", float("nan"), float("inf") - float("inf")),
    two_ways("equal text built in pieces", "".join(chr(n) for n in (97, 98, 99)), "abc"),
    two_ways("defaultdict order", defaultdict(list, a=1, b=2), defaultdict(list, b=2, a=1)),
    two_ways("counter order", Counter("aab"), Counter("baa")),
    two_ways("object attribute order", Plain(a=1, b=2), Plain(b=2, a=1)),
    two_ways("empty ranges", range(0), range(5, 5)),
    two_ways("memory order", grid, np.asfortranarray(grid)),
    two_ways("transposed twice", grid, np.ascontiguousarray(grid.T).T),
    two_ways("strided", np.arange(5), strided(np.arange(5))),
    two_ways("reversed twice", np.arange(5), np.arange(5)[::-1].copy()[::-1]),
    two_ways("broadcast", np.ones((3, 4)), np.broadcast_to(np.ones(4), (3, 4))),
    two_ways("sliced out of a bigger one", grid[1:, 1:], grid[1:, 1:].copy()),
    two_ways("nans of an array", np.array([np.nan, np.nan]), odd_nan),
    two_ways("nans of complex numbers", np.array([complex(np.nan, 1)]), np.array([complex(odd_nan[1], 1)])),
    two_ways("padding of records", padded(records, 0), padded(records, 255)),
    two_ways("data under a mask", np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 9], mask=[0, 1])),
    two_ways("mask not given", np.ma.array([1, 2]), np.ma.array([1, 2], mask=[0, 0])),
    two_ways(
        "object array layout",
        np.array([[1, "a"], [2, None]], object),
        np.array([[1, 2], ["a", None]], object).T,
    ),
    two_ways("extended precision", np.array([1, 2], np.longdouble), np.array([1, 9, 2], np.longdouble)[::2]),
    two_ways("big and strided", np.arange(600_000.0)[::2].copy(), np.arange(600_000.0)[::2]),
    two_ways(
        "big and in Fortran order",
        np.arange(4e5).reshape(4, -1),
        np.asfortranarray(np.arange(4e5).reshape(4, -1)),
    ),
    two_ways("frame copied", frame, frame.copy()),
    two_ways(
        "blocks of a frame",
        pd.DataFrame(grid, columns=list("abcd")),
        pd.DataFrame({c: grid[:, i] for i, c in enumerate("abcd")}),
    ),
    two_ways("sliced frame", frame.iloc[:2], frame.head(2).copy()),
    two_ways(
        "every second row",
        pd.DataFrame({"a": np.arange(9)}).iloc[::2],
        pd.DataFrame({"a": [0, 2, 4, 6, 8]}, index=[0, 2, 4, 6, 8]),
    ),
    two_ways(
        "range index spelled out",
        pd.DataFrame({"a": [1, 2]}),
        pd.DataFrame({"a": [1, 2]}, index=pd.Index([0, 1])),
    ),
    two_ways(
        "order of unordered categories",
        pd.Series(pd.Categorical(["a", "b", None], ["a", "b"])),
        pd.Series(pd.Categorical(["a", "b", None], ["b", "a"])),
    ),
    two_ways(
        "categories of several types",
        pd.Series(pd.Categorical([1, "b"], [1, "b"])),
        pd.Series(pd.Categorical([1, "b"], ["b", 1])),
    ),
    two_ways(
        "text by Python and by Arrow",
        pd.Series(["a", None, "ü"], dtype="string[python]"),
        pd.Series(["a", None, "ü"], dtype="string[pyarrow]"),
    ),
    two_ways(
        "data under a missing integer",
        pd.array([1, None, 3], dtype="Int64"),
        pd.arrays.IntegerArray(np.array([1, 99, 3]), np.array([False, True, False])),
    ),
    two_ways(
        "explicit zeros of sparse data",
        pd.Series(pd.arrays.SparseArray([0, 1], fill_value=0)),
        pd.Series(pd.arrays.SparseArray(np.array([5, 0, 1]), fill_value=0))[1:].reset_index(drop=True),
    ),
    two_ways(
        "unused levels of an index",
        pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])[:1],
        pd.MultiIndex.from_tuples([("a", 1)]),
    ),
    two_ways(
        "frequency of an index",
        pd.date_range("2026-01-01", periods=2),
        pd.DatetimeIndex(["2026-01-01", "2026-01-02"], dtype="M8[us]").as_unit(
            pd.date_range("2026-01-01", periods=2).unit
        ),
    ),
    two_ways("chunks of a table", table, pa.concat_tables([table.slice(0, 1), table.slice(1)])),
    two_ways(
        "combined chunks", table, pa.concat_tables([table.slice(0, 2), table.slice(2)]).combine_chunks()
    ),
    two_ways("offset of an array", pa.array([2, 3]), pa.array([1, 2, 3]).slice(1)),
    two_ways("offset of text", pa.array(["b", "cc", None]), pa.array(["a", "b", "cc", None]).slice(1)),
    two_ways("offset of booleans", pa.array([True, None]), pa.array([False, True, None]).slice(1)),
    two_ways("offset of lists", pa.array([[2, 3], None]), pa.array([[1], [2, 3], None]).slice(1)),
    two_ways("offset of structs", pa.array([{"a": 2}, None]), pa.array([{"a": 1}, {"a": 2}, None]).slice(1)),
    two_ways(
        "order of a dictionary",
        pa.array(["a", "b"]).dictionary_encode(),
        pa.DictionaryArray.from_arrays(pa.array([1, 0], pa.int32()), pa.array(["b", "a"])),
    ),
    two_ways("data under a null", pa.array([1, None, 3]), dirty_null()),
    two_ways("batch and table", table, pa.Table.from_batches(table.to_batches(max_chunksize=1))),
    two_ways("nans of Arrow", pa.array(np.array([np.nan, np.nan])), pa.array(odd_nan)),
    two_ways(
        "chunks of Polars",
        pl.DataFrame({"a": [1, 2], "s": ["x", None]}),
        pl.concat(
            [
                pl.DataFrame({"a": [1], "s": ["x"]}),
                pl.DataFrame({"a": [2], "s": [None]}, schema={"a": pl.Int64, "s": pl.String}),
            ],
            rechunk=False,
        ),
    ),
    two_ways("slice of Polars", pl.Series("a", [1, 2, 3])[1:], pl.Series("a", [2, 3])),
    two_ways(
        "categories of Polars",
        pl.Series(["b", "a"], dtype=pl.Categorical),
        pl.Series(["a", "b", "a"], dtype=pl.Categorical)[1:],
    ),
]

#: Different values, however alike.
DIFFERENT = [
    two_ways("int and float", 1, 1.0),
    two_ways("int and bool", 1, True),
    two_ways("int and text", 1, "1"),
    two_ways("bytes and text", b"a", "a"),
    two_ways("bytes and bytearray", b"a", bytearray(b"a")),
    two_ways("list and tuple", [1, 2], (1, 2)),
    two_ways("long list and tuple", list(range(20)), tuple(range(20))),
    two_ways("set and frozenset", {1}, frozenset({1})),
    two_ways("grouping of lists", [1, [2]], [[1], 2]),
    two_ways("grouping of texts", ["ab", "c"], ["a", "bc"]),
    two_ways("grouping of many texts", ["ab", *"c" * 10], ["a", "bc", *"c" * 9]),
    two_ways("empty containers", [], {}),
    two_ways("nothing and empty text", None, ""),
    two_ways("zeros", 0.0, -0.0),
    two_ways("zeros in an array", np.array([0.0]), np.array([-0.0])),
    two_ways("many ints and floats", list(range(20)), [float(n) for n in range(20)]),
    two_ways("many ints and bools", [0, 1] * 8, [False, True] * 8),
    two_ways("huge ints", [2**70 + n for n in range(9)], [2**71 + n for n in range(9)]),
    two_ways("order of a list", [1, 2], [2, 1]),
    two_ways("order of an OrderedDict", OrderedDict(a=1, b=2), OrderedDict(b=2, a=1)),
    two_ways("dict and OrderedDict", {"a": 1}, OrderedDict(a=1)),
    two_ways("keys and values", {"a": "b"}, {"b": "a"}),
    two_ways("a list and its subclass", [1], Bag([1])),
    two_ways("tuple and named tuple", (1, 2), Pair(1, 2)),
    two_ways("named tuples", Pair(1, 2), Pair(1, 3)),
    two_ways("dataclasses", Point(1), Point(2)),
    two_ways("a dataclass and its fields", Point(1, 2), {"x": 1, "y": 2}),
    two_ways("objects", Plain(a=1), Plain(a=2)),
    two_ways("objects with slots", Slotted(1, 2), Slotted(1, 3)),
    two_ways("objects of two classes", Plain(x=1, y=0), SimpleNamespace(x=1, y=0)),
    two_ways("models", City(name="Bath", near={"a"}), City(name="Bath", near={"b"})),
    two_ways("enums", Colour.RED, Colour.BLUE),
    two_ways("flags", Flag.A, Flag.A | Flag.B),
    two_ways("an enum and its value", Colour.RED, 1),
    two_ways("paths", Path("a"), Path("b")),
    two_ways("a path and its text", Path("a"), "a"),
    two_ways("patterns", re.compile("a"), re.compile("a", re.IGNORECASE)),
    two_ways("decimals", Decimal("1.0"), Decimal("1.00")),
    two_ways("fractions", Fraction(1, 2), Fraction(1, 3)),
    two_ways("durations", timedelta(1), timedelta(0, 1)),
    two_ways("dates and times", date(2026, 1, 1), datetime(2026, 1, 1)),
    two_ways(
        "offsets", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    ),
    two_ways("naive and aware", datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC)),
    two_ways("times", time(1), time(2)),
    two_ways("zones", ZoneInfo("Europe/London"), ZoneInfo("Europe/Paris")),
    two_ways("uuids", UUID(int=5), UUID(int=6)),
    two_ways("ranges", range(3), range(4)),
    two_ways("slices", slice(1, 2), slice(1, 3)),
    two_ways("queues of a length", deque([1], 2), deque([1], 3)),
    two_ways("complex numbers", 1 + 2j, 2 + 1j),
    two_ways("partials", partial(int, base=2), partial(int, base=3)),
    two_ways("functions", lambda x: x + 1, lambda x: x + 2),
    two_ways("classes", Plain, Slotted),
    two_ways("builtins", len, max),
    two_ways("modules", np, pd),
    two_ways("read-only dicts", MappingProxyType({"a": 1}), MappingProxyType({"a": 2})),
    two_ways("generators of random numbers", np.random.default_rng(1), np.random.default_rng(2)),
    two_ways("dtype of an array", np.arange(3, dtype="i4"), np.arange(3, dtype="i8")),
    two_ways("byte order of an array", np.arange(3, dtype="<i4"), np.arange(3, dtype=">i4")),
    two_ways("shape of an array", np.arange(6), np.arange(6).reshape(2, 3)),
    two_ways("shape of an empty array", np.zeros((0, 2)), np.zeros((2, 0))),
    two_ways("scalar and array", np.float64(1), np.array(1.0)),
    two_ways("scalar of NumPy and of Python", np.float64(1), 1.0),
    two_ways("units of time", np.array([1], "M8[s]"), np.array([1], "M8[ms]")),
    two_ways(
        "not a time and its bits", np.array(["NaT"], "M8[s]"), np.array([np.iinfo("i8").min]).view("i8")
    ),
    two_ways("text of an array", np.array(["a", "bc"]), np.array(["ab", "c"])),
    two_ways("names of fields", records, records.view([("a", "i1"), ("c", "<i8")])),
    two_ways("values of records", records, np.array([(1, 2), (3, 5)], dtype=records.dtype)),
    two_ways("masks", np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 2], mask=[1, 0])),
    two_ways("masked and plain", np.ma.array([1, 2]), np.array([1, 2])),
    two_ways("objects of an array", np.array([{"a": 1}], object), np.array([{"a": 2}], object)),
    two_ways(
        "extended precision", np.array([1], np.longdouble), np.array([np.nextafter(np.longdouble(1), 2)])
    ),
    two_ways("value of a frame", frame, frame.assign(a=[1, 2, 4])),
    two_ways("name of a column", frame, frame.rename(columns={"a": "A"})),
    two_ways("order of columns", frame, frame[["b", "a", "c"]]),
    two_ways("order of rows", frame, frame.iloc[::-1]),
    two_ways("dtype of a column", frame, frame.astype({"a": "i4"})),
    two_ways("index", frame, frame.set_index(pd.Index([5, 6, 7]))),
    two_ways("name of an index", frame, frame.rename_axis("i")),
    two_ways("missing and empty text", pd.Series(["a", None]), pd.Series(["a", ""])),
    two_ways("object and text", pd.Series(["a"], dtype=object), pd.Series(["a"], dtype="str")),
    two_ways("two kinds of text", pd.Series(["a"], dtype="str"), pd.Series(["a"], dtype="string")),
    two_ways("frame and series", frame[["a"]], frame["a"]),
    two_ways("series and index", pd.Series([1, 2]), pd.Index([1, 2])),
    two_ways("name of a series", pd.Series([1], name="a"), pd.Series([1], name="b")),
    two_ways("zones of a column", instants, instants.dt.tz_convert("UTC")),
    two_ways("units of a column", instants, instants.dt.as_unit("s")),
    two_ways("instants of a column", instants, instants + pd.Timedelta(1, "h")),
    two_ways("zone and none", instants, instants.dt.tz_localize(None)),
    two_ways(
        "periods",
        pd.Series(pd.period_range("2026-01", periods=2, freq="M")),
        pd.Series(pd.period_range("2026-01", periods=2, freq="D")),
    ),
    two_ways(
        "intervals", pd.Series(pd.interval_range(0, 2)), pd.Series(pd.interval_range(0, 2, closed="left"))
    ),
    two_ways(
        "fill of sparse data",
        pd.arrays.SparseArray([0, 1], fill_value=0),
        pd.arrays.SparseArray([0, 1], fill_value=1),
    ),
    two_ways("sparse and dense", pd.Series(pd.arrays.SparseArray([0, 1])), pd.Series([0, 1])),
    two_ways(
        "order of ordered categories",
        pd.Series(pd.Categorical(["a"], ["a", "b"], ordered=True)),
        pd.Series(pd.Categorical(["a"], ["b", "a"], ordered=True)),
    ),
    two_ways(
        "unused categories",
        pd.Series(pd.Categorical(["a"], ["a"])),
        pd.Series(pd.Categorical(["a"], ["a", "b"])),
    ),
    two_ways("masked integers", pd.array([1, None], dtype="Int64"), pd.array([1, 0], dtype="Int64")),
    two_ways(
        "booleans with gaps",
        pd.array([True, None], dtype="boolean"),
        pd.array([True, False], dtype="boolean"),
    ),
    two_ways("arrow columns", pd.Series([1, 2], dtype="int64[pyarrow]"), pd.Series([1, 2], dtype="int64")),
    two_ways("empty frames", pd.DataFrame({"a": []}), pd.DataFrame({"b": []})),
    two_ways(
        "empty frames of two dtypes",
        pd.DataFrame({"a": pd.Series([], dtype="i8")}),
        pd.DataFrame({"a": pd.Series([], dtype="f8")}),
    ),
    two_ways("columns of lists", pd.DataFrame({"a": [[1], [2]]}), pd.DataFrame({"a": [[1], [3]]})),
    two_ways(
        "columns of mixed values", pd.DataFrame({"a": [1, "x", None]}), pd.DataFrame({"a": [1, "x", np.nan]})
    ),
    two_ways(
        "columns of one name",
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.DataFrame([[2, 1]], columns=["a", "a"]),
    ),
    two_ways("several levels", frame.set_index(["a", "b"]), frame.set_index(["b", "a"])),
    two_ways("timestamps", pd.Timestamp("2026-01-01"), pd.Timestamp("2026-01-01", tz="UTC")),
    two_ways("missing values", pd.NaT, pd.NA),
    two_ways("spans", pd.Timedelta(1, "s"), pd.Timedelta(1, "ms")),
    two_ways("value of a table", table, table.set_column(0, "a", pa.array([1, None, 4]))),
    two_ways("null and zero", pa.array([0]), pa.array([None], pa.int64())),
    two_ways("type of a column", pa.array([1], pa.int32()), pa.array([1], pa.int64())),
    two_ways("names of a table", table, table.rename_columns(["x", "s", "l"])),
    two_ways("texts of Arrow", pa.array(["ab", "c"]), pa.array(["a", "bc"])),
    two_ways(
        "empty list and null", pa.array([[]], pa.list_(pa.int64())), pa.array([None], pa.list_(pa.int64()))
    ),
    two_ways("grouping of lists of Arrow", pa.array([[1], [2, 3]]), pa.array([[1, 2], [3]])),
    two_ways("decimals of Arrow", pa.array([Decimal("1.00")]), pa.array([Decimal("1.01")])),
    two_ways("instants of Arrow", pa.array([1], pa.timestamp("s")), pa.array([1], pa.timestamp("s", "UTC"))),
    two_ways("dates of Arrow", pa.array([date(2026, 1, 1)]), pa.array([date(2026, 1, 2)])),
    two_ways("scalars of Arrow", pa.scalar(1), pa.scalar(2)),
    two_ways("schemas", pa.schema({"a": pa.int8()}), pa.schema({"b": pa.int8()})),
    two_ways(
        "maps of Arrow",
        pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int8())),
        pa.array([[("a", 2)]], pa.map_(pa.string(), pa.int8())),
    ),
    two_ways("value of Polars", pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [2]})),
    two_ways("dtype of Polars", pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [1]}, schema={"a": pl.Int32})),
    two_ways("name of Polars", pl.Series("a", [1]), pl.Series("b", [1])),
    two_ways("null of Polars", pl.Series([None, 1]), pl.Series([0, 1])),
    two_ways("nested Polars", pl.Series([[1], [2, 3]]), pl.Series([[1, 2], [3]])),
    two_ways("time of Polars", pl.Series([datetime(2026, 1, 1)]), pl.Series([datetime(2026, 1, 2)])),
    two_ways("three libraries, one column", pa.table({"a": [1]}), pl.DataFrame({"a": [1]})),
    two_ways("frames of two libraries", pd.DataFrame({"a": [1]}), pl.DataFrame({"a": [1]})),
]
