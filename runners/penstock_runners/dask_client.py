"""A Dask client inside a task, to compute Dask collections on the cluster that runs it.

Reference page: integrations/prefect-dask.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import distributed

from penstock.context import FlowRunContext
from penstock_runners.dask import DaskTaskRunner


@contextmanager
def get_dask_client(timeout: float | str | None = None, **client_kwargs: Any) -> Iterator[Any]:
    """Yield a client of the cluster this task (or flow) runs on.

    While the block goes on, the task gives its place on the worker to others, so that work it hands to the cluster
    and waits for cannot block itself. Compute inside the block: ``client.compute(x, sync=True)`` or ``x.compute()``.

    Args:
        timeout: seconds (or text such as ``"10s"``) to wait for the scheduler.
        client_kwargs: further arguments of `distributed.Client`, where a client has to be made.

    Raises:
        RuntimeError: this is neither a Dask worker nor a flow that runs its tasks on Dask.

    Example:
        >>> @task
        ... def total(frame):
        ...     with get_dask_client():
        ...         return frame.x.sum().compute()
    """
    if _on_worker():
        with distributed.worker_client(timeout=timeout) as client:
            yield client
        return
    with distributed.Client(_address(), **_options(timeout, client_kwargs)) as client, client.as_current():
        yield client


@asynccontextmanager
async def get_async_dask_client(
    timeout: float | str | None = None, **client_kwargs: Any
) -> AsyncIterator[Any]:
    """Yield an asynchronous client; see `get_dask_client`. What it returns has to be awaited.

    Example:
        >>> @task
        ... async def total(frame):
        ...     async with get_async_dask_client() as client:
        ...         return await client.compute(frame.x.sum())
    """
    address = distributed.get_worker().scheduler.address if _on_worker() else _address()
    options = {**_options(timeout, client_kwargs), "asynchronous": True}
    if not _on_worker():
        async with distributed.Client(address, **options) as client:
            yield client
        return
    distributed.secede()
    try:
        async with distributed.Client(address, **options) as client:
            yield client
    finally:
        distributed.rejoin()


def _options(timeout: float | str | None, client_kwargs: dict[str, Any]) -> dict[str, Any]:
    return client_kwargs if timeout is None else {"timeout": timeout, **client_kwargs}


def _on_worker() -> bool:
    try:
        distributed.get_worker()
    except ValueError:
        return False
    return True


def _address() -> str:
    context = FlowRunContext.get()
    runner = context.task_runner if context is not None else None
    if isinstance(runner, DaskTaskRunner):
        return runner.address
    raise RuntimeError(
        "There is no Dask cluster here: use get_dask_client inside a task that runs on Dask, or in a flow with "
        "task_runner=DaskTaskRunner()."
    )


__all__ = ["get_async_dask_client", "get_dask_client"]
