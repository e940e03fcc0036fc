"""When a schedule is due. Pure: the same schedule and the same window give the same dates, whoever asks and when.

Two clocks. Intervals under a day count seconds, so their wall-clock time moves with daylight saving. Longer intervals,
cron and calendar rules follow the wall clock of their time zone: a time that a spring change skips comes as many
minutes later as were skipped, one that an autumn change has twice comes once, at its first.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from penstock._values.schedules import CronSchedule, IntervalSchedule, RRuleSchedule, Schedule

_DAY = timedelta(days=1)
#: A local time stands for a moment at most so far from where its digits would be in another offset.
_CHANGE = timedelta(hours=3)
#: Where calendar rules without DTSTART begin.
_BEGIN = datetime(2020, 1, 1)


def dates(schedule: Schedule, start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the moments of a schedule from `start` to `end`, both included, in order.

    Args:
        schedule: which one.
        start: with a time zone, or on the clock of the schedule's.
        end: likewise.
    """
    zone = _zone(schedule)
    first, last = _aware(start, zone), _aware(end, zone)
    before: datetime | None = None
    for moment in _moments(schedule, zone, first, last):
        # Compared in UTC: two times of one zone are compared by their digits, and some digits come twice.
        plain = moment.astimezone(UTC)
        if plain > last:
            return
        if plain >= first and (before is None or plain > before):
            yield moment
            before = plain


def _moments(schedule: Schedule, zone: tzinfo, first: datetime, last: datetime) -> Iterator[datetime]:
    if isinstance(schedule, IntervalSchedule):
        return _by_interval(schedule, zone, first)
    naive = (first.astimezone(zone) - _CHANGE).replace(tzinfo=None, microsecond=0)
    until = (last.astimezone(zone) + _CHANGE).replace(tzinfo=None)
    local = (
        _by_cron(schedule, naive) if isinstance(schedule, CronSchedule) else _by_rule(schedule, naive, until)
    )
    return (on_the_clock(moment, zone) for moment in local)


def _by_interval(schedule: IntervalSchedule, zone: tzinfo, first: datetime) -> Iterator[datetime]:
    anchor = schedule.anchor_date.astimezone(zone)
    days, rest = divmod(schedule.interval, _DAY)
    number = (first - anchor) // schedule.interval - 1
    while True:
        local = anchor.replace(tzinfo=None) + number * days * _DAY
        whole_days = on_the_clock(local, zone, anchor.fold) if days else anchor
        yield (whole_days.astimezone(UTC) + number * rest).astimezone(zone)
        number += 1


def _by_cron(schedule: CronSchedule, naive: datetime) -> Iterator[datetime]:
    from croniter import croniter

    found = croniter(schedule.cron, naive - timedelta(seconds=1), day_or=schedule.day_or)
    while True:
        moment: datetime = found.get_next(datetime)
        yield moment


def _by_rule(schedule: RRuleSchedule, naive: datetime, until: datetime) -> Iterator[datetime]:
    from dateutil.rrule import rrulestr

    rule = rrulestr(schedule.rrule, dtstart=_BEGIN, ignoretz=True)
    for moment in rule.xafter(naive, inc=True):
        if moment > until:
            return
        yield moment


def on_the_clock(local: datetime, zone: tzinfo, fold: int = 0) -> datetime:
    """Return the moment when a clock in `zone` shows `local`.

    Args:
        local: without a time zone.
        zone: where the clock is.
        fold: 1 for the second of two times that are shown twice.
    """
    return local.replace(tzinfo=zone, fold=fold).astimezone(UTC).astimezone(zone)


def _zone(schedule: Schedule) -> tzinfo:
    if schedule.timezone is not None:
        return ZoneInfo(schedule.timezone)
    anchor = schedule.anchor_date.tzinfo if isinstance(schedule, IntervalSchedule) else None
    return anchor or UTC


def _aware(moment: datetime, zone: tzinfo) -> datetime:
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).astimezone(UTC)
