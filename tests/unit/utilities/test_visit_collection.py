"""`visit_collection`: what is shown, in which order, and what is copied. Sections 13 and 59 of the inventory."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, field_validator

from penstock.utilities.annotations import allow_failure, opaque, quote, unmapped
from penstock.utilities.collections import StopVisiting, visit_collection


def shown(expr: Any, **options: Any) -> list[Any]:
    """Everything a visitor is shown, in order."""
    seen: list[Any] = []
    visit_collection(expr, seen.append, **options)
    return seen


def plus_one(expr: Any, **options: Any) -> Any:
    return visit_collection(expr, lambda x: x + 1 if type(x) is int else x, return_data=True, **options)


@dataclass(frozen=True)
class Point:
    x: int
    names: list[str] = field(default_factory=list)


class Strict(BaseModel):
    n: int

    @field_validator("n")
    @classmethod
    def small(cls, n: int) -> int:
        if n > 1:
            raise ValueError("validated again")
        return n


def test_containers_are_shown_before_what_is_in_them() -> None:
    assert shown([1, {"k": (2,)}]) == [[1, {"k": (2,)}], 1, {"k": (2,)}, "k", (2,), 2]


@pytest.mark.parametrize(
    ("expr", "changed"),
    [
        (1, 2),
        ([1, [2]], [2, [3]]),
        ((1, "a"), (2, "a")),
        ({1}, {2}),
        ({1: 1, "k": 2}, {2: 2, "k": 3}),
        (OrderedDict(a=1), OrderedDict(a=2)),
        (Point(1, ["a"]), Point(2, ["a"])),
        (unmapped([1]), unmapped([2])),
        (allow_failure(1), allow_failure(2)),
    ],
)
def test_what_the_visitor_returns_takes_its_place(expr, changed) -> None:
    result = plus_one(expr)

    assert (result, type(result)) == (changed, type(changed))


def test_models_and_dataclasses_are_rebuilt_without_validation() -> None:
    """Section 13 (c) 4."""
    result = plus_one([Strict(n=1), Point(1)])

    assert (result[0].n, result[1]) == (2, Point(2))


def test_nothing_is_returned_unless_asked_for() -> None:
    assert visit_collection([1], lambda x: 5) is None


JSON = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
)


@given(JSON)
def test_what_does_not_change_keeps_its_identity(expr) -> None:
    """Section 59 (c) 1."""
    assert visit_collection(expr, lambda x: x, return_data=True) is expr


def test_only_the_containers_around_a_change_are_copied() -> None:
    expr = [[1], ["a"]]

    changed = plus_one(expr)

    assert changed == [[2], ["a"]]
    assert changed[1] is expr[1]
    assert expr == [[1], ["a"]]


@pytest.mark.parametrize(("depth", "seen"), [(0, 1), (1, 3), (2, 4), (-1, 5)])
def test_depth_limits_how_far_down_it_goes(depth, seen) -> None:
    assert len(shown([1, [[2]]], max_depth=depth)) == seen


def test_generators_and_iterators_are_shown_and_not_consumed() -> None:
    """Section 13 (c) 5."""

    async def agen() -> Any:
        yield 1

    generator, iterator, later = (n for n in (1, 2)), iter([1, 2]), agen()

    assert shown([generator, iterator, later])[1:] == [generator, iterator, later]
    assert (list(generator), list(iterator)) == ([1, 2], [1, 2])


def test_stopping_prunes_one_path_and_leaves_it_as_it_is() -> None:
    def visitor(x: Any) -> Any:
        if isinstance(x, list) and "stop" in x:
            raise StopVisiting
        return x + 1 if type(x) is int else x

    assert visit_collection((1, ["stop", 2], [3]), visitor, return_data=True) == (2, ["stop", 2], [4])


def test_cycles_end_the_walk() -> None:
    expr: list[Any] = [1]
    expr.append(expr)

    assert len(shown(expr)) == 3


def test_ids_already_seen_are_not_looked_into() -> None:
    inner = [1]

    assert shown([inner], _seen={id(inner)}) == [[inner], inner]


def test_context_goes_down_and_never_up() -> None:
    notes: list[tuple[Any, dict[str, Any]]] = []

    def visitor(x: Any, context: dict[str, Any]) -> Any:
        notes.append((x, dict(context)))
        context["below"] = x if isinstance(x, list) else context.get("below")
        return x

    given = {"from": "caller"}
    visit_collection([[1], 2], visitor, context=given)

    assert notes == [
        ([[1], 2], {"from": "caller"}),
        ([1], {"from": "caller", "below": [[1], 2]}),
        (1, {"from": "caller", "below": [1]}),
        (2, {"from": "caller", "below": [1]}),
    ]
    assert given == {"from": "caller"}


def test_inside_an_annotation_the_context_holds_it() -> None:
    notes: list[tuple[Any, Any]] = []

    def visitor(x: Any, context: dict[str, Any]) -> Any:
        notes.append((x, context.get("annotation")))
        return x

    mark = unmapped([2])
    visit_collection([1, mark], visitor, context={})

    assert notes == [([1, mark], None), (1, None), (mark, None), ([2], mark), (2, mark)]


def test_annotations_can_be_taken_off() -> None:
    assert plus_one([unmapped([1]), allow_failure(quote(2))], remove_annotations=True) == [[2], 3]


def test_opaque_shows_the_value_and_not_what_is_in_it() -> None:
    assert shown(opaque([1, 2])) == [opaque([1, 2]), [1, 2]]
    assert shown(quote([1])) == [quote([1]), [1], 1]
