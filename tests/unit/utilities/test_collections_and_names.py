"""Small helpers with documented names: nested dicts, enumerations, batches, hashes, names, waiting times."""

from __future__ import annotations

import hashlib
import io
import json
import math
import statistics
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.exceptions import HashError
from penstock.types import names as types_names
from penstock.types.entrypoint import EntrypointType
from penstock.utilities import collections, hashing, names
from penstock.utilities import math as waiting


def test_only_text_bytes_and_files_are_not_iterable() -> None:
    singles = ["a", b"a", io.StringIO(), 1, None]
    many = [[], {}, set(), (n for n in "a"), iter([]), range(2)]

    assert not any(map(collections.isiterable, singles))
    assert all(map(collections.isiterable, many))


def test_flat_dicts_lead_back() -> None:
    nested = {"a": {"b": 1, "c": {}}, "d": 2}
    flat = {("a", "b"): 1, ("a", "c"): {}, ("d",): 2}

    assert collections.dict_to_flatdict(nested) == flat
    assert collections.flatdict_to_dict(flat) == nested


KEYS = st.text("ab", max_size=2)
LEAF_OR_DICT = st.recursive(st.integers(), lambda d: st.dictionaries(KEYS, d, min_size=1), max_leaves=6)


@given(st.dictionaries(KEYS, LEAF_OR_DICT))
def test_flattening_is_undone(nested) -> None:
    assert collections.flatdict_to_dict(collections.dict_to_flatdict(nested)) == nested


def test_merging_is_deep_and_makes_new_dicts() -> None:
    one, two = {"a": {"b": 1}, "l": [1]}, {"a": {"c": 2}, "l": [2]}

    assert collections.deep_merge(one, two) == {"a": {"b": 1, "c": 2}, "l": [2]}
    assert collections.deep_merge_dicts(one, two, {"a": 3}) == {"a": 3, "l": [2]}
    assert (one, two) == ({"a": {"b": 1}, "l": [1]}, {"a": {"c": 2}, "l": [2]})
    assert collections.deep_merge_dicts() == {}


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ("a.b.c[1]", 2),
        (["a", "b", "c", 1], 2),
        ("a.b.c.0", 1),
        ("a.b.c.7", "default"),
        ("a.x", "default"),
        ("a.b.c[0].d", "default"),
        ("", {"a": {"b": {"c": [1, 2]}}}),
    ],
)
def test_values_are_reached_by_a_way_of_keys(keys, found) -> None:
    assert collections.get_from_dict({"a": {"b": {"c": [1, 2]}}}, keys, "default") == found


def test_values_are_set_by_a_way_of_keys() -> None:
    dct: dict[str, Any] = {"a": {"b": 1}, "n": 1}
    collections.set_in_dict(dct, "a.c.d", 5)
    collections.set_in_dict(dct, ["e"], 6)

    assert dct == {"a": {"b": 1, "c": {"d": 5}}, "n": 1, "e": 6}
    with pytest.raises(KeyError, match="non-dict value at 'n'"):
        collections.set_in_dict(dct, "n.m", 1)


def test_keys_are_removed_from_nested_dicts_only() -> None:
    assert collections.remove_nested_keys(["a"], {"a": 1, "b": {"a": 2, "c": [{"a": 3}]}}) == {
        "b": {"c": [{"a": 3}]}
    }
    assert collections.remove_nested_keys(["a"], ["a"]) == ["a"]


def test_lists_of_things() -> None:
    assert list(collections.batched_iterable(range(5), 2)) == [(0, 1), (2, 3), (4,)]
    assert list(collections.distinct([1, 2, 1, 3])) == [1, 2, 3]
    assert list(collections.distinct(["a", "A", "b"], key=str.lower)) == ["a", "b"]
    assert collections.listrepr([1, "a"], sep=", ") == "1, 'a'"
    assert [collections.ensure_iterable(x) for x in (1, [1], "ab", {1})] == [[1], [1], "ab", {1}]
    assert collections.extract_instances([1, "a", 2], int) == [1, 2]
    assert collections.extract_instances([1, "a", None], (int, str)) == {int: [1], str: ["a"]}


def test_an_auto_enum_has_its_names_as_values() -> None:
    class Color(collections.AutoEnum):
        RED = collections.AutoEnum.auto()
        BLUE = collections.AutoEnum.auto()

    assert [member.value for member in Color] == ["RED", "BLUE"]
    assert (Color.RED == "RED", json.dumps(Color.RED), repr(Color.RED), Color("BLUE")) == (
        True,
        '"RED"',
        "Color.RED",
        Color.BLUE,
    )


