"""Serializers: round trips, settings beside the data, versions, and classes of one's own."""

from __future__ import annotations

import base64
import dataclasses
import enum
import pickle
import warnings
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import cloudpickle
import numpy as np
import pandas as pd
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from penstock.exceptions import ConfigurationError, MissingResult, SerializationError
from penstock.results import ResultStore, resolve_serializer
from penstock.serializers import (
    CompressedJSONSerializer,
    CompressedPickleSerializer,
    CompressedSerializer,
    JSONSerializer,
    PickleSerializer,
    Serializer,
    prefect_json_object_decoder,
    prefect_json_object_encoder,
)

BUILT_IN = ["pickle", "json", "compressed/pickle", "compressed/json", "compressed"]


class Colour(enum.Enum):
    RED = "red"


class Address(BaseModel):
    street: str
    since: date


class Person(BaseModel):
    name: str
    at: Address
    tags: set[str] = set()


@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    y: float


class OwnError(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)


class Reversed(Serializer):
    type: Literal["reversed"] = "reversed"
    suffix: str = ""

    def dumps(self, obj: Any) -> bytes:
        return (obj[::-1] + self.suffix).encode()

    def loads(self, blob: bytes) -> Any:
        return blob.decode().removesuffix(self.suffix)[::-1]


RICH = [
    datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), datetime(2026, 1, 2), date(2026, 1, 2), time(1, 2), timedelta(days=1, seconds=3),
    UUID(int=7), Decimal("1.10"), Path("/a/b"), b"\x00\xff", bytearray(b"x"), {1, 2}, frozenset("a"), Colour.RED,
    Person(name="A", at=Address(street="B", since=date(2020, 1, 1)), tags={"x"}), Point(1, 2.5),
    {"nested": [Point(1, 2.0), {"deep": Person(name="C", at=Address(street="D", since=date(2021, 1, 1)))}]}, pydantic.SecretStr,
][:-1]  # fmt: skip
ERRORS = [ValueError("no"), KeyError("k"), OwnError(3, "text"), OSError(2, "gone"), ZeroDivisionError()]
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("kind", BUILT_IN)
@settings(max_examples=40, deadline=None)
@given(value=plain)
def test_plain_data_come_back(kind, value) -> None:
    serializer = resolve_serializer(kind)

    assert serializer.loads(serializer.dumps(value)) == value
    assert serializer.unpack(serializer.pack(value)) == value


@pytest.mark.parametrize("kind", BUILT_IN)
@pytest.mark.parametrize("value", RICH, ids=lambda v: type(v).__name__)
def test_rich_data_come_back(kind, value) -> None:
    serializer = resolve_serializer(kind)
    again = serializer.loads(serializer.dumps(value))

    assert (type(again), again) == (type(value), value)


@pytest.mark.parametrize("kind", BUILT_IN)
@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_exceptions_come_back(kind, error) -> None:
    serializer = resolve_serializer(kind)
    again = serializer.loads(serializer.dumps({"error": error}))["error"]

    assert (type(again), again.args, str(again)) == (type(error), error.args, str(error))


def test_json_writes_plain_values_as_plain_json() -> None:
    assert (
        JSONSerializer().dumps({"a": [1, None, True], "b": "ü"}) == b'{"a": [1, null, true], "b": "\\u00fc"}'
    )
    assert JSONSerializer().dumps({"n": np.arange(3), "f": np.float64(0.5)}) == b'{"n": [0, 1, 2], "f": 0.5}'


@pytest.mark.parametrize("value", [object(), lambda: 1, iter([])], ids=lambda v: type(v).__name__)
def test_what_has_no_json_form_says_what_to_do(value) -> None:
    with pytest.raises(SerializationError, match="has no JSON form.*result_serializer='pickle'"):
        JSONSerializer().dumps(value)


def test_a_class_of_a_function_is_refused_when_written() -> None:
    class Local(BaseModel):
        x: int

    with pytest.raises(SerializationError, match="defined inside a function"):
        JSONSerializer().dumps(Local(x=1))


def test_the_encoder_and_decoder_are_functions_for_json() -> None:
    import json

    text = json.dumps({"at": Point(1, 2.0)}, default=prefect_json_object_encoder)

    assert json.loads(text, object_hook=prefect_json_object_decoder) == {"at": Point(1, 2.0)}
    assert prefect_json_object_decoder({"__class__": "x"}) == {"__class__": "x"}


@pytest.mark.parametrize("name", ["os.system", "nowhere.Thing", "builtins.eval", "x", ""])
def test_json_makes_only_classes(name) -> None:
    blob = b'{"__class__": "%s", "data": "true"}' % name.encode()

    with pytest.raises(ValueError, match=f"no class {name} here"):
        JSONSerializer().loads(blob)


