"""Coroutines run from blocking code, on one event loop in a thread of its own.

One loop for all, so that what belongs to a loop (an HTTP client, a lock) can be used from call to call. The
thread starts when first needed and ends with the process.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine
from contextvars import copy_context
from typing import Any, TypeVar

from penstock._engine.cancellation import token

R = TypeVar("R")


class LoopThread:
    """An event loop that runs in a daemon thread until it is stopped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop, started if need be."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="run-sync-loop", daemon=True
                )
                self._thread.start()
            return self._loop

    def is_current(self) -> bool:
        """True inside the loop's own thread."""
        return threading.current_thread() is self._thread

    def stop(self) -> None:
        """Cancel what runs, end the thread and close the loop; the next call starts another."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is None or thread is None:
            return
        loop.call_soon_threadsafe(loop.create_task, _cancel_all())
        thread.join(5)
        if not thread.is_alive():
            loop.close()

    def forget(self) -> None:
        """Start anew: in a forked child, the thread is not there."""
        self.__init__()  # type: ignore[misc]


async def _cancel_all() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    asyncio.get_running_loop().stop()


run_sync_loop = LoopThread()
atexit.register(run_sync_loop.stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=run_sync_loop.forget)
_kept: set[Any] = set()


def run_coro_as_sync(
    coroutine: Coroutine[Any, Any, R], force_new_thread: bool = False, wait_for_result: bool = True
) -> R | None:
    """Run a coroutine to its end from blocking code, whether or not a loop runs in this thread.

    It runs on one shared loop in a thread of its own; called on that very loop, in another thread with a loop of
    its own. Reference: api-ref prefect-utilities-asyncutils.

    Args:
        coroutine: what to run; it sees the context variables of the caller.
        force_new_thread: give it a thread and loop of its own.
        wait_for_result: when False, return None at once and let it run.

    Raises:
        whatever the coroutine raises; `RunCancelled` when the run around is cancelled, which cancels it, too.

    Example:
        >>> async def answer(): return 42
        >>> run_coro_as_sync(answer())
        42
    """
    if force_new_thread or run_sync_loop.is_current():
        return _in_new_thread(coroutine, wait_for_result)
    future = asyncio.run_coroutine_threadsafe(coroutine, run_sync_loop.loop())
    if not wait_for_result:
        _kept.add(future)
        future.add_done_callback(_kept.discard)
        return None
    done = threading.Event()
    future.add_done_callback(lambda _: done.set())
    try:
        token().wait(done)
    except BaseException:
        future.cancel()
        raise
    return future.result()


def _in_new_thread(coroutine: Coroutine[Any, Any, R], wait_for_result: bool) -> R | None:
    outcome: list[Any] = []
    done = threading.Event()
    context = copy_context()

    def work() -> None:
        try:
            outcome.extend((context.run(asyncio.run, coroutine), None))
        except BaseException as error:
            outcome.extend((None, error))
        finally:
            done.set()

    threading.Thread(target=work, name="run-sync-once", daemon=True).start()
    if not wait_for_result:
        return None
    token().wait(done)
    value, error = outcome
    if error is not None:
        raise error
    return value  # type: ignore[no-any-return]
