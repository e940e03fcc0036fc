"""Schedules as values: every so often, by cron, or by a calendar rule. Reference: concepts/schedules, api-ref
client/schemas/schedules. When they are due is in `_rules/schedule_dates.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from penstock._values.documents import Document, Readers, read_span, read_time
from penstock._values.states import utc_now

#: Characters of a calendar rule.
LONGEST_RULE = 6500


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalSchedule(Document):
    """Every so often, counted from an anchor in both directions.

    Raises:
        ValueError: the interval is not longer than nothing, or there is no such time zone.
    """

    _readers: ClassVar[Readers] = {"interval": read_span, "anchor_date": read_time}

    interval: timedelta
    anchor_date: datetime = field(default_factory=utc_now)
    timezone: str | None = None

    def __post_init__(self) -> None:
        if self.interval <= timedelta(0):
            raise ValueError(
                f"The interval of a schedule must be longer than 0 seconds; got {self.interval}."
            )
        check_timezone(self.timezone)
        if self.anchor_date.tzinfo is None:
            zone = ZoneInfo(self.timezone) if self.timezone else UTC
            object.__setattr__(self, "anchor_date", self.anchor_date.replace(tzinfo=zone))


@dataclass(frozen=True, slots=True, kw_only=True)
class CronSchedule(Document):
    """By the five fields of cron, on the clock of a time zone (UTC without one).

    Raises:
        ValueError: the expression is not valid, or there is no such time zone.
    """

    cron: str
    timezone: str | None = None
    #: Whether one of day of month and day of week is enough, where both are given.
    day_or: bool = True

    def __post_init__(self) -> None:
        from croniter import croniter

        check_timezone(self.timezone)
        fields = self.cron.split()
        plain = self.cron.startswith("@") or (len(fields) == 5 and not set("RH") & set(fields[0] + fields[1]))
        if not plain or not croniter.is_valid(self.cron):
            raise ValueError(
                f"Invalid cron expression: {self.cron!r}. Five fields are needed, such as '0 9 * * 1-5'."
            )
        if any(letter in part for part in fields for letter in ("R(", "H(")) or {"R", "H"} & set(fields):
            raise ValueError(
                f"Random and hashed fields are not supported in a cron expression: {self.cron!r}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class RRuleSchedule(Document):
    """By a calendar rule (RFC 5545), on the clock of a time zone. Without DTSTART it counts from 2020-01-01.

    Raises:
        ValueError: the rule is not valid, too long or has a COUNT, or there is no such time zone.
    """

    rrule: str
    timezone: str | None = "UTC"

    def __post_init__(self) -> None:
        check_timezone(self.timezone)
        if len(self.rrule) > LONGEST_RULE:
            raise ValueError(
                f"A calendar rule may have {LONGEST_RULE} characters; this one has {len(self.rrule)}."
            )
        if "COUNT=" in self.rrule.upper():
            raise ValueError("COUNT is not supported in the calendar rule of a schedule; use UNTIL.")
        from dateutil.rrule import rrulestr

        try:
            rrulestr(self.rrule, dtstart=datetime(2020, 1, 1), ignoretz=True)
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"Invalid calendar rule {self.rrule[:200]!r}: {error}") from error


Schedule = IntervalSchedule | CronSchedule | RRuleSchedule


def check_timezone(name: str | None) -> None:
    """Do nothing when there is such a time zone.

    Raises:
        ValueError: there is none.
    """
    if name is None:
        return
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"There is no time zone {name!r}. Use a name such as 'Europe/Berlin'.") from error


def read_schedule(body: Mapping[str, Any]) -> Schedule:
    """Return the schedule that a JSON object describes; its fields say of which kind it is.

    Raises:
        ValueError: it has fields of none or of several kinds, or values that do not fit.
    """
    kinds: dict[str, type[Schedule]] = {
        "interval": IntervalSchedule,
        "cron": CronSchedule,
        "rrule": RRuleSchedule,
    }
    named = [key for key in kinds if body.get(key) is not None]
    if len(named) != 1:
        raise ValueError("A schedule has exactly one of interval, cron and rrule.")
    kind = kinds[named[0]]
    unknown = sorted(key for key, value in body.items() if key not in kind._stored() and value is not None)
    if unknown:
        raise ValueError(f"A schedule with {named[0]} has no {', '.join(unknown)}.")
    return kind.model_validate({key: value for key, value in body.items() if value is not None})
