"""Parameters of calls as dicts, there and back. Reference page: api-ref prefect-utilities-callables."""

from __future__ import annotations

import pickle
from typing import Any

import cloudpickle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from penstock import unmapped
from penstock.exceptions import (
    MappingLengthMismatch,
    MappingMissingIterable,
    ParameterBindError,
    ReservedArgumentError,
    SignatureMismatchError,
)
from penstock.utilities.callables import (
    call_with_parameters,
    cloudpickle_wrapped_call,
    collapse_variadic_parameters,
    expand_mapping_parameters,
    explode_variadic_parameter,
    get_call_parameters,
    get_parameter_defaults,
    parameters_to_args_kwargs,
    raise_for_reserved_arguments,
)


def every(a: Any, /, b: Any = 2, *rest: Any, c: Any = 3, **more: Any) -> Any:
    return a, b, rest, c, more


def plain(a: Any, b: Any = 2) -> Any:
    return a, b


def test_a_call_is_bound_to_names_with_or_without_defaults() -> None:
    bound = get_call_parameters(every, (1, 20, 30), {"z": 4})

    assert bound == {"a": 1, "b": 20, "rest": (30,), "c": 3, "more": {"z": 4}}
    assert get_call_parameters(every, (1,), {}, apply_defaults=False) == {"a": 1}
    with pytest.raises(ParameterBindError, match="Error binding parameters for function 'plain'") as caught:
        get_call_parameters(plain, (), {"c": 1})
    assert isinstance(caught.value, TypeError)


def test_the_instance_a_function_carries_is_its_first_parameter() -> None:
    def method(self: Any, x: int) -> Any:
        return self, x

    method.__prefect_self__ = "me"

    assert get_call_parameters(method, (1,), {}) == {"self": "me", "x": 1}


def test_a_parameter_called_keys_works() -> None:
    def work(keys: Any, items: Any = 1) -> Any:
        return keys, items

    assert call_with_parameters(work, get_call_parameters(work, (["k"],), {})) == (["k"], 1)


@given(st.lists(st.integers(), max_size=3), st.dictionaries(st.sampled_from("cxyz"), st.integers()))
def test_a_call_with_its_own_parameters_is_the_same_call(args, kwargs) -> None:
    bound = get_call_parameters(every, (0, *args), kwargs)

    assert call_with_parameters(every, bound) == every(0, *args, **kwargs)


def test_parameters_become_arguments_in_their_places() -> None:
    parameters = {"a": 1, "b": 2, "rest": (3,), "c": 5, "more": {"z": 4}}

    assert parameters_to_args_kwargs(every, parameters) == ((1, 2, 3), {"c": 5, "z": 4})
    assert parameters_to_args_kwargs(plain, {"b": 2}) == ((), {"b": 2})


@pytest.mark.parametrize("call", [parameters_to_args_kwargs, call_with_parameters])
def test_parameters_of_another_signature_are_a_mismatch(call) -> None:
    with pytest.raises(SignatureMismatchError, match=r"expects parameters \['a', 'b'\].*\['a', 'z'\]"):
        call(plain, {"a": 1, "z": 2})


def test_defaults_are_read_from_the_signature() -> None:
    def fields(x: Any, y: int = Field(default=5, ge=0), z: int = Field(description="needed")) -> None: ...

    assert get_parameter_defaults(every) == {"b": 2, "c": 3}
    assert get_parameter_defaults(fields) == {"y": 5}


def test_variadic_keywords_move_up_and_down() -> None:
    nested, flat = {"a": 1, "more": {"c2": 3, "d": 4}}, {"a": 1, "c2": 3, "d": 4}

    assert explode_variadic_parameter(every, nested) == flat
    assert collapse_variadic_parameters(every, flat) == nested
    assert (
        explode_variadic_parameter(plain, {"a": 1})
        == collapse_variadic_parameters(plain, {"a": 1})
        == {"a": 1}
    )
    assert collapse_variadic_parameters(every, {"a": 1}) == {"a": 1}
    with pytest.raises(ValueError, match=r"takes no \*\*kwargs.*\['z'\]"):
        collapse_variadic_parameters(plain, {"a": 1, "z": 2})


def test_a_wrapped_call_needs_only_the_standard_pickler() -> None:
    offset = 10

    call = pickle.loads(pickle.dumps(cloudpickle_wrapped_call(lambda x, y: x + y + offset, 1, y=2)))

    assert cloudpickle.loads(call()) == 13


def test_reserved_names_are_refused_by_name() -> None:
    raise_for_reserved_arguments(plain, ["c"])
    with pytest.raises(ReservedArgumentError, match="'b' is a reserved argument name"):
        raise_for_reserved_arguments(plain, ["c", "b"])


@pytest.mark.parametrize(
    ("fn", "parameters", "runs"),
    [
        (plain, {"a": [1, 2]}, [{"a": 1, "b": 2}, {"a": 2, "b": 2}]),
        (plain, {"a": [1, 2], "b": "text"}, [{"a": 1, "b": "text"}, {"a": 2, "b": "text"}]),
        (plain, {"a": [1], "b": unmapped([5, 6])}, [{"a": 1, "b": [5, 6]}]),
        (plain, {"a": []}, []),
        (
            every,
            {"a": 0, "more": {"x": [1, 2], "y": 3}},
            [{"b": 2, "c": 3, "a": 0, "more": {"x": n, "y": 3}} for n in (1, 2)],
        ),
    ],
)
def test_a_map_is_expanded_into_the_parameters_of_each_run(fn, parameters, runs) -> None:
    assert expand_mapping_parameters(fn, parameters) == runs


def test_a_default_is_added_to_each_run_and_not_mapped_over() -> None:
    def work(a: Any, b: Any = (1, 2, 3)) -> None: ...

    assert expand_mapping_parameters(work, {"a": [1]}) == [{"a": 1, "b": (1, 2, 3)}]


def test_maps_that_cannot_be_expanded_say_why() -> None:
    with pytest.raises(MappingMissingIterable, match="No iterable parameters"):
        expand_mapping_parameters(plain, {"a": "text"})
    with pytest.raises(MappingLengthMismatch, match="{'a': 1, 'b': 2}"):
        expand_mapping_parameters(plain, {"a": [1], "b": [1, 2]})
