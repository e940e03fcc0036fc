"""httpx clients that try again, bring CSRF tokens and say what the server said.

Reference page: api-ref/python/prefect-client-base.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from penstock.client.retry import attempts_of_settings
from penstock.exceptions import PenstockHTTPStatusError
from penstock.settings import get_current_settings

#: What broke between us and the server, so that nobody knows whether the request arrived.
_BROKEN = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError)
_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_TOKEN, _CLIENT = "Prefect-Csrf-Token", "Prefect-Csrf-Client"
#: Custom headers that are ours to set.
_PROTECTED = frozenset({"user-agent", _TOKEN.lower(), _CLIENT.lower()})


class _Sleep:
    """Ask the driver to wait."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


#: A conversation: it yields requests and gets answers (or the error as the answer), or yields waits.
_Talk = Generator["httpx.Request | _Sleep", Any, httpx.Response]


class _Csrf:
    """The CSRF token of one client."""

    def __init__(self, url: httpx.URL | None) -> None:
        self.url = url
        self.client = str(uuid4())
        self._token: str | None = None
        self._until = datetime.min.replace(tzinfo=UTC)

    def is_wanted(self, method: str) -> bool:
        return self.url is not None and method in _CHANGING

    def is_fresh(self) -> bool:
        return self._token is not None and self._until - timedelta(seconds=1) > datetime.now(UTC)

    def request(self, headers: httpx.Headers) -> httpx.Request:
        assert self.url is not None
        kept = {name: value for name, value in headers.items() if name == "authorization"}
        return httpx.Request("GET", self.url, params={"client": self.client}, headers=kept)

    def take(self, answer: Any) -> None:
        """Keep the token; a server without CSRF protection is not asked again."""
        if not isinstance(answer, httpx.Response):
            return
        if answer.status_code in (404, 422):
            self.url = None
        elif answer.is_success:
            data = answer.json()
            self._token, self._until = data["token"], datetime.fromisoformat(data["expiration"])

    def apply(self, request: httpx.Request) -> None:
        if self._token is not None:
            request.headers[_TOKEN], request.headers[_CLIENT] = self._token, self.client

    def forget(self) -> None:
        self._token = None


def _talk(request: httpx.Request, csrf: _Csrf) -> _Talk:
    """Send a request until it is answered for good.

    One refusal for an outdated CSRF token is answered with a new token, whatever the number of retries.
    """
    attempts, renewed = attempts_of_settings(), False
    while True:
        if csrf.is_wanted(request.method):
            if not csrf.is_fresh():
                csrf.take((yield csrf.request(request.headers)))
            csrf.apply(request)
        answer = yield request
        broken = isinstance(answer, Exception)
        if not broken and not renewed and _is_csrf_refusal(answer) and csrf.is_wanted(request.method):
            renewed = True
            csrf.forget()
            continue
        status = None if broken else answer.status_code
        wait = attempts.wait_after(status, None if broken else answer.headers.get("Retry-After"))
        if wait is None:
            if broken:
                raise answer
            return PenstockResponse.from_httpx_response(answer)
        yield _Sleep(wait)


def _is_csrf_refusal(answer: httpx.Response) -> bool:
    return answer.status_code == 403 and "CSRF" in answer.text


class PenstockResponse(httpx.Response):
    """An answer whose error holds what the server said."""

    def raise_for_status(self) -> httpx.Response:
        """Return the answer itself, or raise for a status from 400 on.

        Raises:
            PenstockHTTPStatusError: the server refused; the message holds its reason.
        """
        try:
            return super().raise_for_status()
        except httpx.HTTPStatusError as error:
            raise PenstockHTTPStatusError.from_httpx_error(error) from error.__cause__

    @classmethod
    def from_httpx_response(cls, response: httpx.Response) -> PenstockResponse:
        """Return the same answer as one of ours."""
        response.__class__ = cls
        return response  # type: ignore[return-value]  # it just became one


class PenstockHttpxAsyncClient(httpx.AsyncClient):
    """An `httpx.AsyncClient` that tries again. Takes httpx's arguments.

    Args:
        csrf_url: where CSRF tokens are issued; None for a server that needs none.
    """

    def __init__(self, *args: Any, csrf_url: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._csrf = _csrf_of(csrf_url)
        _add_custom_headers(self.headers)

    async def send(self, request: httpx.Request, *args: Any, **kwargs: Any) -> httpx.Response:
        """Send a request, again if need be.

        Raises:
            httpx.TransportError: the server could not be reached, however often it was tried.
        """
        talk, answer = _talk(request, self._csrf), None
        while True:
            try:
                step = talk.send(answer)
            except StopIteration as done:
                response: httpx.Response = done.value
                return response
            answer = None
            if isinstance(step, _Sleep):
                await asyncio.sleep(step.seconds)
                continue
            try:
                answer = await super().send(step, *args, **kwargs)
                await answer.aread()
            except _BROKEN as error:
                answer = error  # type: ignore[assignment]  # the conversation takes either


class PenstockHttpxSyncClient(httpx.Client):
    """The blocking twin of `PenstockHttpxAsyncClient`."""

    def __init__(self, *args: Any, csrf_url: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._csrf = _csrf_of(csrf_url)
        _add_custom_headers(self.headers)

    def send(self, request: httpx.Request, *args: Any, **kwargs: Any) -> httpx.Response:
        """Send a request, again if need be; see the async twin."""
        talk, answer = _talk(request, self._csrf), None
        while True:
            try:
                step = talk.send(answer)
            except StopIteration as done:
                response: httpx.Response = done.value
                return response
            answer = None
            if isinstance(step, _Sleep):
                time.sleep(step.seconds)
                continue
            try:
                answer = super().send(step, *args, **kwargs)
                answer.read()
            except _BROKEN as error:
                answer = error  # type: ignore[assignment]  # the conversation takes either


def _csrf_of(url: str | None) -> _Csrf:
    wanted = url is not None and get_current_settings().client_csrf_support_enabled
    return _Csrf(httpx.URL(url) if wanted and url is not None else None)


def _add_custom_headers(headers: httpx.Headers) -> None:
    custom: dict[str, str] = get_current_settings().client_custom_headers
    for name, value in custom.items():
        if name.lower() in _PROTECTED:
            logging.getLogger("penstock.client").warning(
                "The custom header %r is ignored: Penstock sets it itself.", name
            )
        else:
            headers[name] = value


PrefectResponse = PenstockResponse
PrefectHttpxAsyncClient = PenstockHttpxAsyncClient
PrefectHttpxSyncClient = PenstockHttpxSyncClient

__all__ = [
    "PenstockHttpxAsyncClient",
    "PenstockHttpxSyncClient",
    "PenstockResponse",
    "PrefectHttpxAsyncClient",
    "PrefectHttpxSyncClient",
    "PrefectResponse",
]
