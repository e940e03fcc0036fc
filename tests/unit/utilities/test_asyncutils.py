"""Between blocking and asynchronous code. Section 58 of the inventory."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import os
import threading
import time
from typing import Any

import pytest

from penstock._engine.cancellation import Token, current_token
from penstock.exceptions import RunCancelled
from penstock.utilities import asyncutils

here: contextvars.ContextVar[str] = contextvars.ContextVar("here", default="outside")


async def where() -> tuple[str, int]:
    return here.get(), threading.get_ident()


async def fail() -> None:
    raise ValueError("mine")


def test_a_coroutine_runs_from_blocking_code_in_one_other_thread() -> None:
    first, second = asyncutils.run_coro_as_sync(where()), asyncutils.run_coro_as_sync(where())

    assert first == second
    assert first[1] != threading.get_ident()


def test_it_runs_where_a_loop_runs_too() -> None:
    async def outer() -> Any:
        return asyncutils.run_coro_as_sync(where())

    assert asyncio.run(outer())[0] == "outside"


def test_the_context_of_the_caller_goes_along() -> None:
    token = here.set("inside")
    try:
        assert asyncutils.run_coro_as_sync(where())[0] == "inside"
        assert asyncutils.run_coro_as_sync(where(), force_new_thread=True)[0] == "inside"
    finally:
        here.reset(token)


def test_what_it_raises_is_raised() -> None:
    with pytest.raises(ValueError, match="mine"):
        asyncutils.run_coro_as_sync(fail())
    with pytest.raises(ValueError, match="mine"):
        asyncutils.run_coro_as_sync(fail(), force_new_thread=True)


def test_called_on_its_own_loop_it_does_not_deadlock() -> None:
    async def inner() -> int:
        return threading.get_ident()

    async def outer() -> tuple[int, Any]:
        return threading.get_ident(), asyncutils.run_coro_as_sync(inner())

    outside, inside = asyncutils.run_coro_as_sync(outer())
    assert outside != inside


def test_it_need_not_be_waited_for(eventually) -> None:
    done = threading.Event()

    async def later() -> None:
        done.set()

    assert asyncutils.run_coro_as_sync(later(), wait_for_result=False) is None
    assert done.wait(20)


def test_cancelling_the_run_around_ends_the_wait_and_the_coroutine(eventually) -> None:
    began, ended = threading.Event(), threading.Event()
    run = Token()

    async def forever() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    def cancel() -> None:
        began.wait(20)
        run.set("cancelled")

    thread = threading.Thread(target=cancel)
    thread.start()
    token = current_token.set(run)
    try:
        with pytest.raises(RunCancelled):
            asyncutils.run_coro_as_sync(forever())
    finally:
        current_token.reset(token)
        thread.join(20)
    assert ended.wait(20)


def test_objects_of_the_loop_can_be_used_from_call_to_call() -> None:
    async def make() -> asyncio.Lock:
        lock = asyncio.Lock()
        await lock.acquire()
        return lock

    async def use(lock: asyncio.Lock) -> bool:
        lock.release()
        await lock.acquire()
        return lock.locked()

    assert asyncutils.run_coro_as_sync(use(asyncutils.run_coro_as_sync(make())))


def test_no_thread_is_left_when_the_process_ends(script) -> None:
    done = script(
        """
        import atexit, threading
        atexit.register(lambda: print(sorted(t.name for t in threading.enumerate())))
        from penstock.utilities.asyncutils import run_coro_as_sync
        import asyncio
        async def forever():
            try:
                await asyncio.Event().wait()
            finally:
                print("cancelled")
        run_coro_as_sync(forever(), wait_for_result=False)
        async def one(): return 1
        print(run_coro_as_sync(one()))
        """
    )
    assert done.stdout.splitlines() == ["1", "cancelled", "['MainThread']"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_starts_a_loop_of_its_own(script) -> None:
    done = script(
        """
        import os
        from penstock.utilities.asyncutils import run_coro_as_sync
        async def one(): return 1
        run_coro_as_sync(one())
        child = os.fork()
        if not child:
            os._exit(run_coro_as_sync(one()))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """
    )
    assert done.stdout == "1\n"


async def double(x: int) -> int:
    return 2 * x


def test_a_sync_compatible_function_decides_by_where_it_is_called() -> None:
    """Section 58 (c) 1: under a live loop it gives a coroutine."""
    either = asyncutils.sync_compatible(double)

    async def under_a_loop() -> Any:
        called = either(2)
        in_thread = await asyncutils.run_sync_in_worker_thread(either, 3)
        return (
            asyncio.iscoroutine(called),
            await called,
            in_thread,
            either(4, _sync=True),
            await either.aio(5),
        )

    assert either(1) == 2
    assert asyncio.run(either(1, _sync=False)) == 2
    assert asyncio.run(under_a_loop()) == (True, 4, 6, 8, 10)
    with pytest.raises(TypeError, match="must be async"):
        asyncutils.sync_compatible(lambda: 1)


def test_in_a_worker_thread_it_runs_on_the_loop_of_that_worker() -> None:
    @asyncutils.sync_compatible
    async def loop() -> int:
        return id(asyncio.get_running_loop())

    async def main() -> bool:
        return await asyncutils.run_sync_in_worker_thread(loop) == id(asyncio.get_running_loop())

    assert asyncio.run(main())


def test_blocking_functions_run_beside_the_loop() -> None:
    async def main() -> Any:
        release = threading.Event()
        blocked = asyncutils.create_task(asyncutils.run_sync_in_worker_thread(release.wait, timeout=20))
        await asyncio.sleep(0)
        release.set()
        marks = await asyncutils.run_sync_in_worker_thread(asyncutils.in_async_worker_thread)
        return await blocked, marks, asyncutils.in_async_main_thread(), asyncutils.in_async_worker_thread()

    assert asyncio.run(main()) == (True, True, True, False)
    assert not asyncutils.in_async_main_thread()


def test_a_cancelled_wait_does_not_wait_for_the_thread() -> None:
    release = threading.Event()

    async def main() -> float:
        task = asyncutils.create_task(asyncutils.run_sync_in_worker_thread(release.wait, 20))
        await asyncio.sleep(0)
        began = time.monotonic()
        task.cancel()
        await asyncio.wait({task})
        release.set()
        return time.monotonic() - began

    assert asyncio.run(main()) < 10


def test_async_functions_run_on_other_loops() -> None:
    async def main() -> Any:
        return await asyncutils.run_sync_in_worker_thread(asyncutils.run_async_from_worker_thread, double, 2)

    assert asyncio.run(main()) == 4
    assert asyncutils.run_async_in_new_loop(double, 3) == 6
    assert asyncutils.sync(double, x=4) == 8


def test_sync_under_a_loop_works_and_warns() -> None:
    async def main() -> Any:
        with pytest.warns(UserWarning, match="`await` the async function"):
            return asyncutils.sync(double, 5)

    assert asyncio.run(main()) == 10


def test_kinds_of_functions_are_seen_through_decorators() -> None:
    async def agen() -> Any:
        yield 1

    @functools.wraps(double)
    def wrapped(*args: Any) -> Any: ...

    assert [
        asyncutils.is_async_fn(fn) for fn in (double, wrapped, functools.partial(double, 1), agen, len)
    ] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert (asyncutils.is_async_gen_fn(agen), asyncutils.is_async_gen_fn(double)) == (True, False)


def test_gathered_results_keep_the_order_of_the_calls() -> None:
    async def main() -> Any:
        second = asyncio.Event()

        async def waits() -> str:
            await second.wait()
            return "first"

        async def sets() -> str:
            second.set()
            return "second"

        return await asyncutils.gather(waits, sets)

    assert asyncio.run(main()) == ["first", "second"]


def test_a_result_asked_for_too_early_is_an_error() -> None:
    async def main() -> Any:
        async with asyncutils.create_gather_task_group() as group:
            key = group.start_soon(double, 2)
            with pytest.raises(asyncutils.GatherIncomplete, match="not complete"):
                group.get_result(key)
            with pytest.raises(RuntimeError, match="does not support `start`"):
                await group.start(double, 2)
        return group.get_result(key)

    assert asyncio.run(main()) == 4


def test_a_failing_call_ends_the_others() -> None:
    async def main() -> Any:
        return await asyncutils.gather(fail, asyncio.Event().wait)

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(main())
    assert caught.group_contains(ValueError, match="mine")


def test_callbacks_run_when_the_loop_shuts_down() -> None:
    order: list[str] = []

    async def main() -> None:
        for name in ("a", "b"):
            await asyncutils.add_event_loop_shutdown_callback(functools.partial(note, name))
        order.append("main")

    async def note(name: str) -> None:
        order.append(name)

    asyncio.run(main())
    assert order == ["main", "a", "b"]


def test_a_lazy_semaphore_asks_for_its_size_when_entered() -> None:
    sizes: list[int] = []

    def size() -> int:
        sizes.append(1)
        return 1

    async def main() -> None:
        lazy = asyncutils.LazySemaphore(size)
        assert sizes == []
        async with lazy as semaphore:
            assert semaphore.locked()
        async with lazy as semaphore:
            assert sizes == [1]
        async with asyncutils.asyncnullcontext(5) as value:
            assert value == 5

    asyncio.run(main())


def test_the_limit_on_threads_belongs_to_the_loop() -> None:
    async def main() -> Any:
        limiter = asyncutils.get_thread_limiter()
        return limiter is asyncutils.get_thread_limiter(), limiter.total_tokens

    assert asyncio.run(main()) == (True, 250)
