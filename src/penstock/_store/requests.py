"""What is asked of the writer thread, and how it says no."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock._store.core import Core


class Refused(Exception):
    """A request that changes nothing. `status` is the HTTP status, `body` the answer."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


class Command:
    """One thing for the writer to do, and where its answer goes."""

    __slots__ = ("do", "future", "sent", "value")

    def __init__(self, do: Callable[[Core], Any]) -> None:
        self.do = do
        self.future: Future[Any] = Future()
        self.value: Any = None
        #: True when it took lines of a client, which are acknowledged after their commit.
        self.sent = False
