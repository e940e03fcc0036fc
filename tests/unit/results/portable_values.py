"""Prints the hashes of values that need the standard library only; run by any Python, without installing anything.

Neither the package's dependencies nor BLAKE3 are needed: what is compared is what would be hashed.
"""

from __future__ import annotations

import json
import sys
import types
from hashlib import sha256
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[3] / "src"


class Shim:
    """Stands for BLAKE3, which other Pythons on this machine do not have."""

    def __init__(self) -> None:
        self._hasher = sha256()

    def update(self, data: bytes) -> None:
        self._hasher.update(data)

    def digest(self, length: int) -> bytes:
        return self._hasher.digest()[:length]


def stand_in(name: str, **contents: object) -> None:
    """Register a module that holds only these things."""
    module = types.ModuleType(name)
    module.__dict__.update(contents)
    sys.modules[name] = module


stand_in("blake3", blake3=Shim)
stand_in("penstock", __path__=[str(SOURCES / "penstock")])
sys.path.insert(0, str(SOURCES))

import enum
import functools
import re
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from uuid import UUID
from zoneinfo import ZoneInfo

from penstock._results.fingerprint import fingerprint
from penstock._results.sources import source_parts

LIMIT = 3
TABLE = {"b": {1, 2}, "a": frozenset("xyz")}
Pair = namedtuple("Pair", "x y")


class Colour(enum.Enum):
    RED = 1


class Mode(enum.IntFlag):
    A = 1
    B = 2


@dataclass
class Point:
    """A point."""

    x: int = 0
    tags: list = field(default_factory=list)

    @property
    def far(self):
        return self.x > LIMIT

    @classmethod
    def origin(cls):
        return cls(0)


class Plain:
    def __init__(self, **fields):
        self.__dict__.update(fields)


class Slotted:
    __slots__ = ("a",)

    def __init__(self, a):
        self.a = a


def traced(fn):
    @functools.wraps(fn)
    def inner(*args, **kwargs):
        return fn(*args, **kwargs)

    return inner


def clean(text: str, *, width: int = 5) -> str:
    # A comment
    return f"{text!r:>{width}} {text.strip():} {{}} {LIMIT + 1:,}" + f"{text=}"


@traced
def busy(x, /, y: int = 2, *rest: int, key: dict[str, int] | None = None, **more):
    """Use much syntax."""
    total = [a * b for a, b in zip(range(x), range(y), strict=False) if (c := a) > 0 and c]
    match x:
        case {"a": [first, *_], **others} if first:
            return first, others
        case Point(x=0) | None:
            return TABLE
        case str() as text:
            return clean(text)
    try:
        with open("nowhere") as file:
            del file
    except* (OSError, ValueError) as error:
        raise RuntimeError from error
    finally:
        total += [lambda q=LIMIT: q, *rest]
    while total:
        total.pop()
        if x:
            break
    else:
        del y
    return {
        **more,
        "k": {i: i**2 for i in rest},
        "s": {1, 2},
        "z": x if y else -1,
        "b": b"x",
        "c": 1j,
        "e": ...,
    }


async def waiting(n):
    async with n as m:
        return [await item async for item in m]


VALUES = {
    "none": None,
    "true": True,
    "int": 2**80,
    "float": -0.0,
    "nan": float("nan"),
    "complex": 2 + 3j,
    "text": "ünï\ud800",
    "bytes": b"bytes",
    "bytearray": bytearray(b"bytes"),
    "list": [1, [2, "x"]],
    "tuple": (1, 2),
    "ints": list(range(100)),
    "floats": [n / 7 for n in range(100)],
    "texts": [str(n) for n in range(100)],
    "dict": {"b": 1, "a": {"c": 2}, 3: None},
    "set": {"x", "y", 1, (2, "z")},
    "frozenset": frozenset([("a", 1), ("b", 2)]),
    "date": date(2026, 1, 1),
    "datetime": datetime(2026, 1, 1, 5, tzinfo=ZoneInfo("Europe/London")),
    "offset": datetime(2026, 1, 1, 5, tzinfo=timezone(timedelta(hours=2))),
    "time": time(5),
    "timedelta": timedelta(days=1, seconds=5),
    "timezone": timezone(timedelta(hours=1), "X"),
    "zone": ZoneInfo("Europe/Paris"),
    "uuid": UUID(int=5),
    "decimal": Decimal("1.50"),
    "fraction": Fraction(1, 3),
    "path": Path("a/b"),
    "pattern": re.compile("a+", re.IGNORECASE),
    "range": range(1, 9, 2),
    "slice": slice(1, None),
    "enum": Colour.RED,
    "flag": Mode.A | Mode.B,
    "named tuple": Pair(1, {2}),
    "dataclass": Point(1, ["a"]),
    "object": Plain(b=1, a={"x"}),
    "slotted": Slotted({"y", "z"}),
    "counter": Counter("aabbb"),
    "ordered": OrderedDict(b=1, a=2),
    "default": defaultdict(list, a=[1]),
    "deque": deque([1], 4),
    "partial": functools.partial(int, base=2),
    "simple": types.SimpleNamespace(a=1),
    "exception": ValueError("a", 1),
    "function": clean,
    "lambda": lambda q: q + LIMIT,
    "decorated": busy,
    "async": waiting,
    "class": Point,
    "builtin": len,
    "module": re,
    "method": Point(7).origin,
}

if __name__ == "__main__":
    hashes = {name: fingerprint(value) for name, value in VALUES.items()}
    parts = source_parts(busy, fingerprint)
    print(json.dumps({**hashes, **{f"busy: {name}": part.digest for name, part in parts.items()}}))
