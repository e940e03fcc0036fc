"""Locks on records: what a result store asks of a lock manager. Reference page: api-ref prefect-locking-protocol."""

from __future__ import annotations

import os
import socket
import threading
from typing import Any

from penstock._results.locks import LockManager
from penstock.exceptions import ConfigurationError


class LockedRecords:
    """The part of a result store that locks records, by its lock manager."""

    lock_manager: LockManager | None

    def acquire_lock(self, key: str, holder: str | None = None, timeout: float | None = None) -> bool:
        """Take the lock of a record, and say whether that succeeded.

        Args:
            key: of the record.
            holder: who takes it; host, process and thread by default.
            timeout: seconds to wait for it; None waits for ever, 0 not at all.

        Raises:
            ConfigurationError: the store has no lock manager.
        """
        return self._locks().acquire_lock(key, holder or self.generate_default_holder(), timeout)

    async def aacquire_lock(self, key: str, holder: str | None = None, timeout: float | None = None) -> bool:
        """Async twin of `acquire_lock`."""
        return await self._locks().aacquire_lock(key, holder or self.generate_default_holder(), timeout)

    def release_lock(self, key: str, holder: str | None = None) -> None:
        """Give the lock of a record back; the holder must be the one that took it."""
        self._locks().release_lock(key, holder or self.generate_default_holder())

    def is_locked(self, key: str) -> bool:
        """Say whether somebody has the lock of a record."""
        return self._locks().is_locked(key)

    def is_lock_holder(self, key: str, holder: str | None = None) -> bool:
        """Say whether `holder` (host, process and thread by default) has the lock of a record."""
        return self._locks().is_lock_holder(key, holder or self.generate_default_holder())

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Wait until the lock of a record is free; False when it is not within `timeout` seconds."""
        return self._locks().wait_for_lock(key, timeout)

    async def await_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Async twin of `wait_for_lock`."""
        return await self._locks().await_for_lock(key, timeout)

    def supports_isolation_level(self, level: Any) -> bool:
        """Say whether transactions of this level are possible here; serializable ones need a lock manager.

        Args:
            level: an `IsolationLevel` or its name.

        Raises:
            ValueError: there is no such level.
        """
        name = getattr(level, "name", level)
        if name == "READ_COMMITTED":
            return True
        if name == "SERIALIZABLE":
            return self.lock_manager is not None
        raise ValueError(f"Unsupported isolation level {level!r}; there are READ_COMMITTED and SERIALIZABLE.")

    @staticmethod
    def generate_default_holder() -> str:
        """Return what this thread of this process on this host is known by."""
        return f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"

    def _locks(self) -> LockManager:
        if self.lock_manager is None:
            raise ConfigurationError(
                "This result store has no lock manager. Make it with one, for instance "
                "ResultStore(lock_manager=MemoryLockManager()), or give it to the cache policy: "
                "INPUTS.configure(lock_manager=...)."
            )
        return self.lock_manager

    def _may_write(self, key: str, holder: str | None) -> None:
        """Refuse to write a record somebody else has locked."""
        locks = self.lock_manager
        if locks is None or not locks.is_locked(key):
            return
        holder = holder or self.generate_default_holder()
        if not locks.is_lock_holder(key, holder):
            raise RuntimeError(
                f"The result record {key!r} is locked by another holder than {holder!r}, which may not write it. "
                "Acquire the lock first, or wait for it."
            )

    def _wait_to_read(self, key: str, holder: str | None) -> None:
        """Wait until nobody else is writing a record."""
        locks = self.lock_manager
        if locks is not None and not locks.is_lock_holder(key, holder or self.generate_default_holder()):
            locks.wait_for_lock(key)
