"""Annotations that are text: names in the module, in a function, in a class, or nowhere. (R 3.5.0, 3.6.3)"""

from __future__ import annotations

from functools import partial, wraps
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from penstock import flow
from penstock.exceptions import ParameterTypeError

if TYPE_CHECKING:
    from nowhere import Nothing


@flow
def early(later: Later, count: int) -> Any:
    return later, count


class Later(BaseModel):
    n: int


@flow
def half(unknown: Nothing, listed: list[Nothing], count: int) -> Any:
    return unknown, listed, count


class Tool:
    class Part(BaseModel):
        n: int

    @flow
    def use(self, other: Tool, count: int) -> Any:
        return other is self, count


def test_names_defined_after_the_flow_resolve() -> None:
    assert early({"n": "1"}, "2") == (Later(n=1), 2)


def test_a_name_for_type_checkers_only_leaves_the_others_validated() -> None:
    assert half("anything", [1], "2") == ("anything", [1], 2)
    with pytest.raises(ParameterTypeError, match="count"):
        half("anything", [1], "two")


def test_classes_of_the_function_around_resolve() -> None:
    class Local(BaseModel):
        n: int

    @flow
    def work(one: Local, many: list[Local] | None = None) -> Any:
        return one, many

    assert work({"n": "1"}, [{"n": 2}]) == (Local(n=1), [Local(n=2)])
    assert list(work.parameters.definitions) == ["Local"]


def test_the_nearest_of_two_names_counts() -> None:
    Kind = int

    def make() -> Any:
        Kind = str

        @flow
        def work(it: Kind) -> Any:
            return it

        return work

    assert make()("1") == "1"
    assert Kind is int


def test_a_name_that_is_defined_later_is_looked_for_again() -> None:
    namespace: dict[str, Any] = {}
    exec("from __future__ import annotations\ndef work(x: Coming, y: int): return x, y", namespace)
    work = flow(namespace["work"])

    assert work("1", "2") == ("1", 2)
    namespace["Coming"] = int
    assert work("1", "2") == (1, 2)


def test_forward_references_inside_types_resolve() -> None:
    @flow
    def work(items: list["Later"]) -> Any:  # noqa: UP037
        return items

    assert work([{"n": 3}]) == [Later(n=3)]


def test_methods_partials_and_wrapped_functions_are_validated() -> None:
    def double(fn: Any) -> Any:
        @wraps(fn)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return fn(*args, **kwargs)

        return wrapper

    def add(x: int, y: int) -> int:
        return x + y

    tool = Tool()
    assert tool.use(tool, "3") == (True, 3)
    assert flow(name="part")(partial(add, 1))(y="2") == 3
    assert flow(double(add))("1", "2") == 3
