"""Where the API is: at `PENSTOCK_API_URL`, or in the workspace's own store process, which is started when needed."""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

import httpx

from penstock._link.spawn import Starter
from penstock._workspace import Workspace, current_workspace
from penstock.settings import get_current_settings

_LOCAL_URL = "http://localhost/api"


class Place(NamedTuple):
    """An API: its address, and the httpx options that reach it."""

    url: str
    options: dict[str, Any]
    is_local: bool


def place_of(*, is_async: bool) -> Place:
    """Return where the settings of this context say the API is."""
    settings = get_current_settings()
    timeout = settings.api_request_timeout
    if settings.api_url:
        url = str(settings.api_url).rstrip("/")
        return Place(url, {"headers": _credentials(), "timeout": timeout}, is_local=False)
    transport = AsyncWorkspaceTransport if is_async else WorkspaceTransport
    return Place(_LOCAL_URL, {"transport": transport(current_workspace()), "timeout": timeout}, is_local=True)


def _credentials() -> dict[str, str]:
    """Return the Authorization header; a key outranks a password."""
    settings = get_current_settings()
    key, password = _plain(settings.api_key), _plain(settings.api_auth_string)
    if key:
        return {"Authorization": f"Bearer {key}"}
    if password:
        return {"Authorization": f"Basic {base64.b64encode(password.encode()).decode()}"}
    return {}


def _plain(value: Any) -> str | None:
    text = value.get_secret_value() if hasattr(value, "get_secret_value") else value
    return str(text) if text else None


class _Endpoint:
    """The store process of a workspace: found, started, and found again when it was replaced."""

    def __init__(self, workspace: Workspace) -> None:
        self._starter = Starter(workspace)
        self.socket = ""
        self.token = ""

    def find(self) -> None:
        """Start the store unless it runs, and learn where it listens."""
        endpoint = self._starter.wait()
        self.socket, self.token = endpoint.socket, endpoint.token

    def sign(self, request: httpx.Request) -> httpx.Request:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


class WorkspaceTransport(httpx.BaseTransport):
    """Sends requests to the store process of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._endpoint = _Endpoint(workspace)
        self._inner: httpx.HTTPTransport | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; a store that was replaced is asked once more."""
        if self._inner is not None:
            try:
                answer = self._inner.handle_request(self._endpoint.sign(request))
            except httpx.ConnectError:
                self._inner.close()
            else:
                if answer.status_code != 401:
                    return answer
                answer.close()
        self._endpoint.find()
        self._inner = inner = httpx.HTTPTransport(uds=self._endpoint.socket)
        return inner.handle_request(self._endpoint.sign(request))

    def close(self) -> None:
        """Close the connections."""
        if self._inner is not None:
            self._inner.close()


class AsyncWorkspaceTransport(httpx.AsyncBaseTransport):
    """Async twin of `WorkspaceTransport`."""

    def __init__(self, workspace: Workspace) -> None:
        self._endpoint = _Endpoint(workspace)
        self._inner: httpx.AsyncHTTPTransport | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; a store that was replaced is asked once more."""
        import asyncio

        if self._inner is not None:
            try:
                answer = await self._inner.handle_async_request(self._endpoint.sign(request))
            except httpx.ConnectError:
                await self._inner.aclose()
            else:
                if answer.status_code != 401:
                    return answer
                await answer.aclose()
        await asyncio.to_thread(self._endpoint.find)
        self._inner = inner = httpx.AsyncHTTPTransport(uds=self._endpoint.socket)
        return await inner.handle_async_request(self._endpoint.sign(request))

    async def aclose(self) -> None:
        """Close the connections."""
        if self._inner is not None:
            await self._inner.aclose()


__all__ = ["AsyncWorkspaceTransport", "Place", "WorkspaceTransport", "place_of"]
