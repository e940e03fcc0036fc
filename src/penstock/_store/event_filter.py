"""The filter of events: what may be said, and the SQL condition it becomes.

Reference pages: rest-api/server/events, api-ref prefect-events-filters. Labels: a list of values is a choice, a value
that ends in `*` is a prefix, one that begins with `!` must not match. A resource without the label never matches.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from penstock._store.bodies import Moment
from penstock._store.filters import TEXT, Condition, search
from penstock._store.live import to_us

Labels = dict[str, str | list[str]]
_ID = "prefect.resource.id"
_ROLE = "prefect.resource.role"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)


class Occurred(_Part):
    """When; the last 180 days by default."""

    since: Moment = Field(default_factory=lambda: _midnight() - timedelta(days=180))
    until: Moment = Field(default_factory=lambda: datetime.now(UTC))


class Named(_Part):
    """Names of events."""

    prefix: list[str] | None = None
    exclude_prefix: list[str] | None = None
    name: list[str] | None = None
    exclude_name: list[str] | None = None


class OfResource(_Part):
    """The resource an event is about."""

    id: list[str] | None = None
    id_prefix: list[str] | None = None
    labels: Labels | None = None
    distinct: bool = False


class OfRelated(_Part):
    """A resource an event has to do with."""

    id: list[str] | None = None
    role: list[str] | None = None
    resources_in_roles: list[tuple[str, str]] | None = None
    labels: Labels | None = None


class OfAny(_Part):
    """The resource of an event, or one it has to do with."""

    id: list[str] | None = None
    id_prefix: list[str] | None = None
    labels: Labels | None = None


class ById(_Part):
    """Ids of events."""

    id: list[UUID] | None = None


class Searched(_Part):
    """Words anywhere in an event."""

    query: Annotated[str, Field(max_length=200)]


class EventFilter(_Part):
    """Which events; all parts must hold."""

    occurred: Occurred = Field(default_factory=Occurred)
    event: Named | None = None
    resource: OfResource | None = None
    related: OfRelated | list[OfRelated] | None = None
    any_resource: OfAny | list[OfAny] | None = None
    id: ById | None = None
    text: Searched | None = None
    order: Literal["ASC", "DESC"] = "DESC"


def condition_of(wanted: EventFilter) -> Condition:
    """Return the condition on rows of `raw.all_event`."""
    since, until = to_us(wanted.occurred.since), to_us(wanted.occurred.until)
    parts: list[Condition] = [("occurred_us BETWEEN ? AND ?", [since, until])]
    if wanted.id is not None and wanted.id.id:
        parts.append(("id IN (SELECT unnest(?::UUID[]))", [[str(one) for one in wanted.id.id]]))
    if wanted.event is not None:
        parts += _names(wanted.event)
    if (about := wanted.resource) is not None:
        parts += _resource("resource", about.id, about.id_prefix, about.labels)
    for related in _listed(wanted.related):
        parts.append(_some("from_json(related, '[\"JSON\"]')", _related(related)))
    for either in _listed(wanted.any_resource):
        inner = _resource("r", either.id, either.id_prefix, either.labels)
        parts.append(_some("list_prepend(resource, from_json(related, '[\"JSON\"]'))", inner))
    if wanted.text is not None:
        parts.append(search(TEXT["event"], wanted.text.query, "text.query"))
    return _all(parts)


def source_of(wanted: EventFilter) -> tuple[str, list[Any]]:
    """Return a subquery with the selected events, as SQL and parameters."""
    sql, values = condition_of(wanted)
    newest = ""
    if wanted.resource is not None and wanted.resource.distinct:
        newest = (
            " QUALIFY row_number() OVER (PARTITION BY resource_id ORDER BY occurred_us DESC, id DESC) = 1"
        )
    return f"(FROM raw.all_event WHERE {sql}{newest})", values


def _midnight() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _listed(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given] if given is not None else []


def _all(parts: list[Condition]) -> Condition:
    return " AND ".join(sql for sql, _ in parts) or "TRUE", [value for _, values in parts for value in values]


def _names(named: Named) -> list[Condition]:
    parts: list[Condition] = []
    if named.name:
        parts.append(("name IN (SELECT unnest(?::VARCHAR[]))", [named.name]))
    if named.exclude_name:
        parts.append(("name NOT IN (SELECT unnest(?::VARCHAR[]))", [named.exclude_name]))
    if named.prefix:
        parts.append(_begins("name", named.prefix))
    if named.exclude_prefix:
        sql, values = _begins("name", named.exclude_prefix)
        parts.append((f"NOT {sql}", values))
    return parts


def _begins(column: str, prefixes: list[str]) -> Condition:
    return "(" + " OR ".join([f"starts_with({column}, ?)"] * len(prefixes)) + ")", list(prefixes)


def _among(column: str, values: list[str]) -> Condition:
    return f"list_contains(?::VARCHAR[], {column})", [values]


def _resource(
    column: str, ids: list[str] | None, prefixes: list[str] | None, labels: Labels | None
) -> list[Condition]:
    own = f"({column}->>'{_ID}')"
    parts: list[Condition] = []
    if ids:
        parts.append(_among(own, ids))
    if prefixes:
        parts.append(_begins(own, prefixes))
    return parts + [_label(column, name, given) for name, given in (labels or {}).items()]


def _related(related: OfRelated) -> list[Condition]:
    parts = _resource("r", related.id, None, related.labels)
    if related.role:
        parts.append(_among(f"(r->>'{_ROLE}')", related.role))
    if related.resources_in_roles:
        pair = f"((r->>'{_ID}') = ? AND (r->>'{_ROLE}') = ?)"
        pairs = [text for one in related.resources_in_roles for text in one]
        parts.append(("(" + " OR ".join([pair] * len(related.resources_in_roles)) + ")", pairs))
    return parts


def _some(resources: str, inner: list[Condition]) -> Condition:
    sql, values = _all(inner)
    return f"len(list_filter({resources}, lambda r: {sql})) > 0", values


def _label(column: str, name: str, given: str | list[str]) -> Condition:
    value = f"json_extract_string({column}, ?)"
    path = f'$."{name}"' if '"' not in name else name
    wanted: list[str] = []
    unwanted: list[str] = []
    for text in [given] if isinstance(given, str) else given:
        (unwanted if text.startswith("!") else wanted).append(text.removeprefix("!"))
    parts: list[Condition] = [(f"{value} IS NOT NULL", [path])]
    if wanted:
        tests = [_matches(value, path, text) for text in wanted]
        joined = " OR ".join(sql for sql, _ in tests)
        parts.append((f"({joined})", [one for _, values in tests for one in values]))
    for text in unwanted:
        sql, values = _matches(value, path, text)
        parts.append((f"NOT {sql}", values))
    return _all(parts)


def _matches(value: str, path: str, text: str) -> Condition:
    if text.endswith("*"):
        return f"starts_with({value}, ?)", [path, text[:-1]]
    return f"({value} = ?)", [path, text]
