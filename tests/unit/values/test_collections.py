"""Walking nested data: what is visited, what is copied, what is left alone."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from penstock._values.annotations import allow_failure, opaque, quote, unmapped
from penstock._values.collections import find, visit


class Mark:
    """A leaf of our own."""


@dataclass(frozen=True)
class Frozen:
    inside: Any
    other: int = 0


class Model(BaseModel):
    model_config = {"arbitrary_types_allowed": True}
    inside: Any
    count: int = 0


Pair = namedtuple("Pair", "a b")


def fill(expr: Any) -> Any:
    """Replace every mark by 7."""
    return visit(expr, lambda leaf: 7 if isinstance(leaf, Mark) else leaf)


@pytest.mark.parametrize(
    ("expr", "filled"),
    [
        (Mark(), 7),
        ([Mark(), 1], [7, 1]),
        ((1, Mark()), (1, 7)),
        ({"k": [Mark()]}, {"k": [7]}),
        (OrderedDict(k=Mark()), OrderedDict(k=7)),
        (Pair(Mark(), 2), Pair(7, 2)),
        (Frozen(Mark(), 3), Frozen(7, 3)),
        (Model(inside=Mark(), count=3), Model(inside=7, count=3)),
        (unmapped([Mark()]), unmapped([7])),
        (allow_failure(Mark()), allow_failure(7)),
    ],
)
def test_leaves_are_replaced_in_every_container(expr, filled) -> None:
    result = fill(expr)

    assert (result, type(result)) == (filled, type(filled))


def test_marks_in_sets_and_keys_are_replaced() -> None:
    one = Mark()

    assert fill({one}) == {7}
    assert fill({one: one}) == {7: 7}


JSON = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
)


@given(JSON)
def test_what_does_not_change_is_not_copied(expr) -> None:
    assert fill(expr) is expr


@pytest.mark.parametrize("wrap", [quote, opaque])
def test_what_is_quoted_is_not_looked_at(wrap) -> None:
    hidden = wrap([Mark()])

    assert fill([hidden])[0] is hidden
    assert find([hidden, Mark()], Mark) != find([hidden], Mark) == []


def test_cycles_end_the_walk_and_generators_are_not_consumed() -> None:
    around: list[Any] = [Mark()]
    around.append(around)
    lazy = (n for n in range(3))

    assert fill(around)[0] == 7
    assert fill([lazy, Mark()])[0] is lazy
    assert list(lazy) == [0, 1, 2]


def test_find_gives_what_it_finds_in_order() -> None:
    one, two = Mark(), Mark()

    assert find({"a": [one, {"b": (two,)}], "c": one}, Mark) == [one, two, one]


def test_a_container_can_be_passed_by() -> None:
    closed = [Mark()]
    seen: list[Any] = []

    result = visit(
        [closed, [Mark()]],
        lambda leaf: 7,
        inside=lambda container: (seen.append(container), container is not closed)[1],
    )

    assert result == [closed, [7]]
    assert seen[1] is closed
