"""Locks for the threads of one process. Reference page: api-ref/python/prefect-locking-memory."""

from penstock._results.locks import MemoryLockManager as MemoryLockManager

__all__ = ["MemoryLockManager"]
