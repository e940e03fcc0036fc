"""Resources that are kept as one document each: deployments, and what is like them.

There are few and they are read often, so the writer has them all in memory; a change is a line with the whole document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from penstock._journal.line import Line

if TYPE_CHECKING:
    from penstock._store.core import Core
    from penstock._store.database import Database

Document = dict[str, Any]


class Documents:
    """All documents by kind and id. Only the writer thread touches it."""

    def __init__(self) -> None:
        self._kinds: dict[str, dict[str, Document]] = {}

    def load(self, database: Database) -> None:
        """Read the newest version of each."""
        for what, identity, body in database.read(_NEWEST):
            self.of(what)[str(identity)] = orjson.loads(body)

    def take(self, line: Line) -> str:
        """Keep in step with a line; return the name of whom to wake."""
        what, identity, body = str(line.body["what"]), str(line.body["id"]), line.body.get("body")
        if body is None:
            self.of(what).pop(identity, None)
        else:
            self.of(what)[identity] = dict(body)
        return what

    def of(self, what: str) -> dict[str, Document]:
        """Return the documents of a kind by id."""
        return self._kinds.setdefault(what, {})


def channel(deployment_id: str) -> str:
    """Return the name that is watched for new scheduled runs of a deployment."""
    return f"deployment {deployment_id}"


def pool_channel(pool_name: str) -> str:
    """Return the name that is watched for what may give a worker of a pool something to do."""
    return f"work pool {pool_name}"


def channels(run: Document, *, scheduled: bool) -> list[str]:
    """Return whom the new state of a flow run may concern.

    Args:
        run: its body.
        scheduled: it is in a scheduled state; who has room in a work pool hears of all states.
    """
    deployment, pool = run.get("deployment_id"), run.get("work_pool_name")
    found = [channel(deployment)] if scheduled and deployment is not None else []
    return [*found, pool_channel(pool)] if pool is not None else found


def put(core: Core, what: str, identity: str, body: Document | None) -> None:
    """Write a document, or delete it."""
    core.emit("document", {"what": what, "id": identity, "body": body})


_NEWEST = """
SELECT what, id, body FROM raw.document
QUALIFY row_number() OVER (PARTITION BY what, id ORDER BY at_us DESC, seq DESC) = 1 AND body IS NOT NULL
ORDER BY id
"""
