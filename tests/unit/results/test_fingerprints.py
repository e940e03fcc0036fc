"""Content hashes: equal values agree, different ones do not, and what has no content says where it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.results.values import DIFFERENT, SAME, Plain, Point, mapped, table

from penstock._results.fingerprint import fingerprint
from penstock.exceptions import HashError


@pytest.mark.parametrize(("name", "one", "other"), SAME, ids=[name for name, *_ in SAME])
def test_equal_values_agree(name, one, other) -> None:
    assert fingerprint(one) == fingerprint(other)
    assert fingerprint([one]) == fingerprint([other])


@pytest.mark.parametrize(("name", "one", "other"), DIFFERENT, ids=[name for name, *_ in DIFFERENT])
def test_different_values_do_not_agree(name, one, other) -> None:
    assert fingerprint(one) != fingerprint(other)
    assert fingerprint([one, other]) != fingerprint([other, one])
    assert fingerprint(one) == fingerprint(one)


def test_a_file_in_memory_agrees_with_its_array(tmp_path) -> None:
    array = np.arange(10.0)

    assert fingerprint(mapped(tmp_path / "a.npy", array)) == fingerprint(array)
    assert fingerprint(mapped(tmp_path / "b.npy", array + 1)) != fingerprint(array)


@pytest.mark.parametrize(
    ("value", "where", "why"),
    [
        (threading.Lock(), "Input 'x' is of type _thread.lock", "cannot pickle '_thread.lock' object"),
        (
            {"model": [Plain(lock=threading.Lock())]},
            "at ['model'][0].lock, is of type _thread.lock",
            "it is no data",
        ),
        (Point(1, (n for n in "a")), "at .y, is of type builtins.generator", "it is used up by reading it"),
        (iter([1]), "type builtins.list_iterator", "it is used up by reading it"),
        (pd.DataFrame({"a": [1], "b": [threading.Lock()]}), "at ['b'][0], is of", "_thread.lock"),
        (np.array([threading.Lock()], object), "at [0], is of", "_thread.lock"),
        (pl.LazyFrame({"a": [1]}), "polars.lazyframe.frame.LazyFrame", "give the task `frame.collect()`"),
        ({(1, 2): threading.Lock()}, "at [(1, 2)], is of", "_thread.lock"),
    ],
)
def test_what_has_no_content_says_which_part_and_what_to_do(value, where, why) -> None:
    with pytest.raises(HashError) as caught:
        fingerprint(value, "Input 'x'", "x")

    said = str(caught.value)
    assert where in said
    assert why in said
    assert said.endswith("leave it out with `cache_policy=INPUTS - 'x'`, or give the task a cache_key_fn.")


def test_an_open_file_has_no_content_but_text_in_memory_has(tmp_path) -> None:
    with (tmp_path / "file").open("w") as file, pytest.raises(HashError, match="it is used up by reading it"):
        fingerprint(file)

    assert fingerprint(StringIO("a")) == fingerprint(StringIO("a")) != fingerprint(StringIO("b"))


@pytest.mark.parametrize("deep", ["list", "dict", "object"])
def test_what_contains_itself_is_refused(deep) -> None:
    inside: Any = {"list": [], "dict": {}, "object": Plain()}[deep]
    if deep == "list":
        inside.append(inside)
    elif deep == "dict":
        inside["self"] = inside
    else:
        inside.me = inside

    with pytest.raises(HashError, match="nested"):
        fingerprint(inside)


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=10) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=30,
)


def copied(value: Any) -> Any:
    """The same value made of other objects, dicts in the other order."""
    if isinstance(value, list):
        return [copied(item) for item in value]
    if isinstance(value, dict):
        return {"".join(key): copied(item) for key, item in reversed(value.items())}
    return value


@settings(max_examples=200, deadline=None)
@given(plain_values)
def test_any_nested_value_agrees_with_its_copy(value) -> None:
    assert fingerprint(value) == fingerprint(copied(value))


@settings(max_examples=200, deadline=None)
@given(plain_values, plain_values)
def test_nested_values_agree_only_if_they_say_the_same(one, other) -> None:
    assert (fingerprint(one) == fingerprint(other)) == (repr(sorted_dicts(one)) == repr(sorted_dicts(other)))


def sorted_dicts(value: Any) -> Any:
    if isinstance(value, list):
        return [sorted_dicts(item) for item in value]
    if isinstance(value, dict):
        return {key: sorted_dicts(value[key]) for key in sorted(value)}
    return value


cells = st.one_of(
    st.lists(st.integers(-(2**60), 2**60), min_size=2, max_size=40),
    st.lists(st.floats(allow_nan=False), min_size=2, max_size=40),
    st.lists(st.text(max_size=5), min_size=2, max_size=40),
    st.lists(st.booleans(), min_size=2, max_size=40),
    st.lists(st.datetimes(), min_size=2, max_size=40),
)
makers: dict[str, Callable[[list[Any]], Any]] = {
    "numpy": lambda column: np.array(column, dtype=object if isinstance(column[0], str) else None),
    "pandas": lambda column: pd.DataFrame({"a": column, "b": range(len(column))}),
    "arrow": lambda column: pa.table({"a": column}),
    "polars": lambda column: pl.DataFrame({"a": column}),
}


@pytest.mark.parametrize("library", makers)
@settings(max_examples=60, deadline=None)
@given(column=cells, place=st.integers(0, 39))
def test_one_changed_cell_makes_another_hash(library, column, place) -> None:
    make = makers[library]
    changed = list(column)
    place %= len(column)
    donor = next((item for item in column if repr(item) != repr(column[place])), None)
    before = fingerprint(make(column))

    assert fingerprint(make(list(column))) == before
    if donor is not None:
        changed[place] = donor
        assert fingerprint(make(changed)) != before


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=4), st.integers(0, 5))
def test_chunks_of_a_table_make_no_difference(cuts, offset) -> None:
    long = pa.concat_tables([table] * 4).slice(offset)
    borders = sorted({0, *(cut * 2 for cut in cuts), long.num_rows})
    pieces = [long.slice(a, b - a) for a, b in pairwise(borders)]

    assert fingerprint(pa.concat_tables(pieces)) == fingerprint(long.combine_chunks())


PORTABLE = Path(__file__).with_name("portable_values.py")


def interpreters() -> list[Path]:
    """Every Python from 3.11 on that is on this machine, ours first; PENSTOCK_TEST_PYTHONS adds some."""
    given = [Path(part) for part in os.environ.get("PENSTOCK_TEST_PYTHONS", "").split(os.pathsep) if part]
    roots = [Path.home() / ".pyenv/versions", Path.home() / ".local/share/uv/python"]
    found = [path for root in roots for path in sorted(root.glob("*/bin/python3"))]
    found += [Path(f"/usr/bin/python3.{minor}") for minor in range(11, 20)]
    usable = [path for path in [*given, *found] if path.exists() and _minor(path) >= (3, 11)]
    return [Path(sys.executable), *usable]


def _minor(python: Path) -> tuple[int, int]:
    done = subprocess.run(
        [python, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, check=False
    )
    major, minor = (done.stdout.split() or [b"0", b"0"])[:2]
    return int(major), int(minor)


def test_hashes_are_the_same_with_every_seed_and_on_every_python() -> None:
    pythons = interpreters()
    answers = {}
    for number, python in enumerate(pythons):
        done = subprocess.run(
            [python, PORTABLE],
            env={**os.environ, "PYTHONHASHSEED": str(number + 1), "PYTHONPATH": ""},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        answers[python] = json.loads(done.stdout)
    ours = answers[Path(sys.executable)]

    assert len(ours) >= 40
    assert len(set(ours.values())) == len(ours)
    assert all(answer == ours for answer in answers.values()), answers
    if len({_minor(python) for python in pythons}) < 2:
        pytest.skip("Only one Python from 3.11 on is installed: stability between versions was not tested.")


HUNDRED_MB = 100_000_000


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.zeros(HUNDRED_MB // 8),
        lambda: np.zeros(HUNDRED_MB // 8, "i8"),
        lambda: np.zeros((1000, HUNDRED_MB // 8000), order="F"),
        lambda: np.zeros(HUNDRED_MB // 4)[::2],
        lambda: pd.DataFrame({"a": np.zeros(HUNDRED_MB // 16), "b": np.zeros(HUNDRED_MB // 16, "i8")}),
        lambda: pd.DataFrame(np.zeros((HUNDRED_MB // 80, 10))),
        lambda: pa.table({"a": np.zeros(HUNDRED_MB // 8)}),
        lambda: bytes(HUNDRED_MB),
        lambda: memoryview(bytearray(HUNDRED_MB)),
    ],
    ids=["floats", "ints", "fortran", "strided", "frame", "block", "arrow", "bytes", "memory"],
)
def test_a_hundred_megabytes_are_not_copied(make) -> None:
    value = make()
    fingerprint(value[:10] if not isinstance(value, pa.Table) else value.slice(0, 10))  # imports and caches
    tracemalloc.start()
    try:
        fingerprint(value)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < HUNDRED_MB / 10


def test_other_threads_go_on_while_a_big_array_is_hashed() -> None:
    array = np.zeros(HUNDRED_MB // 8, "i8")
    ticks: list[int] = []
    done = threading.Event()

    def tick() -> None:
        while not done.is_set():
            ticks.append(1)
            done.wait(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    before = len(ticks)
    fingerprint(array)
    during = len(ticks) - before
    done.set()
    thread.join()

    assert during >= 5
