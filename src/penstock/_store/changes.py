"""Changing and deleting what is recorded, without touching a row: a change is a line, and so is a deletion.

The views show the newest value of a field and leave out what was deleted (`schema/views.sql`). `change` and
`delete` run on the writer thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import orjson

from penstock._journal.line import Line

if TYPE_CHECKING:
    from penstock._store.core import Core
    from penstock._store.database import Database

What = Literal["flow", "flow_run", "task_run", "artifact"]


def change(core: Core, what: What, identity: str, fields: Mapping[str, Any]) -> None:
    """Give fields of an object new values; a name is changed as runs change theirs."""
    kept = dict(fields)
    if what in ("flow_run", "task_run") and kept.get("name") is not None:
        core.emit("renamed", {"run": what.removesuffix("_run"), "id": identity, "name": kept.pop("name")})
    if kept:
        core.emit("changed", {"what": what, "id": identity, "fields": kept})


def delete(core: Core, what: What, identity: str) -> None:
    """Forget an object, and with it what belongs to it."""
    core.emit("deleted", {"what": what, "id": identity})


def remember(core: Core, line: Line) -> None:
    """Keep the writer's memory in step with a change or a deletion."""
    what, identity = line.body["what"], str(line.body["id"])
    if line.kind == "deleted" and what == "flow":
        core.flow_ids = {name: flow for name, flow in core.flow_ids.items() if flow != identity}
    elif line.kind == "deleted" and what == "flow_run":
        core.forget(identity)
    elif line.kind == "changed" and what == "flow_run":
        core.run(identity).body.update(line.body["fields"])


def fields_of(database: Database, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the changed fields of objects, by id: those that have no column of their own are only here."""
    wanted = list(ids)
    if not wanted:
        return {}
    found: dict[str, dict[str, Any]] = {}
    sql = (
        "SELECT id, field, value FROM raw.changed WHERE id IN (SELECT unnest(?::UUID[])) ORDER BY at_us, seq"
    )
    for identity, field, value in database.read(sql, [wanted]):
        found.setdefault(str(identity), {})[field] = orjson.loads(value)
    return found
