"""Gathering results of concurrent calls on top of anyio's task groups."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, NoReturn, TypeVar
from uuid import UUID, uuid4

import anyio
import anyio.abc

T = TypeVar("T")
_PENDING = object()


class GatherIncomplete(RuntimeError):
    """A result was asked for before its call was done."""


class GatherTaskGroup:
    """A task group that keeps what its calls return. Made by `create_gather_task_group`.

    Args:
        task_group: the group that runs the calls.
    """

    def __init__(self, task_group: anyio.abc.TaskGroup) -> None:
        self._results: dict[UUID, Any] = {}
        self._task_group = task_group

    @property
    def cancel_scope(self) -> anyio.CancelScope:
        """The scope whose cancellation ends the calls."""
        return self._task_group.cancel_scope

    async def _run_and_store(
        self, key: UUID, func: Callable[..., Awaitable[Any]], args: tuple[Any, ...]
    ) -> None:
        self._results[key] = await func(*args)

    def start_soon(self, func: Callable[..., Awaitable[Any]], *args: Any, name: object = None) -> UUID:
        """Start a call and return the key of its result."""
        key = uuid4()
        # Noted before it runs, so that results come in the order in which the calls were started.
        self._results[key] = _PENDING
        self._task_group.start_soon(self._run_and_store, key, func, args, name=name)
        return key

    async def start(self, func: object, *args: object, name: object = None) -> NoReturn:
        """Not supported: what `start` returns would take the place of the key.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("`GatherTaskGroup` does not support `start`; use `start_soon`.")

    def get_result(self, key: UUID) -> Any:
        """Return what a call returned.

        Raises:
            GatherIncomplete: it is not done.
        """
        result = self._results[key]
        if result is _PENDING:
            raise GatherIncomplete(
                "The task is not complete. Results can be retrieved after the task group exits."
            )
        return result

    async def __aenter__(self) -> GatherTaskGroup:
        await self._task_group.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> bool | None:
        return await self._task_group.__aexit__(exc_type, exc_val, exc_tb)


def create_gather_task_group() -> GatherTaskGroup:
    """Return a task group that gathers results.

    Example:
        >>> async def both():
        ...     async with create_gather_task_group() as group:
        ...         keys = [group.start_soon(fetch, url) for url in ("a", "b")]
        ...     return [group.get_result(key) for key in keys]
    """
    return GatherTaskGroup(anyio.create_task_group())


async def gather(*calls: Callable[[], Coroutine[Any, Any, T]]) -> list[T]:
    """Run calls concurrently and return their results in order.

    Args:
        calls: functions, not coroutines.

    Raises:
        what the first failing call raised, in an `ExceptionGroup`.
    """
    async with create_gather_task_group() as group:
        keys = [group.start_soon(call) for call in calls]
    return [group.get_result(key) for key in keys]