def test_arguments_of_the_json_library_are_passed_on_but_for_ours() -> None:
    assert JSONSerializer(dumps_kwargs={"sort_keys": True}).dumps({"b": 1, "a": 2}) == b'{"a": 2, "b": 1}'
    assert JSONSerializer(loads_kwargs={"parse_float": Decimal}).loads(b"1.5") == Decimal("1.5")
    assert JSONSerializer(jsonlib="orjson", object_decoder=None).loads(
        JSONSerializer(jsonlib="orjson").dumps([1])
    ) == [1]
    with pytest.raises(ValidationError, match="`default` cannot be in `dumps_kwargs`"):
        JSONSerializer(dumps_kwargs={"default": str})
    with pytest.raises(ValidationError, match="`object_hook` cannot be in `loads_kwargs`"):
        JSONSerializer(loads_kwargs={"object_hook": dict})


def test_pickles_are_wrapped_in_base64_and_read_with_it_or_without() -> None:
    blob = PickleSerializer().dumps({"a": 1})

    assert pickle.loads(base64.b64decode(blob)) == {"a": 1}
    assert PickleSerializer().loads(pickle.dumps({"a": 1})) == {"a": 1}


def test_another_version_of_the_pickle_library_is_warned_of(tmp_path) -> None:
    store = ResultStore(tmp_path, PickleSerializer(picklelib_version="0.1"))
    store.write([1], "k")
    ResultStore(tmp_path).write([1], "same")

    with pytest.warns(
        RuntimeWarning, match=rf"pickled with cloudpickle 0.1, and {cloudpickle.__version__} is installed"
    ):
        assert ResultStore(tmp_path).read("k").result == [1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ResultStore(tmp_path).read("same").result == [1]


def test_libraries_are_checked_when_they_are_named() -> None:
    assert PickleSerializer(picklelib="pickle").loads(PickleSerializer(picklelib="pickle").dumps(1)) == 1
    with pytest.raises(ValidationError, match="Failed to import 'nowhere'"):
        PickleSerializer(picklelib="nowhere")
    with pytest.raises(ValidationError, match="'math' has no function compress"):
        CompressedSerializer(compressionlib="math")


def test_compression_wraps_any_serializer() -> None:
    value = ["water"] * 1000
    made = CompressedSerializer(serializer=Reversed(suffix="!"), compressionlib="zlib")

    assert made.loads(made.dumps("abc")) == "abc"
    for serializer in (
        CompressedPickleSerializer(),
        CompressedJSONSerializer(),
        CompressedSerializer(serializer="json"),
    ):
        blob = serializer.dumps(value)
        assert (serializer.loads(blob), len(blob) < 300) == (value, True)


def test_settings_are_kept_beside_the_data(tmp_path) -> None:
    ResultStore(tmp_path, Reversed(suffix="!")).write("abc", "own")
    ResultStore(
        tmp_path,
        CompressedSerializer(serializer=JSONSerializer(dumps_kwargs={"indent": 2}), compressionlib="bz2"),
    ).write([1], "bz2")
    reader = ResultStore(tmp_path)

    assert (reader.read("own").result, reader.read("bz2").result) == ("abc", [1])
    assert reader.look("own").settings == {"type": "reversed", "suffix": "!"}
    found = reader.look("bz2").serializer
    assert (found.type, found.compressionlib, found.serializer.dumps_kwargs) == (
        "compressed",
        "bz2",
        {"indent": 2},
    )


def test_own_classes_are_found_by_type_and_may_not_clash() -> None:
    assert isinstance(resolve_serializer("reversed"), Reversed)
    with pytest.raises(ConfigurationError, match="has the type 'reversed' of .*Reversed.*a type of its own"):

        class Other(Serializer):
            type: Literal["reversed"] = "reversed"

    with pytest.raises(ConfigurationError, match="has the type 'pickle'"):

        class Mine(PickleSerializer):
            pass


def test_a_serializer_nobody_knows_says_which(tmp_path) -> None:
    ResultStore(tmp_path, Reversed()).write("abc", "k")
    path = tmp_path / "k"
    path.write_bytes(path.read_bytes().replace(b'"reversed"', b'"unknown."'[:10]))

    with pytest.raises(MissingResult, match="cannot be read.*No serializer is called"):
        ResultStore(tmp_path).read("k")


@pytest.mark.parametrize("kind", ["pickle", "compressed/pickle"])
def test_frames_and_arrays_come_back_and_can_be_written_to(kind, tmp_path) -> None:
    frame = pd.DataFrame({"a": np.arange(20_000), "b": np.linspace(0, 1, 20_000), "c": ["x", "y"] * 10_000})
    value = {
        "frame": frame,
        "array": np.eye(200)[::2],
        "fortran": np.asfortranarray(np.eye(200)),
        "bytes": b"x" * 200_000,
    }
    store = ResultStore(tmp_path, kind, cache_result_in_memory=False)
    store.write(value, "k")
    again = store.read("k").result

    pd.testing.assert_frame_equal(again["frame"], frame)
    assert all(np.array_equal(again[name], value[name]) for name in ("array", "fortran"))
    assert (again["bytes"] == value["bytes"], again["fortran"].flags.f_contiguous) == (True, True)
    again["array"][0, 0] = 5.0
    again["frame"].loc[0, "a"] = 7
    assert (store.look("k").buffers != ()) == (kind == "pickle")
