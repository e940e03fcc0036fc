"""The two clients: the methods are the same, one has them as coroutines and one blocks."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx

from penstock.client.base import PenstockHttpxAsyncClient, PenstockHttpxSyncClient
from penstock.client.orchestration._flow_runs import FlowRunMethods
from penstock.client.orchestration._limits import LimitMethods
from penstock.client.orchestration._records import RecordMethods
from penstock.client.orchestration._task_runs import TaskRunMethods
from penstock.client.place import place_of

T = TypeVar("T")


class _Methods(FlowRunMethods, TaskRunMethods, RecordMethods, LimitMethods):
    """Everything a client does."""

    async def hello(self) -> httpx.Response:
        """Say hello to the server, to see whether it answers."""
        return await self._request("GET", "/hello")

    async def api_version(self) -> str:
        """Return the server's version."""
        version: str = await self._json("GET", "/admin/version")
        return version

    async def api_healthcheck(self) -> Exception | None:
        """Return why the server cannot be reached, None when it can."""
        try:
            await self._request("GET", "/health")
        except Exception as error:
            return error
        return None

    async def raise_for_api_version_mismatch(self) -> None:
        """Do nothing when client and server belong together.

        Raises:
            RuntimeError: their major versions differ.
        """
        theirs, ours = await self.api_version(), self.client_version()
        if theirs.split(".")[0] != ours.split(".")[0]:
            raise RuntimeError(
                f"The API is of version {theirs}, this client of {ours}. Install the same major version of both."
            )

    def client_version(self) -> str:
        """Return the client's version."""
        from penstock import __version__

        return __version__


class PenstockClient(_Methods):
    """The asynchronous client of the REST API. `get_client` makes it; it works inside ``async with``.

    Args:
        api: address of the API; from the settings, else the workspace's own store, when not given.
        httpx_settings: further arguments of `httpx.AsyncClient`.

    Example:
        >>> async def names():
        ...     async with PenstockClient() as client:
        ...         return [flow.name for flow in await client.read_flows()]
        >>> asyncio.run(names())
        []
    """

    def __init__(self, api: str | None = None, *, httpx_settings: dict[str, Any] | None = None) -> None:
        options = _options(api, httpx_settings, is_async=True)
        self._client = PenstockHttpxAsyncClient(**options)
        self._open = 0

    @property
    def api_url(self) -> httpx.URL:
        """The address of the API."""
        return self._client.base_url

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop this client is used on, None when none runs."""
        try:
            return asyncio.get_running_loop()
        except RuntimeError:
            return None

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send any request; see `httpx.AsyncClient.request`.

        Raises:
            PenstockHTTPStatusError: the server refused.
        """
        return (await self._client.request(method, path, **options)).raise_for_status()

    async def _send(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        return await self._client.request(method, path, **options)

    async def __aenter__(self) -> Self:
        """Open the client; it may be opened again inside."""
        if self._client.is_closed:
            raise RuntimeError("This client was closed. Make a new one with get_client().")
        self._open += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections when the outermost block ends."""
        self._open -= 1
        if not self._open:
            await self._client.aclose()

    def __enter__(self) -> None:
        """Refuse, since this client is asynchronous."""
        raise RuntimeError("This client is asynchronous: use 'async with', or get_client(sync_client=True).")

    def __exit__(self, *_: object) -> None:
        """Never reached; a `with` block looks for it before it begins."""


def _blocking(method: Callable[..., Coroutine[Any, Any, T]]) -> Callable[..., T]:
    """Return a method that runs a coroutine which waits for nothing to its end."""

    @wraps(method)
    def run(*args: Any, **kwargs: Any) -> T:
        coroutine = method(*args, **kwargs)
        try:
            coroutine.send(None)
        except StopIteration as done:
            value: T = done.value
            return value
        coroutine.close()
        raise RuntimeError(f"{method.__name__} waited; a blocking client cannot.")

    return run


class _Waiting(_Methods):
    """The methods as coroutines over a blocking connection: they never wait."""

    def __init__(self, client: PenstockHttpxSyncClient) -> None:
        self._client = client

    async def _send(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        return self._client.request(method, path, **options)


class SyncPenstockClient:
    """The blocking client: the methods of `PenstockClient`, without await.

    Args:
        api: address of the API; from the settings, else the workspace's own store, when not given.
        httpx_settings: further arguments of `httpx.Client`.

    Example:
        >>> with SyncPenstockClient() as client:
        ...     client.read_variables()
        []
    """

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __init__(self, api: str | None = None, *, httpx_settings: dict[str, Any] | None = None) -> None:
        self._client = PenstockHttpxSyncClient(**_options(api, httpx_settings, is_async=False))
        self._methods = _Waiting(self._client)
        self._open = 0

    @property
    def api_url(self) -> httpx.URL:
        """The address of the API."""
        return self._client.base_url

    def client_version(self) -> str:
        """Return the client's version."""
        return self._methods.client_version()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send any request; see `httpx.Client.request`.

        Raises:
            PenstockHTTPStatusError: the server refused.
        """
        return self._client.request(method, path, **options).raise_for_status()

    def __enter__(self) -> Self:
        """Open the client; it may be opened again inside."""
        if self._client.is_closed:
            raise RuntimeError("This client was closed. Make a new one with get_client(sync_client=True).")
        self._open += 1
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections when the outermost block ends."""
        self._open -= 1
        if not self._open:
            self._client.close()


def _derived(name: str, method: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
    run = _blocking(method)

    @wraps(method)
    def forward(self: SyncPenstockClient, *args: Any, **kwargs: Any) -> Any:
        return run(self._methods, *args, **kwargs)

    return forward


for _name, _method in inspect.getmembers(_Methods, inspect.iscoroutinefunction):
    if not _name.startswith("_"):
        setattr(SyncPenstockClient, _name, _derived(_name, _method))


def _options(api: str | None, given: dict[str, Any] | None, *, is_async: bool) -> dict[str, Any]:
    place = place_of(is_async=is_async)
    options: dict[str, Any] = {"base_url": place.url, **place.options}
    if api is not None:
        options = {"base_url": api, "timeout": options["timeout"], "headers": options.get("headers")}
    options["headers"] = {**(options.get("headers") or {}), **((given or {}).get("headers") or {})}
    if not place.is_local or api is not None:
        options["csrf_url"] = str(options["base_url"]).rstrip("/") + "/csrf-token"
    return {**options, **{name: value for name, value in (given or {}).items() if name != "headers"}}
