"""The two drivers of a lifecycle: one blocks, one awaits. Everything else is written once, in the lifecycle."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import nullcontext
from inspect import GEN_CLOSED, getgeneratorstate, isawaitable
from typing import Any, TypeVar

from penstock._engine.cancellation import Token
from penstock._engine.effects import Ask, Call, Effect, Hook, Sleep
from penstock._engine.timeouts import RunTimeout, time_limit

R = TypeVar("R")
Lifecycle = Generator[Effect, Any, R]


def run_blocking(lifecycle: Lifecycle[R], token: Token) -> R:
    """Run a lifecycle in this thread and return what it returns."""
    error: BaseException | None = None
    while True:
        try:
            return _drive(lifecycle, token, error)
        except BaseException as raised:
            if getgeneratorstate(lifecycle) == GEN_CLOSED:
                raise
            # The Stop button was pressed between two effects: the lifecycle must hear of it, too.
            error = raised


def _drive(lifecycle: Lifecycle[R], token: Token, error: BaseException | None) -> R:
    answer: Any = None
    while True:
        try:
            effect = lifecycle.send(answer) if error is None else lifecycle.throw(error)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        answer, error = None, None
        try:
            kind = type(effect)
            if kind is Call:
                with token.user_code(), time_limit(effect.timeout) if effect.timeout else nullcontext():  # type: ignore[union-attr]
                    answer = effect.fn(*effect.args, **effect.kwargs)  # type: ignore[union-attr]
            elif kind is Ask:
                answer = effect.fn(*effect.args)  # type: ignore[union-attr]
            elif kind is Sleep:
                token.sleep(effect.seconds)  # type: ignore[union-attr]
            else:
                answer = effect.fn(*effect.args)  # type: ignore[union-attr]
                if isawaitable(answer):
                    answer = _finish(answer)
        except BaseException as raised:
            error = raised


async def run_awaiting(lifecycle: Lifecycle[R], token: Token) -> R:
    """Run a lifecycle on the running event loop and return what it returns."""
    import asyncio
    from contextvars import copy_context
    from functools import partial

    answer: Any = None
    error: BaseException | None = None
    while True:
        try:
            effect = lifecycle.send(answer) if error is None else lifecycle.throw(error)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        answer, error = None, None
        try:
            match effect:
                case Call(fn, args, kwargs, timeout):
                    answer = await _await_call(fn(*args, **kwargs), token, timeout)
                case Ask(fn, args):
                    work: Any = partial(copy_context().run, fn, *args)
                    answer = await asyncio.get_running_loop().run_in_executor(None, work)
                case Sleep(seconds):
                    await _await_ticking(asyncio.sleep(seconds), token)
                case Hook(fn, args):
                    answer = fn(*args)
                    if isawaitable(answer):
                        answer = await answer
        except BaseException as raised:
            error = raised


async def _await_call(result: Any, token: Token, seconds: float | None) -> Any:
    import asyncio

    if not isawaitable(result):
        return result
    if seconds is None:
        return await _await_ticking(result, token)
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await _await_ticking(result, token)
    except TimeoutError as error:
        if limit.expired():
            raise RunTimeout from error
        raise


async def _await_ticking(awaitable: Any, token: Token) -> Any:
    """Await while looking at the token now and then.

    The ticks also wake an idle loop, without which the Stop button of a notebook is not seen until the loop
    wakes by itself.
    """
    import asyncio

    task = asyncio.ensure_future(awaitable)
    try:
        while True:
            done, _ = await asyncio.wait({task}, timeout=0.1)
            if done:
                return task.result()
            token.check()
    except BaseException:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=1)
        raise


def _finish(awaitable: Any) -> Any:
    """Run a coroutine to its end from blocking code, whether or not a loop runs in this thread."""
    import asyncio
    import threading
    from concurrent.futures import Future
    from contextvars import copy_context

    async def wait() -> Any:
        return await awaitable

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(wait())
    outcome: Future[Any] = Future()

    def work() -> None:
        try:
            outcome.set_result(context.run(asyncio.run, wait()))
        except BaseException as error:
            outcome.set_exception(error)

    context = copy_context()
    threading.Thread(target=work, name="penstock-hook", daemon=True).start()
    return outcome.result()


__all__ = ["Lifecycle", "run_awaiting", "run_blocking"]
