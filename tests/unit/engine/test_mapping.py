"""`.map`: what is iterated over, what every run gets, and where the edges go."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from penstock import allow_failure, flow, task, unmapped
from penstock.exceptions import MappingLengthMismatch, MappingMissingIterable
from penstock.utilities.annotations import quote


@task
def pair(x: Any, y: Any = "d", *rest: Any, **more: Any) -> tuple[Any, ...]:
    return (x, y, rest, more)


@task
def source() -> list[int]:
    return [1, 2]


@task
def fail() -> None:
    raise ValueError("no")


def mapped(*args: Any, **kwargs: Any) -> Any:
    """The results of `pair.map` inside a flow."""

    @flow
    def run() -> Any:
        return [future.result() for future in pair.map(*args, **kwargs)]

    return run()


HANDLE = io.StringIO("text")


@pytest.mark.parametrize(
    ("args", "kwargs", "expected"),
    [
        (([1, 2],), {}, [(1, "d", (), {}), (2, "d", (), {})]),
        (([1, 2], [3, 4]), {}, [(1, 3, (), {}), (2, 4, (), {})]),
        (([1, 2], "ab"), {}, [(1, "ab", (), {}), (2, "ab", (), {})]),
        (([1, 2], b"ab"), {}, [(1, b"ab", (), {}), (2, b"ab", (), {})]),
        (([1, 2], 7), {}, [(1, 7, (), {}), (2, 7, (), {})]),
        (([1], None), {}, [(1, None, (), {})]),
        (([1], HANDLE), {}, [(1, HANDLE, (), {})]),
        (([1, 2], unmapped([8, 9])), {}, [(1, [8, 9], (), {}), (2, [8, 9], (), {})]),
        (([1, 2],), {"y": [3, 4]}, [(1, 3, (), {}), (2, 4, (), {})]),
        (([1, 2],), {"z": [5, 6], "w": 7}, [(1, "d", (), {"z": 5, "w": 7}), (2, "d", (), {"z": 6, "w": 7})]),
        ((range(2),), {}, [(0, "d", (), {}), (1, "d", (), {})]),
        ((({"a": 1, "b": 2}),), {}, [("a", "d", (), {}), ("b", "d", (), {})]),
        (((n for n in "xy"),), {}, [("x", "d", (), {}), ("y", "d", (), {})]),
        (([],), {}, []),
        (([1], unmapped("s")), {}, [(1, "s", (), {})]),
        (([quote([1]), quote([2])],), {}, [([1], "d", (), {}), ([2], "d", (), {})]),
    ],
)
def test_what_each_run_gets(args, kwargs, expected) -> None:
    assert mapped(*args, **kwargs) == expected


def test_an_unmapped_value_is_shared_by_reference() -> None:
    shared: list[int] = []

    assert all(result[1] is shared for result in mapped([1, 2], unmapped(shared)))


def test_default_iterables_are_not_mapped_over() -> None:
    @task
    def with_default(x: int, y: Any = (1, 2, 3)) -> Any:
        return x, y

    @flow
    def run() -> Any:
        return with_default.map([1, 2]).result()

    assert run() == [(1, (1, 2, 3)), (2, (1, 2, 3))]


@pytest.mark.parametrize(
    ("args", "error", "text"),
    [
        ((1, "ab"), MappingMissingIterable, r"Parameters: \['x', 'y'\]"),
        (("ab",), MappingMissingIterable, "No iterable parameters were received"),
        ((unmapped([1]),), MappingMissingIterable, "No iterable parameters"),
        (([1, 2], [1]), MappingLengthMismatch, "{'x': 2, 'y': 1}"),
    ],
)
def test_bad_arguments_start_nothing(args, error, text, witness) -> None:
    with pytest.raises(error, match=text):
        mapped(*args)

    assert witness.tasks == []


def test_a_future_is_waited_for_and_its_result_mapped(rows) -> None:
    @flow
    def over_future() -> Any:
        made = source.submit()
        return (
            made.task_run_id,
            [f.task_run_id for f in pair.map(made)],
            pair.map(made, unmapped(made)).result(),
        )

    upstream, children, values = over_future()
    found = rows(f"select task_run_id, input_name from edges where upstream_id = '{upstream}'")

    assert values == [(1, [1, 2], (), {}), (2, [1, 2], (), {})]
    assert {str(child) for child in children} <= {row["task_run_id"] for row in found}
    assert sorted(row["input_name"] for row in found) == ["x", "x", "x", "x", "y", "y"]


def test_lists_of_futures_are_mapped_one_each() -> None:
    @flow
    def over_futures() -> Any:
        return pair.map([source.submit(), source.submit()]).result()

    assert over_futures() == [([1, 2], "d", (), {})] * 2


def test_allow_failure_goes_to_each_element() -> None:
    @flow
    def tolerant() -> Any:
        failed, fine = fail.submit(), source.submit()
        failed.wait()
        return [repr(r[0]) for r in pair.map(allow_failure([failed, fine])).result()]

    assert tolerant() == ["ValueError('no')", "[1, 2]"]


def test_one_failed_element_stops_only_its_own_run(witness) -> None:
    @task
    def picky(n: int) -> int:
        if n == 1:
            raise ValueError("one")
        return n

    @flow
    def chain() -> list[str]:
        futures = pair.map(picky.map([0, 1, 2]))
        futures.wait()
        return [future.state.name for future in futures]

    assert chain() == ["Completed", "NotReady", "Completed"]


def test_return_state_and_wait_for_apply_to_every_run() -> None:
    @flow
    def states() -> Any:
        fine = [state.name for state in pair.map([1, 2], return_state=True)]
        held = [state.name for state in pair.map([1, 2], return_state=True, wait_for=[fail.submit()])]
        return fine, held

    assert states() == (["Completed", "Completed"], ["NotReady", "NotReady"])


def test_the_list_of_futures_has_one_timeout_for_all() -> None:
    import threading

    release = threading.Event()

    @task
    def held(n: int) -> int:
        release.wait(20)
        return n

    @flow
    def impatient() -> Any:
        futures = held.map(range(3))
        futures.wait(timeout=0.01)
        with pytest.raises(TimeoutError, match="did not complete"):
            futures.result(timeout=0.01)
        release.set()
        return futures.result(timeout=20)

    assert impatient() == [0, 1, 2]


def test_results_keep_the_order_and_exceptions_take_their_place() -> None:
    @task
    def picky(n: int) -> int:
        if n == 1:
            raise ValueError("one")
        return n

    @flow
    def run() -> list[str]:
        return [repr(value) for value in picky.map([2, 1, 0]).result(raise_on_failure=False)]

    assert run() == ["2", "ValueError('one')", "0"]


def test_tasks_can_map_tasks_even_in_a_pool_of_one() -> None:
    from penstock.task_runners import ThreadPoolTaskRunner

    @task
    def outer(n: int) -> list[Any]:
        return [pair(m)[0] for m in range(n)]

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
    def run() -> Any:
        return outer.map([1, 2]).result()

    assert run() == [[0], [0, 1]]


def test_a_chain_of_maps_does_not_deadlock_a_pool_of_one() -> None:
    from penstock.task_runners import ThreadPoolTaskRunner

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
    def chain() -> Any:
        last = source.submit()
        first = pair.map([last, last])
        return [value[0][0] for value in pair.map(first).result()]

    assert json.loads(json.dumps(chain())) == [[1, 2], [1, 2]]
