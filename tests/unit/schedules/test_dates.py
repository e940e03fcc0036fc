"""When schedules are due: whole days across clock changes, anchors, and how many runs are made ahead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from penstock._rules.schedule_dates import dates
from penstock._rules.scheduling import Horizon, coming, is_short, run_key
from penstock._values.schedules import CronSchedule, IntervalSchedule, RRuleSchedule, read_schedule

NEW_YORK = "America/New_York"
FAR = timedelta(days=4000)


def at(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def first(schedule, start: str, n: int) -> list[str]:
    begin = at(start)
    return [moment.isoformat(timespec="minutes") for moment in islice(dates(schedule, begin, begin + FAR), n)]


def interval(anchor: str, timezone: str | None = None, **length: float) -> IntervalSchedule:
    return IntervalSchedule(interval=timedelta(**length), anchor_date=at(anchor), timezone=timezone)


CASES = {
    "an interval counts from its anchor, whenever it is asked": (
        interval("2026-01-01T00:10", minutes=15),
        "2026-03-01T10:01",
        ["2026-03-01T10:10+00:00", "2026-03-01T10:25+00:00"],
    ),
    "an anchor in the future counts backwards": (
        interval("2030-01-01T00:05", hours=1),
        "2026-03-01T10:01",
        ["2026-03-01T10:05+00:00", "2026-03-01T11:05+00:00"],
    ),
    "the start is included": (
        interval("2026-01-01T00:00", hours=1),
        "2026-03-01T10:00",
        ["2026-03-01T10:00+00:00"],
    ),
    "a daily interval keeps its wall-clock time in spring": (
        interval("2026-03-01T09:00-05:00", NEW_YORK, days=1),
        "2026-03-07T08:00-05:00",
        ["2026-03-07T09:00-05:00", "2026-03-08T09:00-04:00", "2026-03-09T09:00-04:00"],
    ),
    "an hourly interval keeps its distance in spring": (
        interval("2026-03-01T00:00-05:00", NEW_YORK, hours=1),
        "2026-03-08T01:00-05:00",
        ["2026-03-08T01:00-05:00", "2026-03-08T03:00-04:00", "2026-03-08T04:00-04:00"],
    ),
    "an hourly interval has the hour that comes twice twice": (
        interval("2026-03-01T00:00-05:00", NEW_YORK, hours=1),
        "2026-11-01T00:00-04:00",
        [
            "2026-11-01T00:00-04:00",
            "2026-11-01T01:00-04:00",
            "2026-11-01T01:00-05:00",
            "2026-11-01T02:00-05:00",
        ],
    ),
    "days and hours: the days by the clock, the hours by the second": (
        interval("2026-03-07T09:00-05:00", NEW_YORK, days=1, hours=2),
        "2026-03-07T09:00-05:00",
        ["2026-03-07T09:00-05:00", "2026-03-08T11:00-04:00", "2026-03-09T13:00-04:00"],
    ),
    "cron follows the clock of its zone": (
        CronSchedule(cron="0 9 * * *", timezone=NEW_YORK),
        "2026-03-07T15:00",
        ["2026-03-08T09:00-04:00", "2026-03-09T09:00-04:00"],
    ),
    "a time that spring skips comes an hour later": (
        CronSchedule(cron="30 2 * * *", timezone=NEW_YORK),
        "2026-03-08T00:00-05:00",
        ["2026-03-08T03:30-04:00", "2026-03-09T02:30-04:00"],
    ),
    "an hourly cron has each hour of the clock once in autumn": (
        CronSchedule(cron="0 * * * *", timezone=NEW_YORK),
        "2026-11-01T00:00-04:00",
        ["2026-11-01T00:00-04:00", "2026-11-01T01:00-04:00", "2026-11-01T02:00-05:00"],
    ),
    "days that a month does not have are left out": (
        CronSchedule(cron="0 0 31 * *"),
        "2026-01-15T00:00",
        ["2026-01-31T00:00+00:00", "2026-03-31T00:00+00:00", "2026-05-31T00:00+00:00"],
    ),
    "day of month or day of week": (
        CronSchedule(cron="0 0 13 * 5"),
        "2026-02-01T00:00",
        ["2026-02-06T00:00+00:00", "2026-02-13T00:00+00:00", "2026-02-20T00:00+00:00"],
    ),
    "day of month and day of week": (
        CronSchedule(cron="0 0 13 * 5", day_or=False),
        "2026-02-01T00:00",
        ["2026-02-13T00:00+00:00", "2026-03-13T00:00+00:00", "2026-11-13T00:00+00:00"],
    ),
    "an alias": (CronSchedule(cron="@hourly"), "2026-02-01T00:30", ["2026-02-01T01:00+00:00"]),
    "a second that has begun is over": (
        CronSchedule(cron="* * * * *"),
        "2026-02-01T09:00:00.500",
        ["2026-02-01T09:01+00:00"],
    ),
    "a calendar rule follows the clock of its zone": (
        RRuleSchedule(rrule="RRULE:FREQ=DAILY;BYHOUR=9;BYMINUTE=0;BYSECOND=0", timezone=NEW_YORK),
        "2026-03-07T15:00",
        ["2026-03-08T09:00-04:00", "2026-03-09T09:00-04:00"],
    ),
    "the second Friday of a month": (
        RRuleSchedule(rrule="RRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=2FR", timezone="America/Chicago"),
        "2026-01-01T00:00",
        ["2026-01-09T00:00-06:00", "2026-02-13T00:00-06:00"],
    ),
    "a rule set with an exception": (
        RRuleSchedule(rrule="DTSTART:20260101T080000\nRRULE:FREQ=DAILY\nEXDATE:20260102T080000"),
        "2026-01-01T00:00",
        ["2026-01-01T08:00+00:00", "2026-01-03T08:00+00:00"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_next_dates(name: str) -> None:
    schedule, start, expected = CASES[name]
    assert first(schedule, start, len(expected)) == expected


def test_a_window_without_zone_is_read_on_the_schedules_clock() -> None:
    schedule = CronSchedule(cron="0 9 * * *", timezone=NEW_YORK)
    found = list(dates(schedule, datetime(2026, 1, 1, 8), datetime(2026, 1, 2, 8)))
    assert [moment.isoformat() for moment in found] == ["2026-01-01T09:00:00-05:00"]


NOW = at("2026-03-01T10:20")
AHEAD = {
    "a minute: until an hour is covered": (CronSchedule(cron="* * * * *"), None, 61),
    "an hour: the fewest": (CronSchedule(cron="0 * * * *"), None, 3),
    "a second: the most": (interval("2026-01-01T00:00", seconds=1), None, 100),
    "a week: the fewest": (CronSchedule(cron="0 0 * * 1"), None, 3),
    "a year: none in a hundred days": (CronSchedule(cron="0 0 1 1 *"), None, 0),
    "a limit of its own": (CronSchedule(cron="* * * * *"), 2, 2),
}


@pytest.mark.parametrize("name", AHEAD)
def test_how_many_runs_are_made_ahead(name: str) -> None:
    schedule, at_most, count = AHEAD[name]
    assert len(coming(schedule, NOW, Horizon(), at_most=at_most)) == count


def test_what_was_missed_is_not_made_up_for() -> None:
    found = coming(CronSchedule(cron="0 * * * *"), NOW, Horizon())
    assert min(found) == at("2026-03-01T11:00")


def test_a_deployment_is_short_of_runs_by_number_and_by_time() -> None:
    hours = [NOW + timedelta(hours=n) for n in range(1, 4)]
    assert not is_short(hours, NOW, Horizon())
    assert is_short(hours[:2], NOW, Horizon())
    assert is_short([NOW + timedelta(minutes=n) for n in range(1, 10)], NOW, Horizon())
    assert is_short([], NOW, Horizon())


def test_the_same_date_has_the_same_key_in_every_zone() -> None:
    there = CronSchedule(cron="0 9 * * *", timezone=NEW_YORK)
    moment = next(dates(there, NOW, NOW + FAR))
    assert run_key("d", "s", moment) == run_key("d", "s", moment.astimezone(UTC))
    assert run_key("d", "s", moment) != run_key("d", "s2", moment)


REFUSED = {
    "no length": ({"interval": 0}, "longer than 0"),
    "no cron": ({"cron": "every day"}, "Invalid cron"),
    "six fields": ({"cron": "0 0 0 * * *"}, "Five fields"),
    "random": ({"cron": "R * * * *"}, "cron expression"),
    "count": ({"rrule": "FREQ=DAILY;COUNT=3"}, "COUNT"),
    "no rule": ({"rrule": "FREQ=SOMETIMES"}, "Invalid calendar rule"),
    "too long": ({"rrule": "RRULE:FREQ=DAILY;BYHOUR=" + "1," * 3300 + "1"}, "6500"),
    "nowhere": ({"cron": "0 0 * * *", "timezone": "Mars/Olympus"}, "no time zone"),
    "two kinds": ({"cron": "0 0 * * *", "interval": 5}, "exactly one"),
    "a field of another kind": ({"cron": "0 0 * * *", "anchor_date": "2026-01-01T00:00:00Z"}, "anchor_date"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_schedule_is_refused(name: str) -> None:
    body, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        read_schedule(body)


@pytest.mark.parametrize(
    "schedule",
    [
        interval("2026-01-01T00:00", NEW_YORK, hours=1),
        CronSchedule(cron="0 9 * * 1-5"),
        RRuleSchedule(rrule="FREQ=DAILY"),
    ],
)
def test_a_schedule_survives_json(schedule) -> None:
    assert read_schedule(schedule.model_dump(mode="json")) == schedule
