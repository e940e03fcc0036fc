"""Saved searches: filters that somebody gave a name. Reference page: rest-api/server/savedsearches."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field, JsonValue

from penstock._ids import new_id
from penstock._store.bodies import Body, Name
from penstock._store.core import Core
from penstock._store.documents import Document, put
from penstock._store.routes.web import Answer, Ask, Route, missing

_WHAT = "saved_search"
#: The most that are listed at a time.
_PAGE = 200


class SavedSearchFilter(Body):
    """One condition, for the page that made it to read back; the store does not look into it."""

    object: str
    property: str
    type: str
    operation: str
    value: JsonValue


class SavedSearchCreate(Body):
    """A name, and the conditions it stands for."""

    name: Name
    filters: list[SavedSearchFilter] = Field(default_factory=list)


class SavedSearchesAsked(Body):
    """Which part of the list is wanted."""

    limit: Annotated[int, Field(ge=0, le=_PAGE)] = _PAGE
    offset: Annotated[int, Field(ge=0, lt=2**31)] = 0


def save(ask: Ask) -> Answer:
    """Save a search; one of the same name is replaced and keeps its id."""
    sent = ask.read(SavedSearchCreate).model_dump(mode="json")

    def write(core: Core) -> tuple[int, Document]:
        moment = datetime.now(UTC).isoformat()
        known = core.documents.of(_WHAT).values()
        before = next((one for one in known if one["name"] == sent["name"]), None)
        kept = before or {"id": str(new_id()), "created": moment}
        made = {"id": kept["id"], "created": kept["created"], "updated": moment, **sent}
        put(core, _WHAT, made["id"], made)
        return 201 if before is None else 200, made

    return ask.call(write)


def read(ask: Ask) -> Answer:
    """Read a saved search."""
    identity = ask.id()
    return 200, ask.call(lambda core: _find(core, identity))


def delete(ask: Ask) -> Answer:
    """Delete a saved search."""
    identity = ask.id()

    def drop(core: Core) -> None:
        _find(core, identity)
        put(core, _WHAT, identity, None)

    ask.call(drop)
    return 204, None


def find(ask: Ask) -> Answer:
    """List saved searches by name."""
    asked = ask.read(SavedSearchesAsked)
    known = ask.call(lambda core: list(core.documents.of(_WHAT).values()))
    return 200, sorted(known, key=lambda one: one["name"])[asked.offset : asked.offset + asked.limit]


def _find(core: Core, identity: str) -> Document:
    found = core.documents.of(_WHAT).get(identity)
    if found is None:
        raise missing(f"saved search with id {identity}")
    return found


_LISTED = {"type": "array", "items": "SavedSearch"}
ROUTES = [
    Route("PUT", "/saved_searches/", save, SavedSearchCreate, "SavedSearch", 201),
    Route("POST", "/saved_searches/filter", find, SavedSearchesAsked, _LISTED),
    Route("GET", "/saved_searches/{id}", read, answer="SavedSearch"),
    Route("DELETE", "/saved_searches/{id}", delete, status=204),
]
