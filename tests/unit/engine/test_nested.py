"""Flows in flows: the marker task run, links, inheritance; async; calls inside a running loop; bound methods."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from penstock import flow, runtime, tags, task


@task
def inc(x: int) -> int:
    return x + 1


@task
async def ainc(x: int) -> int:
    await asyncio.sleep(0)
    return x + 1


@flow
def child(x: int) -> int:
    return inc(x)


def test_a_child_is_a_run_of_its_own_marked_in_its_parent(witness, rows) -> None:
    @flow
    def parent() -> int:
        return child(1)

    assert parent() == 2
    run, marker = witness.flow_runs["child"], witness.task_runs["child"]
    assert run.parent_task_run_id == marker.id
    assert marker.flow_run_id == witness.flow_runs["parent"].id
    assert [s for n, s in witness.tasks if n == "child"] == ["Pending", "Running", "Completed"]
    assert marker.state.state_details.child_flow_run_id == run.id
    found = rows(f"select parent_flow_run_id, state_type from runs where id = '{run.id}'")
    assert found == [{"parent_flow_run_id": str(marker.flow_run_id), "state_type": "COMPLETED"}]


@pytest.mark.parametrize("fails", [True, False])
def test_the_marker_mirrors_the_end_of_the_child(fails, witness) -> None:
    @flow
    def ending() -> None:
        if fails:
            raise ValueError("child failed")

    @flow
    def parent() -> str:
        return ending(return_state=True).name

    name = "Failed" if fails else "Completed"
    assert parent() == name
    assert witness.task_runs["ending"].state.name == name


def test_futures_are_resolved_before_a_child_is_validated() -> None:
    @flow
    def strict(x: int) -> int:
        return x

    @flow
    def parent() -> Any:
        return strict(inc.submit(1)), strict(inc(4, return_state=True))

    assert parent() == (2, 5)


def test_a_failed_upstream_keeps_a_child_from_running(witness) -> None:
    @task
    def bad() -> int:
        raise ValueError("rain")

    @flow
    def parent() -> str:
        return child(1, wait_for=[bad.submit()], return_state=True).name

    @flow
    def by_argument() -> str:
        return child(bad.submit(), return_state=True).name

    assert parent() == "NotReady"
    assert by_argument() == "NotReady"
    assert "inc" not in witness.task_runs


def test_tags_cross_into_children(witness) -> None:
    @task(tags=["own"])
    def tagged() -> None: ...

    @flow
    def inner() -> None:
        tagged()

    @flow
    def parent() -> None:
        with tags("inner"):
            inner()

    with tags("outer") as now:
        parent()

    assert now == {"outer"}
    assert witness.flow_runs["parent"].tags == ["outer"]
    assert witness.flow_runs["inner"].tags == ["inner", "outer"]
    assert witness.task_runs["tagged"].tags == ["inner", "outer", "own"]


def test_a_child_can_be_called_in_a_task(witness) -> None:
    @task
    def through() -> int:
        return child(5)

    @flow
    def parent() -> int:
        return through.submit().result()

    assert parent() == 6
    assert witness.flow_runs["child"].parent_task_run_id == witness.task_runs["child"].id


def test_log_prints_is_inherited_unless_the_child_says_no(witness, capsys) -> None:
    @flow
    def loud() -> None:
        print("from loud")

    @flow(log_prints=False)
    def quiet() -> None:
        print("from quiet")

    @flow(log_prints=True)
    def parent() -> None:
        loud()
        quiet()

    parent()

    assert (20, "from loud") in witness.logs
    assert (20, "from quiet") not in witness.logs
    assert capsys.readouterr().out == "from quiet\n"


def test_async_flows_and_tasks() -> None:
    @flow
    async def work(x: int) -> int:
        return await ainc(await ainc(x)) + inc(1)

    assert asyncio.run(work(1)) == 5


def test_async_tasks_are_gathered() -> None:
    both = asyncio.Event()
    inside: list[int] = []

    @task
    async def meet(n: int) -> int:
        inside.append(n)
        if len(inside) == 2:
            both.set()
        await asyncio.wait_for(both.wait(), 20)
        return n

    @flow
    async def work() -> list[int]:
        return await asyncio.gather(meet(1), meet(2))

    assert asyncio.run(work()) == [1, 2]


def test_async_children_are_gathered_each_with_its_own_context(witness) -> None:
    @flow
    async def achild(n: int) -> tuple[int, str]:
        before = runtime.flow_run.id
        await ainc(n)
        return n, before == runtime.flow_run.id

    @flow
    async def parent() -> Any:
        return await asyncio.gather(*(achild(n) for n in range(3)))

    assert asyncio.run(parent()) == [(0, True), (1, True), (2, True)]


def test_an_async_task_is_submitted_from_a_sync_flow() -> None:
    @flow
    def work() -> list[int]:
        return [ainc.submit(1).result(), *ainc.map([2, 3]).result()]

    assert work() == [2, 3, 4]


def test_a_sync_flow_runs_inside_a_running_loop() -> None:
    async def cell() -> int:
        return child(3)

    assert asyncio.run(cell()) == 4


def test_a_sync_child_runs_in_an_async_flow() -> None:
    @flow
    async def work() -> int:
        return child(3)

    assert asyncio.run(work()) == 4


def test_an_async_exception_keeps_its_type() -> None:
    @flow
    async def work() -> None:
        raise KeyError("a")

    with pytest.raises(KeyError, match="a"):
        asyncio.run(work())


def test_flows_run_side_by_side_in_threads() -> None:
    meeting = threading.Barrier(2, timeout=20)

    @flow
    def work(n: int) -> tuple[int, bool]:
        mine = runtime.flow_run.id
        meeting.wait()
        return inc(n), mine == runtime.flow_run.id

    results: list[Any] = []
    threads = [threading.Thread(target=lambda n=n: results.append(work(n))) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(results) == [(1, True), (2, True)]


class Shop:
    def __init__(self, price: int) -> None:
        self.price = price

    @task
    def total(self, n: int) -> int:
        return self.price * n

    @flow
    def sell(self, n: int = 2) -> int:
        return self.total(n) + self.total.submit(1).result()

    @flow
    @classmethod
    def kind(cls) -> str:
        return cls.__name__

    @flow
    @staticmethod
    def tax(x: int) -> int:
        return x * 2

    @task
    @classmethod
    def kind_task(cls, suffix: str) -> str:
        return cls.__name__ + suffix

    @task
    @staticmethod
    def tax_task(x: int) -> int:
        return x * 3


class Sub(Shop):
    pass


def test_methods_bind_to_their_instance() -> None:
    one, two = Shop(5), Shop(7)

    assert (one.sell(), two.sell(3), one.total(3)) == (15, 28, 15)
    assert one.sell.with_options(name="renamed")(1) == 10


def test_an_instance_flow_is_called_on_the_class() -> None:
    assert Shop.sell(Shop(2), 1) == 4


def test_class_and_static_methods() -> None:
    assert (Shop.kind(), Sub.kind(), Sub(1).kind()) == ("Shop", "Sub", "Sub")
    assert (Shop.tax(2), Shop(1).tax(3), Shop.tax_task(2), Shop(1).tax_task(2)) == (4, 6, 6, 6)
    assert (Shop.kind_task("!"), Sub(1).kind_task("?")) == ("Shop!", "Sub?")
    assert Shop.kind.with_options(name="other")() == "Shop"


def test_bound_tasks_can_be_mapped() -> None:
    @flow
    def run() -> list[int]:
        return Shop(3).total.map([1, 2]).result()

    assert run() == [3, 6]


def test_a_retry_of_the_parent_does_not_run_completed_children_again(witness) -> None:
    calls: list[Any] = []

    @flow
    def part(x: int) -> int:
        calls.append(x)
        return 10 * x

    @flow(retries=1)
    def parent() -> list[int]:
        parts = [part(1), part(2), part(2)]
        if len(calls) < 4:
            part(3)
            raise ValueError("once more")
        return [*parts, part(3), part(4)]

    assert parent() == [10, 20, 20, 30, 40]
    assert calls == [1, 2, 2, 3, 4]
    assert len({run for run, _ in witness.flows if run == "part"}) == 1
    assert witness.flow_runs["parent"].run_count == 2


def test_a_failed_child_runs_again_when_its_parent_is_retried() -> None:
    calls: list[int] = []

    @flow
    def flaky() -> str:
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("child failed")
        return "fine"

    @flow(retries=1)
    def parent() -> str:
        return flaky()

    assert (parent(), len(calls)) == ("fine", 2)


def test_concurrent_async_children_have_contexts_of_their_own(witness) -> None:
    @flow
    async def child_of(x: int) -> tuple[int, str | None]:
        await asyncio.sleep(0)
        return x, runtime.flow_run.id

    @flow
    async def parent() -> list[Any]:
        return list(await asyncio.gather(*(child_of(n) for n in range(3))))

    found = asyncio.run(parent())
    assert [x for x, _ in found] == [0, 1, 2]
    assert len({run for _, run in found}) == 3
