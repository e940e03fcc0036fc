"""Calling the user's function, and drawing the values out of it when it is a generator.

A generator that is iterated over runs lazily: each value goes straight to who asked for it. Submitted, asked for its
state, or merely returned by an ordinary function, it is drained into a list. Reference page: concepts/flows.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from inspect import isasyncgen, isgenerator
from typing import Any

from penstock._engine.effects import Call, Effect, Emit, Hook, Pull, Pulled, StreamClosed


@dataclass(slots=True)
class Stream:
    """A run that somebody iterates over."""

    #: Keep the values too, because the result of the run is stored.
    keep: bool = False
    values: list[Any] = field(default_factory=list)
    #: What the generator returned at its end.
    returned: Any = None
    #: The consumer stopped before the end.
    closed: bool = False


def call(
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    timeout: float | None,
    stream: Stream | None,
) -> Generator[Effect, Any, Any]:
    """Call `fn` and return its value: for a generator the list of its values, or what it returned if streamed.

    Args:
        fn, args, kwargs: the call.
        timeout: seconds that user code may take; the time a consumer takes between two values does not count.
        stream: where the values go one by one; None to gather them.
    """
    value = yield Call(fn, args, kwargs, timeout)
    if not (isgenerator(value) or isasyncgen(value)):
        return value
    if stream is None:
        return (yield from _drained(value, timeout))
    return (yield from _streamed(value, timeout, stream))


def replay(values: Any, stream: Stream) -> Generator[Effect, Any, None]:
    """Hand stored values of an earlier run to the consumer."""
    try:
        for value in values if isinstance(values, list) else [values]:
            yield Emit(value)
    except StreamClosed:
        stream.closed = True


def _drained(source: Any, left: float | None) -> Generator[Effect, Any, list[Any]]:
    values: list[Any] = []
    while True:
        pulled: Pulled = yield Pull(source, timeout=left)
        if pulled.ended:
            return values
        values.append(pulled.value)
        left = _less(left, pulled.seconds)


def _streamed(source: Any, left: float | None, stream: Stream) -> Generator[Effect, Any, Any]:
    sent: Any = None
    error: BaseException | None = None
    stream.values.clear()
    try:
        while True:
            pulled: Pulled = yield Pull(source, sent, error, left)
            left = _less(left, pulled.seconds)
            if pulled.ended:
                stream.returned = pulled.value
                return list(stream.values) if stream.keep else pulled.value
            if stream.keep:
                stream.values.append(pulled.value)
            sent = error = None
            try:
                sent = yield Emit(pulled.value)
            except Exception as thrown:
                error = thrown
    except StreamClosed:
        stream.closed = True
        yield from _closed(source)
        return None
    except GeneratorExit:
        raise  # nobody runs this lifecycle any more
    except BaseException:
        yield from _closed(source)
        raise


def _closed(source: Any) -> Generator[Effect, Any, None]:
    yield Hook(source.aclose if isasyncgen(source) else source.close, ())


def _less(left: float | None, seconds: float) -> float | None:
    return None if left is None else max(1e-6, left - seconds)
