"""Locks for the processes of one machine. Reference page: api-ref/python/prefect-locking-filesystem."""

from penstock._results.lock_files import FileSystemLockManager as FileSystemLockManager

__all__ = ["FileSystemLockManager"]
