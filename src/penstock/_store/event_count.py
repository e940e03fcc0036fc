"""Events counted by time, name or resource. Reference page: rest-api events/count-events."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from penstock._store.database import Database
from penstock._store.event_filter import EventFilter, source_of
from penstock._store.filters import invalid
from penstock._store.live import from_us, to_us
from penstock._store.show import when

Countable = Literal["day", "time", "event", "resource"]
Unit = Literal["week", "day", "hour", "minute", "second"]
#: The most intervals of one answer.
BUCKETS = 1000
#: All intervals are counted from a Monday, so that the same ones come out whenever somebody asks.
_PIVOT_US = 4 * 86_400_000_000
_SECONDS: dict[Unit, float] = {"week": 604_800, "day": 86_400, "hour": 3_600, "minute": 60, "second": 1}


def by_time(database: Database, wanted: EventFilter, unit: Unit, interval: float) -> list[dict[str, Any]]:
    """Return one entry an interval between since and until, oldest first, also where nothing happened.

    Raises:
        Refused: 422, there would be more than 1000 intervals.
    """
    span = int(_SECONDS[unit] * interval * 1e6)
    first = (to_us(wanted.occurred.since) - _PIVOT_US) // span
    last = (to_us(wanted.occurred.until) - _PIVOT_US) // span
    if last - first + 1 > BUCKETS:
        message = f"these are {last - first + 1} intervals; ask for at most {BUCKETS}"
        raise invalid([{"loc": ["body", "time_interval"], "msg": message, "type": "value_error"}])
    source, values = source_of(wanted)
    sql = f"SELECT (occurred_us - ?) // ? AS bucket, count(*) FROM {source} GROUP BY bucket"
    counts: dict[int, int] = dict(database.read(sql, [_PIVOT_US, span, *values]))
    return [_interval(at, span, counts.get(at, 0)) for at in range(first, last + 1)]


def _interval(at: int, span: int, count: int) -> dict[str, Any]:
    start = from_us(at * span + _PIVOT_US)
    shown = when(start.replace(tzinfo=None))
    end = when((start + timedelta(microseconds=span)).replace(tzinfo=None))
    return {"value": shown, "label": shown, "count": count, "start_time": shown, "end_time": end}


def by_value(database: Database, wanted: EventFilter, countable: Countable) -> list[dict[str, Any]]:
    """Return one entry an event name or resource, most frequent first; a resource has its newest name."""
    value = "name" if countable == "event" else "resource_id"
    label = "name" if countable == "event" else "coalesce(resource->>'prefect.resource.name', resource_id)"
    source, values = source_of(wanted)
    sql = f"""
        SELECT {value} AS value, arg_max({label}, occurred_us) AS label, count(*) AS count,
               make_timestamp(min(occurred_us)) AS start_time, make_timestamp(max(occurred_us)) AS end_time
        FROM {source} GROUP BY {value} ORDER BY count DESC, label LIMIT {BUCKETS}"""
    rows = database.records(sql, values)
    return [{**row, "start_time": when(row["start_time"]), "end_time": when(row["end_time"])} for row in rows]
