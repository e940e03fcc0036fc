"""Futures of task runs. Reference page: api-ref/python/prefect-futures."""

from penstock._engine.futures import DoneAndNotDoneFutures as DoneAndNotDoneFutures
from penstock._engine.futures import PenstockFuture as PenstockFuture
from penstock._engine.futures import PenstockFuture as PrefectFuture
from penstock._engine.futures import PenstockFutureList as PenstockFutureList
from penstock._engine.futures import PenstockFutureList as PrefectFutureList
from penstock._engine.futures import as_completed as as_completed
from penstock._engine.futures import resolve_futures_to_results as resolve_futures_to_results
from penstock._engine.futures import resolve_futures_to_states as resolve_futures_to_states
from penstock._engine.futures import wait as wait

__all__ = [
    "DoneAndNotDoneFutures",
    "PenstockFuture",
    "PenstockFutureList",
    "PrefectFuture",
    "PrefectFutureList",
    "as_completed",
    "resolve_futures_to_results",
    "resolve_futures_to_states",
    "wait",
]
