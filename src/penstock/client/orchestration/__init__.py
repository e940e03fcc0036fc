"""Clients of the REST API. Reference pages: advanced/api-client, api-ref prefect-client-orchestration."""

from __future__ import annotations

from typing import Any, Literal, overload

import penstock._results.references  # noqa: F401  # reads what states of the API refer to
from penstock.client.orchestration._clients import PenstockClient as PenstockClient
from penstock.client.orchestration._clients import SyncPenstockClient as SyncPenstockClient

PrefectClient = PenstockClient
SyncPrefectClient = SyncPenstockClient


@overload
def get_client(
    httpx_settings: dict[str, Any] | None = None, sync_client: Literal[False] = False
) -> PenstockClient: ...


@overload
def get_client(
    httpx_settings: dict[str, Any] | None = None, *, sync_client: Literal[True]
) -> SyncPenstockClient: ...


def get_client(
    httpx_settings: dict[str, Any] | None = None, sync_client: bool = False
) -> PenstockClient | SyncPenstockClient:
    """Return a client of the REST API at `PENSTOCK_API_URL`, else of the workspace's own store process.

    Args:
        httpx_settings: further arguments of the `httpx` client below.
        sync_client: True for one whose methods block, for ``with``; False for coroutines and ``async with``.

    Example:
        >>> with get_client(sync_client=True) as client:
        ...     client.hello().json()
        '👋'
    """
    made: type[PenstockClient | SyncPenstockClient] = SyncPenstockClient if sync_client else PenstockClient
    return made(httpx_settings=httpx_settings)


__all__ = ["PenstockClient", "PrefectClient", "SyncPenstockClient", "SyncPrefectClient", "get_client"]
