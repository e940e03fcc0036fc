"""Health, version and settings. Reference pages: rest-api/server/root, rest-api/server/admin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from penstock._ids import new_id
from penstock._store.core import Refused
from penstock._store.filters import invalid
from penstock._store.routes.web import Answer, Ask, Route, missing
from penstock._store.version import version
from penstock.settings import get_current_settings


def health(_: Ask) -> Answer:
    """Say that the process answers."""
    return 200, True


def ready(ask: Ask) -> Answer:
    """Say whether the database answers."""
    import duckdb

    try:
        ask.store.database.read("SELECT 1")
    except duckdb.Error as error:
        raise Refused(503, {"message": "Database is not available", "detail": str(error)}) from error
    return 200, {"message": "OK"}


def hello(_: Ask) -> Answer:
    """Say hello."""
    return 200, "👋"


def read_version(_: Ask) -> Answer:
    """Return the version of the store."""
    return 200, version()


def settings(_: Ask) -> Answer:
    """Return the settings in force in the store process; secrets are masked."""
    current: Any = get_current_settings()
    return 200, _shown(current.model_dump())


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _shown(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_shown(one) for one in value]
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def csrf_token(ask: Ask) -> Answer:
    """Issue a CSRF token for a client; the one it had holds no more."""
    client, csrf = ask.query.get("client"), ask.store.access.csrf
    if not client:
        raise invalid([{"loc": ["query", "client"], "msg": "Field required", "type": "missing"}])
    if csrf is None:
        raise Refused(422, {"detail": "CSRF protection is disabled.", **_DISABLED})
    token = csrf.issue(client)
    until = (datetime.now(UTC) + timedelta(seconds=csrf.lifetime)).isoformat()
    return 200, {"id": str(new_id()), "token": token, "client": client, "expiration": until}


_DISABLED: dict[str, Any] = {
    "exception_message": "CSRF protection is disabled.",
    "exception_detail": [],
    "request_body": None,
}


def view(ask: Ask) -> Answer:
    """Read a bundled view of the collections registry."""
    raise missing(f"view named {ask.path['view']!r}")


_OK = {"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]}
_TEXT = {"type": "string"}
ROUTES = [
    Route("GET", "/health", health, answer={"const": True}),
    Route("GET", "/ready", ready, answer=_OK),
    Route("GET", "/hello", hello, answer=_TEXT),
    Route("GET", "/version", read_version, answer=_TEXT),
    Route("GET", "/admin/version", read_version, answer=_TEXT),
    Route("GET", "/admin/settings", settings, answer={"type": "object"}),
    Route(
        "GET",
        "/csrf-token",
        csrf_token,
        answer="CsrfToken",
        query={"client": {"type": "string", "minLength": 1}},
    ),
    Route("GET", "/collections/views/{view}", view, answer={"type": "object"}),
]
