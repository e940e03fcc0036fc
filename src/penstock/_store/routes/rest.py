"""The REST application: all routes of the documented API that the store has."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from penstock._store.routes import (
    admin,
    artifacts,
    deployments,
    events,
    flow_runs,
    flows,
    graphs,
    inputs,
    limits,
    logs,
    pools,
    saved_searches,
    tag_limits,
    task_runs,
    task_workers,
    transitions,
    ui,
    variables,
)
from penstock._store.routes.openapi import document
from penstock._store.routes.web import Answer, Ask, Route, Router
from penstock._store.version import version

if TYPE_CHECKING:
    from penstock._store.service import Store


def table() -> list[Route]:
    """Return all routes under `/api`, as the OpenAPI document has them."""
    parts = (
        admin,
        flows,
        transitions,
        flow_runs,
        graphs,
        inputs,
        task_runs,
        task_workers,
        logs,
        artifacts,
        deployments,
        pools,
        variables,
        saved_searches,
        limits,
        tag_limits,
        events,
        ui,
    )
    return [route for part in parts for route in part.ROUTES]


def build(store: Store) -> Router:
    """Return the ASGI application under `/api`."""
    routes = table()

    @lru_cache(maxsize=1)
    def made() -> dict[str, Any]:
        return document(routes, version())

    def openapi(_: Ask) -> Answer:
        """Return the OpenAPI document."""
        return 200, made()

    return Router(store, [*routes, Route("GET", "/openapi.json", openapi)], "/api")
