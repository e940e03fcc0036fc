"""What the store, or the REST API, answers instead of what was asked for."""

from __future__ import annotations

from typing import Any

from penstock.exceptions._root import PenstockException


class _ObjectError(PenstockException):
    """The store refuses something about one object.

    Args:
        http_exc: the HTTP error it came as, if any.
        help_message: what to show instead of that error.
    """

    def __init__(self, http_exc: Any = None, help_message: str | None = None, *args: Any) -> None:
        super().__init__(http_exc, help_message, *args)
        self.http_exc = http_exc
        self.help_message = help_message

    def __str__(self) -> str:
        return self.help_message or str(self.http_exc)


class ObjectNotFound(_ObjectError):
    """The store has no such object (HTTP 404)."""


class ObjectAlreadyExists(_ObjectError):
    """The store already has such an object (HTTP 409)."""


class ObjectLimitReached(_ObjectError):
    """The store keeps no more objects of this kind (HTTP 403)."""


class ObjectUnsupported(_ObjectError):
    """The store does not keep objects of this kind (HTTP 403)."""


class StoreUnavailable(PenstockException):
    """No store process could be reached or started for this workspace."""


class StoreRefused(PenstockException):
    """The store answered that it will not do what was asked.

    Args:
        status: the HTTP status code.
        reason: what the store said.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.reason} (HTTP {self.status})"


class EventTooLarge(PenstockException):
    """An event is bigger than events may be.

    Args:
        size: of the event, in bytes.
    """

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size

    def __str__(self) -> str:
        return f"Event is too large to emit ({self.size} bytes); put less into its payload."


class TruncatedWarning(UserWarning):
    """A query had more rows than were asked for; the answer ends at the limit."""
