"""Time limits around blocks: which error is raised, and by whom. Section 15 of the inventory."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from penstock.utilities.timeout import fail_if_not_timeout_error, timeout, timeout_async


class Late(TimeoutError):
    """An error of our own."""


def spin(release: threading.Event | None = None) -> None:
    """Work until interrupted, or for 20 seconds."""
    end = time.monotonic() + 20
    while time.monotonic() < end and not (release and release.is_set()):
        sum(range(100))


def test_a_block_that_takes_too_long_is_interrupted() -> None:
    began = time.monotonic()
    with pytest.raises(Late, match=r"timed out after 0.05 second"), timeout(0.05, Late):
        spin()
    assert time.monotonic() - began < 10


def test_in_other_threads_too() -> None:
    raised: list[BaseException] = []

    def work() -> None:
        try:
            with timeout(0.05, Late):
                spin()
        except TimeoutError as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    assert [type(error) for error in raised] == [Late]


def test_async_blocks_are_cancelled() -> None:
    async def work() -> None:
        async with timeout_async(0.01, Late):
            await asyncio.Event().wait()

    with pytest.raises(Late, match=r"timed out after 0.01 second"):
        asyncio.run(work())


def test_no_limit_is_no_limit() -> None:
    async def work() -> int:
        async with timeout_async():
            return 1

    with timeout():
        assert asyncio.run(work()) == 1


def test_an_error_of_the_block_stays_what_it_is() -> None:
    """Section 15 (c) 1: a TimeoutError that user code raises is not ours."""
    mine = TimeoutError("mine")

    async def work() -> None:
        async with timeout_async(20, Late):
            raise mine

    with pytest.raises(TimeoutError) as caught, timeout(20, Late):
        raise mine
    assert caught.value is mine
    with pytest.raises(TimeoutError) as caught:
        asyncio.run(work())
    assert caught.value is mine


def test_cancelling_from_outside_is_not_a_timeout() -> None:
    async def main() -> Any:
        async def work() -> None:
            async with timeout_async(20, Late):
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        return task.cancelled()

    assert asyncio.run(main())


def test_only_timeout_errors_can_be_raised() -> None:
    with pytest.raises(ValueError, match="must be a subclass of `TimeoutError`"), timeout(1, ValueError):
        pass
    fail_if_not_timeout_error(Late)
