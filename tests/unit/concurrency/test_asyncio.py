"""`concurrency` and `rate_limit` in async code."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from penstock import flow, task
from penstock.concurrency.asyncio import (
    AcquireConcurrencySlotTimeoutError,
    ConcurrencySlotAcquisitionError,
    concurrency,
    rate_limit,
)


def test_never_more_than_the_limit_are_inside(limit):
    db = limit(3)
    inside = most = total = 0

    async def one():
        nonlocal inside, most, total
        async with concurrency(db.name):
            inside, total = inside + 1, total + 1
            most = max(most, inside)
            await asyncio.sleep(0.001)
            inside -= 1

    async def main():
        await asyncio.gather(*(one() for _ in range(30)))

    asyncio.run(main())
    assert (total, most, db.taken) == (30, 3, 0)


def test_a_hundred_who_wait_take_one_thread(limit, eventually):
    db = limit(1)
    before = threading.active_count()

    async def one():
        async with concurrency(db.name):
            pass

    async def main():
        async with concurrency(db.name):
            waiting = [asyncio.create_task(one()) for _ in range(100)]
            await asyncio.to_thread(eventually, lambda: db.waited_for == 100)
            # Nobody blocks a thread of the executor: work of others goes on.
            assert await asyncio.wait_for(asyncio.to_thread(lambda: 42), 5) == 42
            names = [thread.name for thread in threading.enumerate()]
            assert names.count("penstock-slots") == 1
            for one_of_them in waiting:
                one_of_them.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(main())
    eventually(lambda: db.taken == 0 and db.waited_for == 0)
    eventually(lambda: threading.active_count() <= before)


def test_a_timeout_is_a_timeout_error(limit):
    db = limit(1)

    async def main():
        async with concurrency(db.name):
            with pytest.raises(AcquireConcurrencySlotTimeoutError, match=r"within 0\.1 s"):
                async with concurrency(db.name, timeout_seconds=0.1):
                    raise AssertionError("not reached")

    asyncio.run(main())
    assert db.taken == 0


@pytest.mark.parametrize("when", ["waiting", "inside"])
def test_a_cancelled_block_leaves_no_slot(limit, eventually, when):
    db = limit(1)

    async def block():
        async with concurrency(db.name):
            await asyncio.sleep(60)

    async def main():
        first = asyncio.create_task(block())
        await asyncio.to_thread(eventually, lambda: db.taken == 1)
        second = asyncio.create_task(block())
        await asyncio.to_thread(eventually, lambda: db.waited_for == 1)
        for one in (second, first) if when == "waiting" else (first, second):
            one.cancel()
            with pytest.raises(asyncio.CancelledError):
                await one

    asyncio.run(main())
    assert (db.taken, db.waited_for) == (0, 0)


def test_strict_ends_a_block_whose_slots_were_taken_away(limit):
    db = limit(1)

    async def main():
        async with concurrency(db.name, strict=True):
            await asyncio.to_thread(db.change, active_slots=0)
            await asyncio.sleep(20)

    with pytest.raises(ConcurrencySlotAcquisitionError, match="ended by somebody else"):
        asyncio.run(main())


def test_strict_refuses_a_limit_that_does_not_exist():
    async def main():
        async with concurrency("nowhere", strict=True):
            raise AssertionError("not reached")

    with pytest.raises(ConcurrencySlotAcquisitionError, match="no concurrency limit"):
        asyncio.run(main())


def test_a_rate_limit_spreads_calls_over_time(limit):
    api = limit(1, slot_decay_per_second=25)

    async def main():
        await asyncio.gather(*(rate_limit(api.name) for _ in range(6)))

    started = time.monotonic()
    asyncio.run(main())
    assert 5 / 25 - 0.01 <= time.monotonic() - started < 5


def test_it_works_inside_an_async_flow_and_its_tasks(limit):
    db = limit(2)

    @task
    async def work(number):
        async with concurrency(db.name):
            return number

    @flow
    async def all_of_them():
        return await asyncio.gather(*(work(number) for number in range(6)))

    assert asyncio.run(all_of_them()) == list(range(6))
    assert db.taken == 0
