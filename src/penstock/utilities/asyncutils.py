"""Between blocking and asynchronous code. Reference page: api-ref prefect-utilities-asyncutils."""

from __future__ import annotations

import asyncio
import inspect
import threading
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from contextvars import copy_context
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import anyio
import anyio.from_thread
import anyio.to_thread

from penstock._engine.loop_thread import run_coro_as_sync as run_coro_as_sync
from penstock.utilities._gather import GatherIncomplete as GatherIncomplete
from penstock.utilities._gather import GatherTaskGroup as GatherTaskGroup
from penstock.utilities._gather import create_gather_task_group as create_gather_task_group
from penstock.utilities._gather import gather as gather

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
#: How many blocking calls `run_sync_in_worker_thread` runs at once.
_MAX_THREADS = 250
_here = threading.local()
_limiters: WeakKeyDictionary[asyncio.AbstractEventLoop, anyio.CapacityLimiter] = WeakKeyDictionary()
_background: set[asyncio.Task[Any]] = set()
_shutdown_watchers: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncGenerator[None, None]] = (
    WeakKeyDictionary()
)
_shutdown_callbacks: WeakKeyDictionary[asyncio.AbstractEventLoop, list[Callable[[], Awaitable[Any]]]] = (
    WeakKeyDictionary()
)


def get_thread_limiter() -> anyio.CapacityLimiter:
    """Return what bounds the worker threads of the running loop: 250 at once."""
    loop = asyncio.get_running_loop()
    if loop not in _limiters:
        _limiters[loop] = anyio.CapacityLimiter(_MAX_THREADS)
    return _limiters[loop]


def _unwrapped(func: Any) -> Any:
    while hasattr(func, "__wrapped__"):
        func = func.__wrapped__
    while isinstance(func, partial):
        func = func.func
    return func


def is_async_fn(func: Any) -> bool:
    """Return whether a function, decorators taken off, returns a coroutine."""
    return inspect.iscoroutinefunction(_unwrapped(func))


def is_async_gen_fn(func: Any) -> bool:
    """Return whether a function, decorators taken off, is an async generator."""
    return inspect.isasyncgenfunction(_unwrapped(func))


def create_task(coroutine: Coroutine[Any, Any, R]) -> asyncio.Task[R]:
    """Start a task on the running loop that nobody needs to hold on to: it is kept until it is done."""
    task = asyncio.create_task(coroutine)
    _background.add(task)
    task.add_done_callback(_background.discard)
    return task


