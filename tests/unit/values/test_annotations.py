"""Marks around arguments, as values."""

from __future__ import annotations

import pickle

import pytest

from penstock.utilities.annotations import (
    BaseAnnotation,
    NotSet,
    Quote,
    allow_failure,
    freeze,
    opaque,
    quote,
    unmapped,
)

MARKS = [allow_failure, freeze, opaque, quote, unmapped]


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_holds_one_value_and_gives_it_back(mark) -> None:
    value = [1, 2]
    marked = mark(value)

    assert isinstance(marked, BaseAnnotation)
    assert marked.unwrap() is value
    assert (marked.rewrap(3), repr(marked)) == (mark(3), f"{mark.__name__}([1, 2])")
    assert pickle.loads(pickle.dumps(marked)) == marked


def test_marks_of_different_kinds_are_different() -> None:
    assert len({mark(1) for mark in MARKS}) == len(MARKS)
    assert unmapped(1) != (1,)


def test_quote_and_freeze_have_words_of_their_own() -> None:
    assert (quote("x").unquote(), freeze("y").unfreeze()) == ("x", "y")
    assert Quote is quote


def test_not_set_is_not_none() -> None:
    assert NotSet is not None
    assert BaseAnnotation(NotSet).unwrap() is NotSet
