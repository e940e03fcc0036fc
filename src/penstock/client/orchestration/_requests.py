"""One request to the API, and what its answer is. The resources' methods are written once, on top of `Requests`.

They are coroutines. The asynchronous client awaits them; the blocking one runs them to their end at once, since its
`_send` never waits for anything (`_clients.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from penstock.exceptions import ObjectAlreadyExists, ObjectNotFound, PenstockHTTPStatusError

if TYPE_CHECKING:
    import httpx

    from penstock._values.states import State
    from penstock.client.schemas._filter_base import FilterPart

    Filter = FilterPart | Mapping[str, Any] | None


class Requests:
    """What a client must have: a way to send a request."""

    async def _send(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        raise NotImplementedError

    async def _request(
        self, method: str, path: str, body: Any = None, params: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        """Send a request and return its answer.

        Raises:
            ObjectNotFound: 404. ObjectAlreadyExists: 409. PenstockHTTPStatusError: any other status from 400 on.
        """
        options: dict[str, Any] = {} if body is None else {"json": body}
        response = await self._send(method, path, options | ({"params": params} if params else {}))
        try:
            response.raise_for_status()
        except PenstockHTTPStatusError as error:
            if response.status_code == 404:
                raise ObjectNotFound(http_exc=error, help_message=_reason(response)) from error
            if response.status_code == 409:
                raise ObjectAlreadyExists(http_exc=error, help_message=_reason(response)) from error
            raise
        return response

    async def _json(
        self, method: str, path: str, body: Any = None, params: Mapping[str, Any] | None = None
    ) -> Any:
        return (await self._request(method, path, body, params)).json()


def _reason(response: httpx.Response) -> str | None:
    try:
        body = response.json()
    except ValueError:
        return None
    return body.get("detail") or body.get("exception_message") if isinstance(body, dict) else None


def path_of(*parts: object) -> str:
    """Join path parts, each quoted."""
    return "/" + "/".join(quote(str(part), safe="") for part in parts)


def listing(
    sort: Any = None,
    limit: int | None = None,
    offset: int | None = None,
    filters: Mapping[str, Filter] | None = None,
) -> dict[str, Any]:
    """Return the body of a list request: what was given, filters as JSON."""
    numbers = {
        "sort": sort.value if isinstance(sort, Enum) else sort,
        "limit": limit,
        "offset": offset or None,
    }
    body: dict[str, Any] = {name: value for name, value in numbers.items() if value is not None}
    for name, given in (filters or {}).items():
        if given is not None:
            body[name] = dict(given) if isinstance(given, Mapping) else given.to_body()
    return body


def state_body(state: State) -> dict[str, Any]:
    """Return a state as it is proposed. Results stay where they are."""
    shown = state.to_json()
    details = {name: value for name, value in shown["state_details"].items() if value is not None}
    return {**{name: shown[name] for name in ("type", "name", "message")}, "state_details": details}
