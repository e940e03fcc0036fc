"""Where the bytes of a value go while it is hashed.

BLAKE3: cryptographic, so that nobody can make two inputs share a result, and quicker than what the standard library
has (docs/decisions/0007). It lets go of the GIL for anything longer than a few kilobytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

#: Small pieces gather up to this many bytes before they are hashed.
_GATHER = 1 << 16
_DEEPEST = 200
DIGEST_BYTES = 16


class SourcePart(NamedTuple):
    """One thing a result depends on."""

    #: A hash of it; the version, for a library.
    digest: str
    #: Its text, where it has one: shown when it has changed.
    text: str = ""


class Unhashable(Exception):
    """Something inside a value has no content to hash.

    Args:
        kind: the type of that something.
        reason: why.
    """

    def __init__(self, kind: type, reason: str) -> None:
        super().__init__(kind, reason)
        self.kind = kind
        self.reason = reason
        #: From the value down to the part, outermost last.
        self.steps: list[str] = []

    @property
    def path(self) -> str:
        """Where in the value the part is: ``['model'].layers[3]``."""
        return "".join(reversed(self.steps))


class Sink:
    """Takes bytes and values of one hash.

    Args:
        feed: writes a value of any kind into a sink.
        depth: how deep in the whole value this one begins.
    """

    __slots__ = ("_depth", "_feed", "_hasher", "_pending")

    def __init__(self, feed: Callable[[Sink, Any], None], depth: int = 0) -> None:
        from blake3 import blake3

        self._feed = feed
        self._hasher = blake3()
        self._pending = bytearray()
        self._depth = depth

    def put(self, data: bytes) -> None:
        """Take a few bytes."""
        self._pending += data
        if len(self._pending) > _GATHER:
            self._flush()

    def text(self, text: str) -> None:
        """Take text, marked off from what follows."""
        data = text.encode("utf-8", "surrogatepass")
        self.put(b"%d:" % len(data))
        self.put(data)

    def bulk(self, data: Any) -> None:
        """Take a buffer of any size, without copying it."""
        self._flush()
        self._hasher.update(data)

    def value(self, value: Any, step: str = "") -> None:
        """Take a value.

        Args:
            value: any value.
            step: how it is reached from the one around it, for errors.
        """
        self._depth += 1
        try:
            if self._depth > _DEEPEST:
                raise Unhashable(type(value), f"it is nested more than {_DEEPEST} deep, or contains itself")
            self._feed(self, value)
        except Unhashable as error:
            error.steps.append(step)
            raise
        finally:
            self._depth -= 1

    def apart(self, value: Any, step: str = "") -> bytes:
        """Return the hash of a value by itself, to be put where its order does not matter."""
        sink = Sink(self._feed, self._depth)
        sink.value(value, step)
        return sink.digest()

    def digest(self) -> bytes:
        """Return the hash of all that was taken."""
        self._flush()
        return self._hasher.digest(DIGEST_BYTES)

    def _flush(self) -> None:
        if self._pending:
            self._hasher.update(self._pending)
            self._pending = bytearray()


@contextmanager
def reached_by(step: str) -> Iterator[None]:
    """Name a step on the way to whatever turns out to be unhashable inside."""
    try:
        yield
    except Unhashable as error:
        error.steps.append(step)
        raise