async def run_sync_in_worker_thread(__fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a blocking function in a worker thread, so that the loop goes on meanwhile.

    When the wait is cancelled, the thread carries on and what it returns is dropped.

    Example:
        >>> asyncio.run(run_sync_in_worker_thread(sum, [1, 2]))
        3
    """
    call = partial(__fn, *args, **kwargs)
    return await anyio.to_thread.run_sync(
        call_with_mark, call, abandon_on_cancel=True, limiter=get_thread_limiter()
    )


def call_with_mark(call: Callable[..., R]) -> R:
    """Call a function with this thread marked as a worker of an event loop."""
    mark_as_worker_thread()
    return call()


def mark_as_worker_thread() -> None:
    """Mark this thread as a worker: the loop it works for is reached with `run_async_from_worker_thread`."""
    _here.is_worker = True


def in_async_worker_thread() -> bool:
    """Return whether this is a thread that `run_sync_in_worker_thread` works in."""
    return getattr(_here, "is_worker", False)


def in_async_main_thread() -> bool:
    """Return whether an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return not in_async_worker_thread()


def run_async_from_worker_thread(__fn: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run an async function on the loop this worker thread works for, and wait for it."""

    async def call() -> R:
        return await __fn(*args, **kwargs)

    return anyio.from_thread.run(call)


def run_async_in_new_loop(__fn: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run an async function on a new loop in this thread, and wait for it."""

    async def call() -> R:
        return await __fn(*args, **kwargs)

    return anyio.run(call)


def _is_loop_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def sync_compatible(async_fn: Callable[P, Coroutine[Any, Any, R]]) -> Callable[..., Any]:
    """Make an async function callable from blocking code, too.

    Where a loop runs, a call returns the coroutine; in a worker thread it runs on the loop that thread works for;
    elsewhere on the shared loop of `run_coro_as_sync`. ``_sync=True`` or ``_sync=False`` in a call decides by
    force. The async function stays available as ``.aio``.

    Raises:
        TypeError: it is not an async function.
    """
    if not is_async_fn(async_fn):
        raise TypeError(f"The decorated function must be async; got {async_fn!r}.")

    @wraps(async_fn)
    def either(*args: Any, _sync: bool | None = None, **kwargs: Any) -> Any:
        coroutine = async_fn(*args, **kwargs)
        if _sync is True:
            return run_coro_as_sync(coroutine)
        if _sync is False or _is_loop_running():
            return coroutine
        if in_async_worker_thread():
            return anyio.from_thread.run(_awaited, coroutine)
        return run_coro_as_sync(coroutine)

    either.aio = async_fn  # type: ignore[attr-defined]
    return either


async def _awaited(coroutine: Coroutine[Any, Any, R]) -> R:
    return await coroutine


@asynccontextmanager
async def asyncnullcontext(
    value: R | None = None, *args: Any, **kwargs: Any
) -> AsyncGenerator[R | None, None]:
    """Do nothing, asynchronously; gives `value`."""
    yield value


def sync(__async_fn: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call an async function from blocking code and wait for it.

    Where a loop runs in this thread it warns, and runs the function on another loop meanwhile.
    """

    async def call() -> T:
        return await __async_fn(*args, **kwargs)

    if in_async_worker_thread():
        return run_async_from_worker_thread(__async_fn, *args, **kwargs)
    if _is_loop_running():
        warnings.warn(
            "`sync` called from an asynchronous context; `await` the async function directly instead.",
            stacklevel=2,
        )
        return run_coro_as_sync(call(), force_new_thread=True)  # type: ignore[return-value]
    return copy_context().run(asyncio.run, call())


async def add_event_loop_shutdown_callback(coroutine_fn: Callable[[], Awaitable[Any]]) -> None:
    """Have an async function called when the running loop shuts down its async generators.

    `asyncio.run` does that at its end; a loop that is closed without it calls nothing.
    """
    loop = asyncio.get_running_loop()
    callbacks = _shutdown_callbacks.setdefault(loop, [])
    callbacks.append(coroutine_fn)
    if loop not in _shutdown_watchers:
        # A generator that has begun and never ends is closed by the loop at its very end.
        watcher = _on_shutdown(callbacks)
        _shutdown_watchers[loop] = watcher
        await watcher.__anext__()


async def _on_shutdown(callbacks: list[Callable[[], Awaitable[Any]]]) -> AsyncGenerator[None, None]:
    try:
        yield
    except GeneratorExit:
        for callback in callbacks:
            await callback()
        raise


class LazySemaphore:
    """A semaphore whose size is asked for when it is first entered.

    Args:
        initial_value_func: returns the size.
    """

    def __init__(self, initial_value_func: Callable[[], int]) -> None:
        self._initial_value_func = initial_value_func
        self._semaphore: asyncio.Semaphore | None = None

    async def __aenter__(self) -> asyncio.Semaphore:
        if self._semaphore is None:
            self._semaphore = asyncio.Semaphore(self._initial_value_func())
        await self._semaphore.acquire()
        return self._semaphore

    async def __aexit__(self, *_: object) -> None:
        if self._semaphore is not None:
            self._semaphore.release()


__all__ = [
    "GatherIncomplete",
    "GatherTaskGroup",
    "LazySemaphore",
    "add_event_loop_shutdown_callback",
    "asyncnullcontext",
    "call_with_mark",
    "create_gather_task_group",
    "create_task",
    "gather",
    "get_thread_limiter",
    "in_async_main_thread",
    "in_async_worker_thread",
    "is_async_fn",
    "is_async_gen_fn",
    "mark_as_worker_thread",
    "run_async_from_worker_thread",
    "run_async_in_new_loop",
    "run_coro_as_sync",
    "run_sync_in_worker_thread",
    "sync",
    "sync_compatible",
]
