"""What flows are given: coerced by pydantic's lax rules, field by field. Section 4 of the SDK inventory."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from penstock import flow, task
from penstock.exceptions import ParameterBindError, ParameterTypeError, SignatureMismatchError
from penstock.utilities.annotations import quote


class Address(BaseModel):
    street: str
    number: int


class Person(BaseModel):
    name: str
    address: Address


class Color(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Point:
    x: int
    y: int = 0


def checked(annotation: Any, value: Any) -> Any:
    """The value of a parameter with this annotation, as the body gets it."""

    def work(it: Any) -> Any: ...

    work.__annotations__ = {"it": annotation}
    return flow(work).validate_parameters({"it": value})["it"]


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (int, "5", 5),
        (float, "1.5", 1.5),
        (bool, "yes", True),
        (
            Person,
            {"name": "A", "address": {"street": "S", "number": "7"}},
            Person(name="A", address=Address(street="S", number=7)),
        ),
        (Point, {"x": "3"}, Point(3)),
        (Color, "red", Color.RED),
        (Literal["a", "b"], "b", "b"),
        (list[Color], ["red", "blue"], [Color.RED, Color.BLUE]),
        (dict[str, int], {"a": "1"}, {"a": 1}),
        (int | None, "2", 2),
        (Annotated[int, Field(ge=1)], "2", 2),
        (tuple[int, ...], ["1", 2], (1, 2)),
    ],
)
def test_values_become_what_the_annotation_says(annotation, value, expected) -> None:
    result = checked(annotation, value)

    assert (result, type(result)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("annotation", "value", "text"),
    [
        (str, 1, "it: Input should be a valid string"),
        (Annotated[int, Field(ge=1)], 0, "it: Input should be greater than or equal to 1"),
        (Annotated[str, Field(max_length=2)], "abc", "it: String should have at most 2 characters"),
        (
            Annotated[list[int], Field(default_factory=list, max_length=1)],
            [1, 2],
            "it: List should have at most 1",
        ),
        (Color, "green", "it: Input should be 'red' or 'blue'"),
        (Point, {"y": 1}, "it.x: Field required"),
    ],
)
def test_values_that_break_a_rule_are_refused(annotation, value, text) -> None:
    with pytest.raises(ParameterTypeError, match=text):
        checked(annotation, value)


def test_int_to_str_is_an_error_and_str_to_int_is_not() -> None:
    """Section 4 (c) 1: people implement one symmetric rule."""
    assert checked(int, "1") == 1
    with pytest.raises(ParameterTypeError, match="valid string"):
        checked(str, 1)


def test_every_wrong_field_is_named_with_its_place() -> None:
    @flow
    def work(people: list[Person], count: int) -> None: ...

    with pytest.raises(ParameterTypeError) as caught:
        work([{"name": "A", "address": {"street": 1}}], "many")

    assert str(caught.value).splitlines() == [
        "Flow run received invalid parameters:",
        " - people.0.address.street: Input should be a valid string",
        " - people.0.address.number: Field required",
        " - count: Input should be a valid integer, unable to parse string as an integer",
    ]


def test_the_error_can_be_made_from_one_of_pydantic() -> None:
    with pytest.raises(ValidationError) as caught:
        Address.model_validate({"street": 1, "number": 2})

    error = ParameterTypeError.from_validation_error(caught.value)

    assert str(error) == "Flow run received invalid parameters:\n - street: Input should be a valid string"


def test_instances_of_models_and_their_subclasses_are_kept() -> None:
    class Villa(Address):
        rooms: int = 9

    villa = Villa(street="S", number=1)

    assert checked(Address, villa) is villa


def test_defaults_are_not_validated_when_nothing_is_given() -> None:
    @flow
    def work(x: int = None, y: str = 3) -> Any:  # noqa: RUF013
        return x, y

    assert work() == (None, 3)
    with pytest.raises(ParameterTypeError, match="y: Input should be a valid string"):
        work(y=3)


def test_defaults_are_there_for_templates_but_only_what_was_given_is_kept(witness) -> None:
    """Section 4 (c) 2."""

    @flow(flow_run_name="{x}-{y}")
    def work(x: int, y: int = 2) -> None: ...

    work(1)

    run = witness.flow_runs["work"]
    assert (run.name, run.parameters) == ("1-2", {"x": 1})


def test_futures_and_states_are_resolved_before_a_child_flow_validates() -> None:
    """Section 4 (c) 3."""

    @task
    def number() -> str:
        return "7"

    @flow
    def child(x: int, xs: list[int]) -> Any:
        return x, xs

    @flow
    def parent() -> Any:
        return child(number.submit(), [number(return_state=True), 1])

    assert parent() == (7, [7, 1])


def test_parameters_that_hold_futures_or_states_are_left_alone() -> None:
    @flow
    def work(x: int, xs: list[int], y: int) -> None: ...

    @task
    def number() -> int:
        return 1

    state = number(return_state=True)

    given = {"x": state, "xs": ["1", state], "y": "2"}
    assert work.validate_parameters(given) == {"x": state, "xs": ["1", state], "y": 2}
    assert work.serialize_parameters({"x": state, "y": 2})["y"] == 2


def test_switching_validation_off_skips_coercion_too() -> None:
    """Section 2 (c) 2."""

    @flow(validate_parameters=False)
    def work(x: int, person: Person) -> Any:
        return x, person

    assert work("5", {"name": 1}) == ("5", {"name": 1})


def test_names_the_function_does_not_have_are_a_mismatch() -> None:
    @flow
    def work(x: int, y: int = 1) -> None: ...

    with pytest.raises(
        SignatureMismatchError, match=r"expects parameters \['x', 'y'\].*\['x', 'z'\]"
    ) as caught:
        work.validate_parameters({"x": 1, "z": 2})
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("name", ["keys", "values", "self", "cls", "model_fields", "json", "p0", "copy"])
def test_parameters_may_have_names_that_dicts_and_models_use(name) -> None:
    namespace: dict[str, Any] = {}
    exec(f"def work({name}: int, other: int = 1): return {name}, other", namespace)
    work = flow(namespace["work"])

    assert work(**{name: "5"}) == (5, 1)
    assert list(work.parameters.properties) == [name, "other"]
    with pytest.raises(ParameterTypeError, match=f"{name}: Input should be a valid integer"):
        work(**{name: "five"})


def test_variadics_are_validated_each_and_arrive_where_they_belong() -> None:
    @flow
    def work(first: int, /, *rest: int, last: int, **more: int) -> Any:
        return first, rest, last, more

    assert work("1", "2", 3, last="4", extra="5") == (1, (2, 3), 4, {"extra": 5})
    with pytest.raises(ParameterTypeError, match=r"more\.extra: Input should be a valid integer"):
        work(1, last=2, extra="x")


def test_a_field_as_default_gives_the_default_and_the_rules() -> None:
    @flow
    def work(x: int = Field(default=3, ge=1), xs: list[int] = Field(default_factory=list)) -> Any:
        xs.append(x)
        return xs

    assert (work(), work("4"), work()) == ([3], [4], [3])
    with pytest.raises(ParameterTypeError, match="x: Input should be greater than or equal to 1"):
        work(0)


def test_a_field_without_a_default_must_be_given() -> None:
    @flow
    def work(x: int = Field(description="how many")) -> int:
        return x

    assert work("2") == 2
    with pytest.raises(ParameterBindError, match="missing a required argument: 'x'"):
        work()


def test_a_type_pydantic_cannot_use_costs_the_others_nothing() -> None:
    class Odd:
        @classmethod
        def __get_pydantic_core_schema__(cls, source, handler):
            raise RuntimeError("no schema")

    @flow
    def work(odd: Odd, x: int) -> Any:
        return odd, x

    assert work("anything", "5") == ("anything", 5)


def test_plain_classes_are_checked_by_instance() -> None:
    class Mine: ...

    mine = Mine()
    assert checked(Mine, mine) is mine
    with pytest.raises(ParameterTypeError, match="instance of"):
        checked(Mine, 3)


def test_discriminated_unions_choose_their_model() -> None:
    class Cat(BaseModel):
        kind: Literal["cat"]

    class Dog(BaseModel):
        kind: Literal["dog"]

    assert checked(Annotated[Cat | Dog, Field(discriminator="kind")], {"kind": "dog"}) == Dog(kind="dog")


def test_a_quoted_value_arrives_bare() -> None:
    @flow
    def work(x: list[int]) -> Any:
        return x

    assert work(quote([1])) == [1]


def test_parameters_become_json_as_they_are() -> None:
    @flow
    def work(**more: Any) -> None: ...

    given = {
        "n": 1,
        "f": 1.5,
        "t": "x",
        "d": {"k": [True, None]},
        "p": Address(street="S", number=1),
        "c": Color.RED,
    }
    assert work.serialize_parameters(given) == {
        "n": 1, "f": 1.5, "t": "x", "d": {"k": [True, None]}, "p": {"street": "S", "number": 1}, "c": "red",
    }  # fmt: skip


def test_parameters_over_512_kb_are_left_out() -> None:
    @flow
    def work(small: int, big: str) -> None: ...

    kept = work.serialize_parameters({"small": 1, "big": "x" * 600_000})

    assert kept == {"small": 1, "big": "<left out: parameters are over 512 kB>"}


def test_pydantic_is_only_loaded_for_what_needs_it() -> None:
    code = """
import json, sys
from penstock import flow
@flow
def work(x: int, y: str = "a"): return x
before = "pydantic" in sys.modules
work.validate_parameters({"x": 1, "y": "b"})
plain = "pydantic" in sys.modules
work.validate_parameters({"x": "1"})
print(json.dumps([before, plain, "pydantic" in sys.modules]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )

    assert json.loads(done.stdout) == [False, False, True]
