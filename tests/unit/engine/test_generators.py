"""Generator flows and tasks: lazy when iterated over, drained when submitted, asked for their state or returned."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from penstock import flow, tags, task
from penstock._engine.effects import Emit, Pull, Pulled
from penstock._engine.streams import Stream, call
from penstock.context import TagsContext, TaskRunContext, serialize_context
from penstock.flow_engine import run_flow, run_generator_flow_async, run_generator_flow_sync
from penstock.task_engine import run_generator_task_async, run_generator_task_sync, run_task


@task
def count(n: int) -> Iterator[int]:
    yield from range(n)


@task
async def acount(n: int) -> AsyncIterator[int]:
    with tags("inside"):
        for number in range(n):
            await asyncio.sleep(0)
            yield number


def test_values_pass_one_by_one_and_the_run_ends_with_the_last(witness) -> None:
    seen: list[str] = []

    @flow
    def three() -> Iterator[int]:
        for number in range(3):
            seen.append(f"made {number}")
            yield number

    values = three()
    assert seen == []
    assert witness.flows == []
    for value in values:
        seen += [f"used {value}"]
    assert seen == ["made 0", "used 0", "made 1", "used 1", "made 2", "used 2"]
    assert [name for _, name in witness.flows] == ["Pending", "Running", "Completed"]


def test_a_task_is_iterated_over_inside_a_flow(witness) -> None:
    @flow
    def doubled() -> list[int]:
        return [2 * number for number in count(3)]

    assert doubled() == [0, 2, 4]
    assert [s for n, s in witness.tasks if n == "count"] == ["Pending", "Running", "Completed"]


def test_a_generator_task_works_outside_a_flow() -> None:
    assert list(count(3)) == [0, 1, 2]


@pytest.mark.parametrize("how", ["submit", "map"])
@pytest.mark.parametrize("definition", [count, acount], ids=["sync", "async"])
def test_a_submitted_generator_is_drained_into_a_list(definition: Any, how: str) -> None:
    @flow
    def parent() -> Any:
        if how == "submit":
            return definition.submit(3).result()
        return definition.map([1, 2]).result()

    assert parent() == ([0, 1, 2] if how == "submit" else [[0], [0, 1]])


def test_asked_for_its_state_a_generator_flow_runs_to_its_end() -> None:
    @flow
    def letters() -> Iterator[str]:
        yield from "ab"

    state = letters(return_state=True)
    assert (state.name, state.result()) == ("Completed", ["a", "b"])


def test_an_early_break_completes_the_run(witness) -> None:
    closed: list[bool] = []

    @flow
    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.append(True)

    for _ in endless():
        break
    run = witness.flow_runs["endless"]
    assert run.state.is_completed()
    assert run.state.message == "Its consumer stopped before the end."
    assert closed == [True]


def test_an_exception_fails_the_run_where_it_is_raised(witness) -> None:
    @flow
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    values = broken()
    assert next(values) == 1
    with pytest.raises(ValueError, match="no more"):
        next(values)
    assert witness.flow_runs["broken"].state.is_failed()


def test_what_the_consumer_sends_and_throws_arrives() -> None:
    heard: list[Any] = []

    @task
    def listens() -> Iterator[int]:
        try:
            heard.append((yield 1))
            yield 2
        except KeyError as error:
            heard.append(type(error))
            yield 3

    values = listens()
    assert [next(values), values.send("hello"), values.throw(KeyError("x"))] == [1, 2, 3]
    assert heard == ["hello", KeyError]


def test_between_two_values_the_consumer_is_outside_the_run() -> None:
    inside: list[Any] = []

    @task
    def who() -> Iterator[None]:
        inside.append(TaskRunContext.get())
        yield
        inside.append(TaskRunContext.get())

    for _ in who():
        inside += [TaskRunContext.get()]
    assert inside[0] is inside[2] is not None
    assert inside[1] is None


def test_an_async_generator_flow_is_lazy_and_keeps_its_context(witness) -> None:
    seen: list[Any] = []

    @flow
    async def numbers() -> AsyncIterator[int]:
        async for number in acount(2):
            seen.append(TagsContext.tags())
            yield number

    async def main() -> list[int]:
        return [number async for number in numbers()]

    assert asyncio.run(main()) == [0, 1]
    assert seen == [frozenset(), frozenset()]
    assert {name for _, name in witness.flows} == {"Pending", "Running", "Completed"}


def test_an_async_generator_left_early_completes_also_when_its_loop_ends(witness) -> None:
    async def main() -> None:
        async for _ in acount(5):
            break

    asyncio.run(main())
    assert witness.task_runs["acount"].state.is_completed()


def test_a_yielded_generator_stays_lazy() -> None:
    started: list[bool] = []

    def inner() -> Iterator[int]:
        started.append(True)
        yield 1

    @flow
    def gives() -> Iterator[Iterator[int]]:
        yield inner()

    generator = next(gives())
    assert started == []
    assert list(generator) == [1]


def test_a_stored_generator_task_is_replayed_from_its_result() -> None:
    calls: list[int] = []

    @task(persist_result=True)
    def slow(n: int) -> Iterator[int]:
        calls.append(n)
        yield from range(n)

    @flow
    def twice() -> list[list[int]]:
        return [list(slow(2)), list(slow(2))]

    assert twice() == [[0, 1], [0, 1]]
    assert calls == [2]


def test_only_the_time_of_the_generator_counts_against_its_limit() -> None:
    steps = call(lambda: iter(()), (), {}, 5.0, Stream())
    next(steps)
    first = steps.send(number for number in range(2))
    assert (type(first), first.timeout) == (Pull, 5.0)
    emitted = steps.send(Pulled(ended=False, value=0, seconds=3.0))
    assert emitted == Emit(0)
    assert steps.send(None).timeout == 2.0  # however long the consumer took


def test_a_retry_begins_the_generator_again(witness) -> None:
    tries: list[int] = []

    @task(retries=1)
    def flaky() -> Iterator[int]:
        tries.append(1)
        yield len(tries)
        if len(tries) == 1:
            raise ValueError("again")

    assert list(flaky()) == [1, 2]
    assert witness.task_runs["flaky"].run_count == 2


def test_generators_run_through_the_doors_of_the_engine() -> None:
    @flow
    def letters(word: str) -> Iterator[str]:
        with tags("inside"):
            yield from word

    @flow
    async def aletters(word: str) -> AsyncIterator[str]:
        for letter in word:
            yield letter

    async def gather(values: Any) -> list[Any]:
        return [value async for value in values]

    with tags("taken"):
        taken = serialize_context()
    assert list(run_flow(letters, parameters={"word": "ab"})) == ["a", "b"]
    assert list(run_generator_flow_sync(letters, parameters={"word": "ab"}, context=taken)) == ["a", "b"]
    assert asyncio.run(gather(run_generator_flow_async(aletters, parameters={"word": "ab"}))) == ["a", "b"]
    assert list(run_task(count, parameters={"n": 2})) == [0, 1]
    assert list(run_generator_task_sync(count, parameters={"n": 2}, context=taken)) == [0, 1]
    assert asyncio.run(gather(run_generator_task_async(acount, parameters={"n": 2}))) == [0, 1]
