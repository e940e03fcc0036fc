"""Which slots the code that runs now holds. Reference page: api-ref prefect-concurrency-v1-context."""

from penstock.concurrency.context import ConcurrencyContext as ConcurrencyContext

__all__ = ["ConcurrencyContext"]
