"""Runs counted by time and state. Reference pages: rest-api flow-runs/flow-run-history, task-runs/task-run-history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from penstock._store.database import Database
from penstock._store.filters import Condition, invalid, to_utc
from penstock._store.live import from_us
from penstock._store.measures import LATENESS, run_time
from penstock._store.show import when

#: The most intervals of one answer; later ones are left out.
BUCKETS = 500
NAMES = ("history_start", "history_end", "history_interval", "history_interval_seconds")
_TIME = {"type": "string", "format": "date-time"}
SCHEMA = {
    "history_start": _TIME,
    "history_end": _TIME,
    "history_interval_seconds": {"type": "number", "minimum": 1},
    "history_interval": {"type": "number", "minimum": 1},
}


def history(
    database: Database, view: str, total: str, where: Condition, body: dict[str, Any], now: datetime
) -> list[dict[str, Any]]:
    """Return one entry an interval, also for intervals without runs.

    A run counts in the interval of its expected start; one that is exactly at a boundary in the later interval.

    Args:
        database: where to read.
        view: `runs` or `task_runs`.
        total: its column with the run time.
        where: which runs.
        body: the request, with `history_start`, `history_end` and the interval in seconds.
        now: the present UTC time without a zone.

    Raises:
        Refused: 422, a time or the interval is missing or not usable.
    """
    start, end = _time(body, "history_start"), _time(body, "history_end")
    length = _interval(body)
    count = min(BUCKETS, max(0, -(-(end - start) // length)))
    sql = f"""
        SELECT (epoch_us(expected_start_time) - ?) // ? AS bucket, state_type, state_name, count(*) AS count_runs,
               sum(greatest({run_time(total)}, 0)) AS run_time, sum({LATENESS}) AS lateness
        FROM {view} WHERE expected_start_time >= ?::TIMESTAMP AND expected_start_time < ?::TIMESTAMP
          AND state_type IS NOT NULL AND {where[0]}
        GROUP BY ALL ORDER BY bucket, state_type, state_name"""
    first, step = _us(start), length // timedelta(microseconds=1)
    last = from_us(first + step * count).replace(tzinfo=None) if count else start
    rows = database.records(sql, [first, step, now, now, start, last, *where[1]])
    states: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        states.setdefault(row["bucket"], []).append(
            {
                "state_type": row["state_type"],
                "state_name": row["state_name"],
                "count_runs": row["count_runs"],
                "sum_estimated_run_time": float(row["run_time"]),
                "sum_estimated_lateness": float(row["lateness"]),
            }
        )
    return [
        {
            "interval_start": when(start + length * at),
            "interval_end": when(start + length * (at + 1)),
            "states": states.get(at, []),
        }
        for at in range(count)
    ]


def _us(moment: datetime) -> int:
    return (moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _time(body: dict[str, Any], name: str) -> datetime:
    try:
        moment = to_utc(body[name])
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise _refused(name, f"a time is needed: {error}", body) from error
    if not 1 < moment.year < 9900:
        raise _refused(name, "a year between 2 and 9899 is needed", body)
    return moment


def _interval(body: dict[str, Any]) -> timedelta:
    given = body.get("history_interval_seconds", body.get("history_interval"))
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise _refused("history_interval_seconds", "a number of seconds is needed", body)
    if not 1 <= given <= 1e9:
        raise _refused("history_interval_seconds", "must be between 1 and 1e9 seconds", body)
    return timedelta(seconds=given)


def _refused(name: str, message: str, body: Any) -> Exception:
    return invalid([{"loc": ["body", name], "msg": message, "type": "value_error"}], body)
