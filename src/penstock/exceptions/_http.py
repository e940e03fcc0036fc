"""HTTP errors of the API with what the API said. Loaded on first use, since it needs httpx."""

from __future__ import annotations

from typing import Any, Self

import httpx


class PenstockHTTPStatusError(httpx.HTTPStatusError):
    """The API answered with an error status; the message holds its explanation.

    Example:
        >>> request = httpx.Request("GET", "http://localhost/api/flows")
        >>> answer = httpx.Response(422, json={"detail": "no such field"}, request=request)
        >>> error = httpx.HTTPStatusError("Unprocessable", request=request, response=answer)
        >>> print(PenstockHTTPStatusError.from_httpx_error(error))
        Unprocessable
        Response: {'detail': 'no such field'}
    """

    @classmethod
    def from_httpx_error(cls, httpx_error: httpx.HTTPStatusError) -> Self:
        """Return the same error with the body of the answer in its message, where it has one."""
        message = str(httpx_error)
        try:
            details = httpx_error.response.json()
        except ValueError:
            details = None
        if details:
            message = f"{message}\nResponse: {details}"
        return cls(message, request=httpx_error.request, response=httpx_error.response)

    def __reduce__(self) -> Any:
        return _rebuilt, (type(self), str(self), self.request, self.response)


def _rebuilt(
    kind: type[PenstockHTTPStatusError], message: str, request: httpx.Request, response: httpx.Response
) -> PenstockHTTPStatusError:
    return kind(message, request=request, response=response)
