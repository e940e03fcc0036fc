"""What every lock manager offers. Reference page: api-ref/python/prefect-locking-protocol."""

from penstock._results.locks import LockManager as LockManager

__all__ = ["LockManager"]
