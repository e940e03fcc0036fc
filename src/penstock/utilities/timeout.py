"""Time limits around blocks of code. Reference page: api-ref prefect-utilities-timeout."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from penstock._engine.timeouts import RunTimeout, time_limit


def fail_if_not_timeout_error(timeout_exc_type: type[Exception]) -> None:
    """Refuse an exception type that does not derive from `TimeoutError`.

    Raises:
        ValueError: it does not.
    """
    if not issubclass(timeout_exc_type, TimeoutError):
        raise ValueError(  # noqa: TRY004  # the documented type
            f"The `timeout_exc_type` parameter must be a subclass of `TimeoutError`; got {timeout_exc_type!r}."
        )


@asynccontextmanager
async def timeout_async(
    seconds: float | None = None, timeout_exc_type: type[TimeoutError] = TimeoutError
) -> AsyncIterator[None]:
    """Limit how long the block may take, by cancelling it; a `TimeoutError` of its own passes through as it is.

    Args:
        seconds: the limit; None for none.
        timeout_exc_type: what is raised when the time is up.
    """
    fail_if_not_timeout_error(timeout_exc_type)
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            yield
    except TimeoutError as error:
        # Its own cancellation has a cause; an error raised in the block just happens to be of this type.
        if limit.expired() and isinstance(error.__cause__, asyncio.CancelledError):
            raise timeout_exc_type(f"Scope timed out after {seconds} second(s).") from error
        raise


@contextmanager
def timeout(
    seconds: float | None = None, timeout_exc_type: type[TimeoutError] = TimeoutError
) -> Iterator[None]:
    """Limit how long the block may take; a `TimeoutError` of its own passes through as it is.

    In the main thread the block is interrupted by an alarm, in others at its next step; a call into C is not
    interrupted there before it returns.

    Args:
        seconds: the limit; None for none.
        timeout_exc_type: what is raised when the time is up.

    Example:
        >>> with timeout(seconds=5):
        ...     total = sum(range(10))
    """
    fail_if_not_timeout_error(timeout_exc_type)
    try:
        with time_limit(seconds):
            yield
    except RunTimeout:
        raise timeout_exc_type(f"Scope timed out after {seconds} second(s).") from None


__all__ = ["fail_if_not_timeout_error", "timeout", "timeout_async"]
