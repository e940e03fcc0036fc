"""Limits to test with."""

from __future__ import annotations

from uuid import uuid4

import pytest

from penstock._link.client import store


class Limit:
    """A concurrency limit of the store."""

    def __init__(self, slots, **fields):
        self.name = fields.pop("name", None) or f"limit-{uuid4().hex[:8]}"
        self.change = lambda **changes: store().request("PATCH", self.path, changes)
        store().request("POST", "/api/v2/concurrency_limits/", {"name": self.name, "limit": slots, **fields})

    @property
    def path(self):
        return f"/api/v2/concurrency_limits/{self.name}"

    @property
    def taken(self):
        return store().request("GET", self.path)["active_slots"]

    @property
    def waited_for(self):
        """Slots that somebody waits for."""
        return store().request("GET", self.path)["denied_slots"]

    def delete(self):
        store().request("DELETE", self.path)


@pytest.fixture
def limit():
    return Limit
