"""Events over HTTP. Reference pages: rest-api/server/events."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from penstock._store.bodies import Body, Event
from penstock._store.event_count import Unit, by_time, by_value
from penstock._store.event_filter import EventFilter
from penstock._store.event_log import PAGE, from_token, line_of, page, record
from penstock._store.filters import invalid
from penstock._store.routes.web import Answer, Ask, Route
from penstock._store.shape import model_of


class EventQuery(Body):
    """Which events, and how many."""

    filter: EventFilter | None = None
    limit: Annotated[int, Field(ge=0, le=PAGE)] = PAGE


class EventCounting(Body):
    """Which events are counted, and the length of an interval."""

    filter: EventFilter = Field(default_factory=EventFilter)
    time_unit: Unit = "day"
    time_interval: Annotated[float, Field(ge=0.01, le=1e6)] = 1.0


def create(ask: Ask) -> Answer:
    """Record events."""
    if not isinstance(ask.body, list):
        raise invalid([{"loc": ["body"], "msg": "must be a list of events", "type": "list_type"}], ask.body)
    lines = [line_of(model_of(Event, one)) for one in ask.body]
    ask.call(lambda core: record(core, lines))
    return 204, None


def find(ask: Ask) -> Answer:
    """Return the first page of events."""
    body = ask.read(EventQuery)
    return 200, page(ask.store.database, body.filter or EventFilter(), body.limit, 0, ask.base)


def find_more(ask: Ask) -> Answer:
    """Return the next page of events."""
    text = ask.query.get("page-token")
    if not text:
        raise invalid([{"loc": ["query", "page-token"], "msg": "Field required", "type": "missing"}])
    wanted, limit, offset = from_token(text)
    return 200, page(ask.store.database, wanted, limit, offset, ask.base)


def count(ask: Ask) -> Answer:
    """Count events by time, name or resource."""
    body, countable = ask.read(EventCounting), ask.path["countable"]
    if countable in ("event", "resource"):
        return 200, by_value(ask.store.database, body.filter, "event" if countable == "event" else "resource")
    if countable == "day":
        return 200, by_time(ask.store.database, body.filter, "day", 1.0)
    if countable == "time":
        return 200, by_time(ask.store.database, body.filter, body.time_unit, body.time_interval)
    detail = {"loc": ["path", "countable"], "msg": "must be day, time, event or resource", "type": "enum"}
    raise invalid([detail])


_TOKEN = {"type": "string", "minLength": 1}
_COUNTS = {"type": "array", "items": "EventCount"}
ROUTES = [
    Route("POST", "/events", create, {"type": "array", "items": Event}, status=204),
    Route("POST", "/events/filter", find, EventQuery, "EventPage"),
    Route("GET", "/events/filter/next", find_more, answer="EventPage", query={"page-token": _TOKEN}),
    Route("POST", "/events/count-by/{countable}", count, EventCounting, _COUNTS),
]
