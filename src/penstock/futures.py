"""Futures of runs. Reference page: api-ref/python/prefect-futures."""

from penstock._engine.futures import DoneAndNotDoneFutures as DoneAndNotDoneFutures
from penstock._engine.futures import PenstockConcurrentFuture as PenstockConcurrentFuture
from penstock._engine.futures import PenstockConcurrentFuture as PrefectConcurrentFuture
from penstock._engine.futures import PenstockFuture as PenstockFuture
from penstock._engine.futures import PenstockFuture as PrefectFuture
from penstock._engine.futures import PenstockFutureList as PenstockFutureList
from penstock._engine.futures import PenstockFutureList as PrefectFutureList
from penstock._engine.futures import PenstockTaskRunFuture as PenstockTaskRunFuture
from penstock._engine.futures import PenstockTaskRunFuture as PrefectTaskRunFuture
from penstock._engine.futures import PenstockWrappedFuture as PenstockWrappedFuture
from penstock._engine.futures import PenstockWrappedFuture as PrefectWrappedFuture
from penstock._engine.futures import as_completed as as_completed
from penstock._engine.futures import resolve_futures_to_results as resolve_futures_to_results
from penstock._engine.futures import resolve_futures_to_states as resolve_futures_to_states
from penstock._engine.futures import wait as wait
from penstock._engine.stored_futures import PenstockDistributedFuture as PenstockDistributedFuture
from penstock._engine.stored_futures import PenstockDistributedFuture as PrefectDistributedFuture
from penstock._engine.stored_futures import PenstockFlowRunFuture as PenstockFlowRunFuture
from penstock._engine.stored_futures import PenstockFlowRunFuture as PrefectFlowRunFuture

__all__ = [
    "DoneAndNotDoneFutures",
    "PenstockConcurrentFuture",
    "PenstockDistributedFuture",
    "PenstockFlowRunFuture",
    "PenstockFuture",
    "PenstockFutureList",
    "PenstockTaskRunFuture",
    "PenstockWrappedFuture",
    "PrefectConcurrentFuture",
    "PrefectDistributedFuture",
    "PrefectFlowRunFuture",
    "PrefectFuture",
    "PrefectFutureList",
    "PrefectTaskRunFuture",
    "PrefectWrappedFuture",
    "as_completed",
    "resolve_futures_to_results",
    "resolve_futures_to_states",
    "wait",
]
