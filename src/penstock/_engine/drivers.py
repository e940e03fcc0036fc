"""The drivers of a lifecycle: one blocks, one awaits; each also as a generator that passes values on.

Everything else is written once, in the lifecycle.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager, nullcontext
from contextvars import Context, copy_context
from inspect import GEN_CLOSED, getgeneratorstate, isasyncgen, isawaitable
from typing import Any, TypeVar

from penstock._crashpoints import crashpoint
from penstock._engine.cancellation import Token
from penstock._engine.effects import Ask, Call, Effect, Emit, Hook, Pull, Pulled, Sleep, StreamClosed
from penstock._engine.timeouts import RunTimeout, time_limit

R = TypeVar("R")
Lifecycle = Generator[Effect, Any, R]


def run_blocking(lifecycle: Lifecycle[R], token: Token) -> R:
    """Run a lifecycle in this thread and return what it returns."""
    error: BaseException | None = None
    while True:
        try:
            effect = _advance(lifecycle, token, None, error)
            raise TypeError(f"A run that nobody iterates over emitted a value: {effect!r}")
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        except BaseException as raised:
            if getgeneratorstate(lifecycle) == GEN_CLOSED:
                raise
            # The Stop button was pressed between two effects: the lifecycle must hear of it, too.
            error = raised


def _perform(effect: Effect, token: Token) -> Any:
    kind = type(effect)
    if kind is Call:
        if effect.timeout:  # type: ignore[union-attr]
            with token.user_code(), time_limit(effect.timeout):  # type: ignore[union-attr]
                return effect.fn(*effect.args, **effect.kwargs)  # type: ignore[union-attr]
        with token.user_code():
            return effect.fn(*effect.args, **effect.kwargs)  # type: ignore[union-attr]
    if kind is Ask:
        return effect.fn(*effect.args)  # type: ignore[union-attr]
    if kind is Sleep:
        return token.sleep(effect.seconds)  # type: ignore[union-attr]
    if kind is Pull:
        return _pull(effect, token)  # type: ignore[arg-type]
    answer = effect.fn(*effect.args)  # type: ignore[union-attr]
    return _finish(answer) if isawaitable(answer) else answer


def _pull(effect: Pull, token: Token) -> Pulled:
    started = time.monotonic()
    try:
        with token.user_code(), time_limit(effect.timeout):
            step = _next_step(effect)
            value = _finish(step) if isawaitable(step) and isasyncgen(effect.source) else step
    except (StopIteration, StopAsyncIteration) as stop:
        return Pulled(True, getattr(stop, "value", None), time.monotonic() - started)
    return Pulled(False, value, time.monotonic() - started)


def _next_step(effect: Pull) -> Any:
    source: Any = effect.source
    if isasyncgen(source):
        return source.asend(effect.sent) if effect.error is None else source.athrow(effect.error)
    return source.send(effect.sent) if effect.error is None else source.throw(effect.error)


def stream_blocking(
    begin: Callable[[], tuple[Lifecycle[R], Token]],
    guard: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Generator[Any, Any, R]:
    """Run a lifecycle whenever the next value is asked for; return what it returns.

    It runs in a context of its own: between two values the consumer must not find itself inside the run.

    Args:
        begin: called for the first value; gives what to run, and the token of its run.
        guard: entered around each stretch of work.
    """
    context = copy_context()
    lifecycle, token = context.run(begin)
    answer: Any = None
    error: BaseException | None = None
    while True:
        with guard():
            try:
                effect = context.run(_advance, lifecycle, token, answer, error)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]
        answer, error = None, None
        try:
            answer = yield effect.value
        except GeneratorExit:
            error = StreamClosed()
        except BaseException as raised:
            error = raised


def _advance(lifecycle: Lifecycle[Any], token: Token, answer: Any, error: BaseException | None) -> Emit:
    """Carry out effects until there is a value for the consumer.

    Raises:
        StopIteration: the lifecycle ended; holds what it returned.
    """
    while True:
        effect = lifecycle.send(answer) if error is None else lifecycle.throw(error)
        if type(effect) is Emit:
            return effect
        answer, error = None, None
        crashpoint("engine.effect")
        try:
            answer = _perform(effect, token)
        except BaseException as raised:
            error = raised


async def run_awaiting(lifecycle: Lifecycle[R], token: Token) -> R:
    """Run a lifecycle on the running event loop and return what it returns."""
    #: What a generator sets before one value holds until the next, so all its steps share a context.
    inside: Context | None = None
    answer: Any = None
    error: BaseException | None = None
    while True:
        try:
            effect = lifecycle.send(answer) if error is None else lifecycle.throw(error)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        answer, error = None, None
        try:
            if type(effect) is Pull:
                inside = inside or copy_context()
            answer = await _perform_awaiting(effect, token, inside)
        except BaseException as raised:
            error = raised


async def stream_awaiting(
    begin: Callable[[], tuple[Lifecycle[R], Token]], end: Callable[[R], Any]
) -> AsyncGenerator[Any, Any]:
    """Run a lifecycle whenever the next value is asked for; `end` gets what it returns. See `stream_blocking`."""
    import asyncio

    context = copy_context()
    lifecycle, token = context.run(begin)
    closing = False
    answer: Any = None
    error: BaseException | None = None
    while True:
        try:
            send = lifecycle.send if error is None else lifecycle.throw
            effect = context.run(send, answer if error is None else error)
        except StopIteration as stop:
            last = stop.value
            break
        answer, error = None, None
        try:
            if type(effect) is Emit:
                answer = yield effect.value
            elif closing and type(effect) is Ask:
                # The loop may be about to end and would cancel this before it is on record.
                answer = context.run(effect.fn, *effect.args)
            else:
                answer = await _perform_awaiting(effect, token, context)
        except BaseException as raised:
            error = raised
            # A loop that ends cancels the closing of generators that nobody closed.
            if type(effect) is Emit and isinstance(raised, (GeneratorExit, asyncio.CancelledError)):
                closing, error = True, StreamClosed()
    end(last)


async def _perform_awaiting(effect: Effect, token: Token, context: Context | None = None) -> Any:
    """Carry out one effect, in the context of this coroutine or in one given."""
    import asyncio
    from functools import partial

    run: Callable[..., Any] = context.run if context is not None else _here
    match effect:
        case Call(fn, args, kwargs, timeout):
            return await _await_call(run(fn, *args, **kwargs), token, timeout, context)
        case Ask(fn, args):
            inside = context.copy() if context is not None else copy_context()
            return await asyncio.get_running_loop().run_in_executor(None, partial(inside.run, fn, *args))
        case Sleep(seconds):
            return await _await_ticking(asyncio.sleep(seconds), token)
        case Pull():
            return await _pull_awaiting(effect, token, context)
        case Hook(fn, args):
            answer = run(fn, *args)
            return await _Inside(answer, context) if isawaitable(answer) else answer
    raise TypeError(f"A run that nobody iterates over emitted a value: {effect!r}")


def _here(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return fn(*args, **kwargs)


async def _pull_awaiting(effect: Pull, token: Token, context: Context | None) -> Pulled:
    started = time.monotonic()
    run: Callable[..., Any] = context.run if context is not None else _here
    try:
        step = run(_next_step, effect)
        value = await _await_call(step, token, effect.timeout, context) if isasyncgen(effect.source) else step
    except (StopIteration, StopAsyncIteration) as stop:
        return Pulled(True, getattr(stop, "value", None), time.monotonic() - started)
    return Pulled(False, value, time.monotonic() - started)


async def _await_call(
    result: Any, token: Token, seconds: float | None, context: Context | None = None
) -> Any:
    import asyncio

    if not isawaitable(result):
        return result
    if seconds is None:
        return await _await_ticking(result, token, context)
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await _await_ticking(result, token, context)
    except TimeoutError as error:
        if limit.expired():
            raise RunTimeout from error
        raise


async def _await_ticking(awaitable: Any, token: Token, context: Context | None = None) -> Any:
    """Await while looking at the token now and then.

    The ticks also wake an idle loop, without which the Stop button of a notebook is not seen until the loop
    wakes by itself.
    """
    import asyncio

    task = asyncio.ensure_future(awaitable if context is None else _awaited(_Inside(awaitable, context)))
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


class _Inside:
    """An awaitable whose every step runs in a given context, in whichever task awaits it."""

    def __init__(self, awaitable: Any, context: Context | None) -> None:
        self._steps = awaitable.__await__()
        self._run: Callable[..., Any] = context.run if context is not None else _here

    def __await__(self) -> Generator[Any, Any, Any]:
        step, argument = self._steps.send, None
        while True:
            try:
                waited_for = self._run(step, argument)
            except StopIteration as stop:
                return stop.value
            try:
                step, argument = self._steps.send, (yield waited_for)
            except BaseException as error:
                step, argument = self._steps.throw, error


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


def _finish(awaitable: Any) -> Any:
    """Run a coroutine to its end from blocking code, whether or not a loop runs in this thread."""
    import asyncio
    import threading
    from concurrent.futures import Future

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_awaited(awaitable))
    outcome: Future[Any] = Future()

    def work() -> None:
        try:
            outcome.set_result(context.run(asyncio.run, _awaited(awaitable)))
        except BaseException as error:
            outcome.set_exception(error)

    context = copy_context()
    threading.Thread(target=work, name="penstock-hook", daemon=True).start()
    return outcome.result()


__all__ = ["Lifecycle", "run_awaiting", "run_blocking", "stream_awaiting", "stream_blocking"]