def test_hashes_of_text_and_files(tmp_path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 3_000_000)

    assert hashing.stable_hash("a", b"b") == hashlib.md5(b"ab").hexdigest()
    assert hashing.stable_hash("ä", hash_algo=hashlib.sha256) == hashlib.sha256("ä".encode()).hexdigest()
    assert hashing.file_hash(str(tmp_path / "file")) == hashlib.md5(b"x" * 3_000_000).hexdigest()


def test_hashes_of_objects_are_the_same_in_every_process() -> None:
    """Section 59 (c) 4: no reliance on the order of sets or on ids."""
    code = (
        "from penstock.utilities.hashing import hash_objects\n"
        "print(hash_objects({'a', 'b', 'c', ('d', 1)}, {'x': 1, 'y': {'z'}}, key=frozenset('hello')))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={**__import__("os").environ, "PYTHONHASHSEED": seed},
            check=True, capture_output=True, text=True, timeout=60,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip

    assert len(found) == 1


def test_hashes_of_objects_follow_their_content() -> None:
    assert hashing.hash_objects({"a": 1, "b": 2}) == hashing.hash_objects({"b": 2, "a": 1})
    assert hashing.hash_objects(1, 2) != hashing.hash_objects(2, 1)
    assert hashing.hash_objects(1) != hashing.hash_objects("1")
    assert hashing.hash_objects(a=1) != hashing.hash_objects(b=1)
    assert len(hashing.hash_objects(1, hash_algo=hashlib.sha256) or "") == 64


def test_what_cannot_be_hashed_is_none_or_an_error() -> None:
    import threading

    assert hashing.hash_objects(threading.Lock()) is None
    with pytest.raises(HashError, match="lock"):
        hashing.hash_objects(threading.Lock(), raise_on_failure=True)


def test_slugs_and_secrets() -> None:
    assert len(names.generate_slug(3).split("-")) == 3
    assert names.obfuscate_string("abc") == names.obfuscate_string("abcdefghijklmnop") == "********"
    assert [
        names.obfuscate_string(s, show_tail=True) for s in ("abcdefgh", "abcdefghijk", "abcdefghijklmnopqrs")
    ] == [
        "********",
        "*******k",
        "****pqrs",
    ]
    assert names.obfuscate(1234567890123, show_tail=True) == "*****123"


def test_waiting_times_keep_their_mean_and_bounds() -> None:
    clamped = [waiting.clamped_poisson_interval(10, 0.3) for _ in range(4000)]
    bounded = [waiting.bounded_poisson_interval(2, 6) for _ in range(1000)]
    free = [waiting.poisson_interval(10) for _ in range(8000)]

    assert max(clamped) <= 13 + 1e-9
    assert statistics.fmean(clamped) == pytest.approx(10, rel=0.05)
    assert (min(bounded) >= 2 - 1e-9, max(bounded) <= 6 + 1e-9) == (True, True)
    assert statistics.fmean(free) == pytest.approx(10, rel=0.1)


def test_the_lower_bound_has_as_much_below_the_median_as_the_upper_above() -> None:
    median = math.log(2)
    for k in (1, 1.3, 2, 10):
        below = 0.5 - waiting.exponential_cdf(waiting.lower_clamp_multiple(k) * median, 1)
        assert below == pytest.approx(waiting.exponential_cdf(k * median, 1) - 0.5)
    assert waiting.lower_clamp_multiple(60) == 0.0


@pytest.mark.parametrize(
    ("check", "fine", "wrong"),
    [
        (types_names.raise_on_name_alphanumeric_dashes_only, ["a-1", "", None], ["a_b", "A", "a b"]),
        (types_names.raise_on_name_alphanumeric_underscores_only, ["a_1", None], ["a-b", "A"]),
        (types_names.raise_on_name_alphanumeric_dashes_underscores_only, ["a_b-c"], ["a b", "A"]),
        (types_names.non_emptyish, ["a", '"x"'], ["", " ", "'", "''", '" "']),
        (types_names.validate_uri, ["s3://a/b", "s3://A"], ["S3://a", "abc", "s3://"]),
        (
            types_names.validate_valid_asset_key,
            ["s3://a/b.csv"],
            ["s3://a b", "s3://a?b", "s3://" + "a" * 510, "abc"],
        ),
    ],
)
def test_names_are_checked(check, fine, wrong) -> None:
    assert [check(value) for value in fine] == fine
    for value in wrong:
        with pytest.raises(ValueError, match=r"must|cannot"):
            check(value)


def test_entrypoint_types() -> None:
    assert [(kind.name, kind.value) for kind in EntrypointType] == [
        ("FILE_PATH", "file_path"),
        ("MODULE_PATH", "module_path"),
    ]
