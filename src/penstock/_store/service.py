"""The parts of a running store, handed to whoever answers requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from penstock._store.access import Access
from penstock._store.core import Core
from penstock._store.database import Database
from penstock._store.sweeper import Sweeper
from penstock._workspace import Workspace


@dataclass(frozen=True, slots=True)
class Store:
    """What the routes work with."""

    workspace: Workspace
    database: Database
    core: Core
    sweeper: Sweeper
    stop: Callable[[], None]
    stopping: Callable[[], bool]
    access: Access

    @property
    def journals(self) -> Path:
        """Where the journals are."""
        return self.workspace.journals
