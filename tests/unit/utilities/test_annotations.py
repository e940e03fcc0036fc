"""Marks around arguments: what they hold, how they nest, what tasks make of them. Sections 12 and 13."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from penstock import flow, task
from penstock.futures import PenstockFuture
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

MARKS = [unmapped, allow_failure, quote, opaque, freeze]


@task
def get(x: Any) -> Any:
    return x


@task
def fail() -> None:
    raise ValueError("no")


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_is_a_tuple_of_one_that_can_be_rewrapped(mark) -> None:
    marked = mark([1])

    assert isinstance(marked, (BaseAnnotation, tuple))
    assert (marked.unwrap(), marked.value, len(marked), repr(marked)) == (
        [1],
        [1],
        1,
        f"{mark.__name__}([1])",
    )
    assert marked.rewrap([2]) == mark([2])
    assert (marked == mark([1]), marked == ([1],)) == (True, False)
    assert pickle.loads(pickle.dumps(marked)) == marked


def test_marks_of_two_kinds_are_never_equal() -> None:
    assert len({mark(1) for mark in MARKS}) == len(MARKS)


def test_an_unmapped_value_is_the_same_at_every_index() -> None:
    assert (unmapped([1, 2])[0], unmapped([1, 2])[7]) == ([1, 2], [1, 2])


def test_quotes_and_frozen_values_are_taken_out_by_name() -> None:
    assert Quote is quote
    assert (quote(1).unquote(), freeze("c").unfreeze()) == (1, "c")
    with pytest.raises(ValueError, match="must be JSON serializable; got object"):
        freeze(object())


def test_not_set_is_a_class_and_not_none() -> None:
    assert isinstance(NotSet, type)
    assert NotSet is not None


@pytest.mark.parametrize(
    ("given", "received"),
    [
        (unmapped([1]), [1]),
        (unmapped(allow_failure(quote([1]))), [1]),
        ([unmapped(1), {"k": quote(2)}, (allow_failure(3),)], [1, {"k": 2}, (3,)]),
        (opaque([1]), [1]),
    ],
)
def test_tasks_receive_values_without_their_marks(given, received) -> None:
    assert get(given) == received


def test_a_failure_is_let_through_wherever_the_mark_is() -> None:
    @flow
    def run() -> Any:
        failed = fail.submit()
        failed.wait()
        return [
            repr(get(given))
            for given in (
                allow_failure(failed),
                [allow_failure(failed)],
                {"k": allow_failure([failed])},
                unmapped(allow_failure(failed)),
                allow_failure(unmapped([failed])),
            )
        ]

    error = "ValueError('no')"
    assert run() == [error, f"[{error}]", f"{{'k': [{error}]}}", error, f"[{error}]"]


def test_a_failure_beside_the_mark_is_not_let_through() -> None:
    @flow
    def run() -> Any:
        failed = fail.submit()
        failed.wait()
        return str(get([allow_failure(1), failed], return_state=True))

    assert "did not reach a 'COMPLETED' state" in run()


def test_wait_for_a_failed_run_blocks_unless_failure_is_allowed() -> None:
    """Section 13 (c) 1."""

    @flow
    def run() -> Any:
        failed = fail.submit()
        failed.wait()
        held = get(1, wait_for=[failed], return_state=True)
        return held.name, get(2, wait_for=[allow_failure(failed)])

    assert run() == ("NotReady", 2)


def test_what_is_quoted_is_never_looked_into() -> None:
    """Section 13 (c) 2: a list that counts how often it is walked."""

    class Counting(list):
        walks = 0

        def __iter__(self) -> Any:
            Counting.walks += 1
            return super().__iter__()

    big = Counting([1, 2])
    quoted = task(lambda x: x is big, cache_policy=None)

    @flow
    def run() -> Any:
        return quoted(quote(big)), quoted([quote(big)][0])

    assert run() == (True, True)
    assert Counting.walks == 0


def test_opaque_resolves_the_value_itself_and_nothing_in_it() -> None:
    is_future = task(
        lambda value: isinstance(value[0] if isinstance(value, list) else value, PenstockFuture),
        cache_policy=None,
    )

    @flow
    def run() -> Any:
        inner = get.submit(1)
        return is_future(opaque(inner)), is_future(opaque([inner])), is_future([inner])

    assert run() == (False, True, False)


def test_wrapped_futures_are_still_dependencies(rows) -> None:
    """Section 12 (c) 3."""

    @flow
    def run() -> Any:
        made = get.submit([1])
        mapped = get.submit(unmapped(allow_failure(made)))
        mapped.wait()
        return str(made.task_run_id), str(mapped.task_run_id)

    upstream, downstream = run()
    assert rows(f"select upstream_id from edges where task_run_id = '{downstream}'") == [
        {"upstream_id": upstream}
    ]
