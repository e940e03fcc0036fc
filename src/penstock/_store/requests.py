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


def refusal(status: int, text: str) -> Refused:
    """Return the answer for a request that may not be, with its reason in words."""
    return Refused(status, {"detail": text, "exception_message": text})


def missing(what: str, hint: str = "") -> Refused:
    """Return the answer for an object that does not exist, and what to do about it."""
    return refusal(404, f"There is no {what}. {hint}".rstrip())


class Command:
    """One thing for the writer to do, and where its answer goes."""

    __slots__ = ("do", "future", "sent", "value")

    def __init__(self, do: Callable[[Core], Any]) -> None:
        self.do = do
        self.future: Future[Any] = Future()
        self.value: Any = None
        #: True when it took lines of a client, which are acknowledged after their commit.
        self.sent = False
