"""Health, version and settings. Reference pages: rest-api/server/root, rest-api/server/admin."""

from __future__ import annotations

from typing import Any

from penstock._store.core import Refused
from penstock._store.routes.web import Answer, Ask, Route, missing
from penstock._store.version import version
from penstock.settings import get_current_settings

_SECRET = "*" * 10


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
    current = get_current_settings()
    names = [name for name in dir(current) if not name.startswith("_")] or []
    shown: dict[str, Any] = {}
    for name in names:
        value = getattr(current, name)
        if not callable(value):
            shown[name] = _masked(name, value)
    return 200, shown


def _masked(name: str, value: Any) -> Any:
    secret = any(part in name for part in ("key", "auth_string", "token", "password"))
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return _SECRET if secret else str(value)


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
    Route("GET", "/collections/views/{view}", view, answer={"type": "object"}),
]
