"""Who may write a record: what every lock manager offers, and locks in memory. Reference: prefect-locking-protocol.

Waiting is polling, written once for blocking and awaiting code: a lock can come free because a process died or a
hold ran out, and nobody announces that.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

#: Seconds between two tries: at first, and at most.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05
#: Seconds for which "cannot tell yet" is asked again when there is no time to wait.
_UNDECIDED_SECONDS = 1.0


@runtime_checkable
class LockManager(Protocol):
    """Exclusive locks on the records of a result store, by key. A holder is a text that stands for one owner."""

    def acquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        """Take the lock on `key`; return False when it did not come free in time.

        Args:
            key: which record.
            holder: for whom. Who holds the lock already gets it again; one release frees it.
            acquire_timeout: seconds to wait; 0 tries once, None waits for ever.
            hold_timeout: seconds after which others may take it; None for never.
        """
        ...

    async def aacquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        """Like `acquire_lock`, without blocking the event loop."""
        ...

    def release_lock(self, key: str, holder: str) -> None:
        """Free the lock on `key`.

        Raises:
            ValueError: `holder` does not hold it.
        """
        ...

    def is_locked(self, key: str) -> bool:
        """True while somebody holds the lock on `key`."""
        ...

    def is_lock_holder(self, key: str, holder: str) -> bool:
        """True while `holder` holds the lock on `key`."""
        ...

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Wait until the lock on `key` is free; False when it was not within `timeout` seconds."""
        ...

    async def await_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Like `wait_for_lock`, without blocking the event loop."""
        ...


class PollingLockManager:
    """A lock manager made of single tries."""

    def try_lock(self, key: str, holder: str, hold_timeout: float | None) -> bool | None:
        """Take the lock if it is free (or this holder's own), without waiting; None when that cannot be told yet."""
        raise NotImplementedError

    def is_locked(self, key: str) -> bool:
        """True while somebody holds the lock on `key`."""
        raise NotImplementedError

    def acquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        """Take the lock on `key`; see `LockManager.acquire_lock`."""
        return _blocking(patience(lambda: self.try_lock(key, holder, hold_timeout), acquire_timeout))

    async def aacquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        """Take the lock on `key` without blocking the event loop; see `LockManager.acquire_lock`."""
        return await _awaiting(patience(lambda: self.try_lock(key, holder, hold_timeout), acquire_timeout))

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Wait until the lock on `key` is free; False when it was not within `timeout` seconds."""
        return _blocking(patience(lambda: not self.is_locked(key), timeout))

    async def await_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Like `wait_for_lock`, without blocking the event loop."""
        return await _awaiting(patience(lambda: not self.is_locked(key), timeout))


def patience(
    attempt: Callable[[], bool | None],
    timeout: float | None,
    clock: Callable[[], float] = time.monotonic,
) -> Generator[float, None, bool]:
    """Try until it works, which is True, or the time is up, which is False.

    Args:
        attempt: one try; None means that the answer is not known yet.
        timeout: seconds; 0 tries once, None goes on for ever.
        clock: seconds of a clock that never goes back.

    Yields:
        seconds to sleep before the next try.
    """
    began, pause = clock(), _FIRST_PAUSE
    while True:
        answer = attempt()
        if answer:
            return True
        passed = clock() - began
        undecided = answer is None and passed < _UNDECIDED_SECONDS
        if timeout is not None and passed >= timeout and not undecided:
            return False
        left = pause if timeout is None or undecided else timeout - passed
        yield min(pause, left)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _blocking(tries: Generator[float, None, bool]) -> bool:
    while True:
        try:
            pause = next(tries)
        except StopIteration as stop:
            return bool(stop.value)
        time.sleep(pause)


async def _awaiting(tries: Generator[float, None, bool]) -> bool:
    import asyncio

    while True:
        try:
            pause = next(tries)
        except StopIteration as stop:
            return bool(stop.value)
        await asyncio.sleep(pause)


def not_held(key: str, holder: str) -> ValueError:
    """Return the error of who releases what is not theirs."""
    return ValueError(
        f"No lock on {key!r} is held by {holder!r}: it was released, or its hold_timeout passed and another holder "
        "took it."
    )


@dataclass(frozen=True, slots=True)
class _Hold:
    holder: str
    #: On the monotonic clock; None for never.
    until: float | None


class MemoryLockManager(PollingLockManager):
    """Locks for the threads and coroutines of this process. There is one manager, however often it is made.

    Example:
        >>> locks = MemoryLockManager()
        >>> locks.acquire_lock("report", "me"), locks.acquire_lock("report", "you", acquire_timeout=0)
        (True, False)
        >>> locks.release_lock("report", "me")
    """

    _instance: MemoryLockManager | None = None
    _holds: dict[str, _Hold]
    _lock: threading.Lock

    def __new__(cls) -> Self:
        """Return the one manager."""
        if cls._instance is None:
            made = super().__new__(cls)
            made._forget()
            cls._instance = cls.__dict__.get("_instance") or made
        return cls._instance  # type: ignore[return-value]  # of this class

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        return type(self), ()

    def try_lock(self, key: str, holder: str, hold_timeout: float | None) -> bool:
        """Take the lock if it is free, or this holder's own."""
        now = time.monotonic()
        with self._lock:
            found = self._held(key, now)
            if found is not None and found.holder != holder:
                return False
            self._holds[key] = _Hold(holder, None if hold_timeout is None else now + hold_timeout)
        return True

    def release_lock(self, key: str, holder: str) -> None:
        """Free the lock on `key`.

        Raises:
            ValueError: `holder` does not hold it.
        """
        with self._lock:
            found = self._holds.get(key)
            if found is None or found.holder != holder:
                raise not_held(key, holder)
            del self._holds[key]

    def is_locked(self, key: str) -> bool:
        """True while somebody holds the lock on `key`."""
        with self._lock:
            return self._held(key, time.monotonic()) is not None

    def is_lock_holder(self, key: str, holder: str) -> bool:
        """True while `holder` holds the lock on `key`."""
        with self._lock:
            found = self._held(key, time.monotonic())
        return found is not None and found.holder == holder

    def _held(self, key: str, now: float) -> _Hold | None:
        found = self._holds.get(key)
        return None if found is None or (found.until is not None and found.until <= now) else found

    def _forget(self) -> None:
        self._holds = {}
        self._lock = threading.Lock()


def _after_fork() -> None:
    """What the parent's threads hold is not held by anybody in a forked child."""
    if MemoryLockManager._instance is not None:
        MemoryLockManager._instance._forget()


os.register_at_fork(after_in_child=_after_fork)
