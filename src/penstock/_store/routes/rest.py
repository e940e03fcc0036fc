"""The REST application: all routes of the documented API that exist so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from starlette.routing import Mount, Router

from penstock._store.routes import artifacts, flow_runs, flows, inputs, logs, task_runs
from penstock._store.routes.web import Answer, Ask, route
from penstock._store.version import version

if TYPE_CHECKING:
    from penstock._store.guard import App
    from penstock._store.service import Store


def build(store: Store) -> App:
    """Return the ASGI application under `/api`."""
    table = [*_ROUTES, *flows.ROUTES, *flow_runs.ROUTES, *inputs.ROUTES, *task_runs.ROUTES]
    table += [*logs.ROUTES, *artifacts.ROUTES]
    routes = [route(store, method, path, handler) for method, path, handler in table]
    return cast("App", Router([Mount("/api", routes=routes)]))


def _ready(ask: Ask) -> Answer:
    ask.store.database.read("SELECT 1")
    return 200, {"message": "OK"}


def _hello(_: Ask) -> Answer:
    return 200, "👋"


def _version(_: Ask) -> Answer:
    return 200, version()


_ROUTES = [
    ("GET", "/ready", _ready),
    ("GET", "/hello", _hello),
    ("GET", "/version", _version),
    ("GET", "/admin/version", _version),
]
