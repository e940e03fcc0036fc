"""The routes: `link` for our own processes, the rest is the documented REST API."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock._store.guard import App
    from penstock._store.service import Store


def rest_application(store: Store) -> App:
    """Build the REST application; imports its models."""
    from penstock._store.routes.rest import build

    return build(store)
