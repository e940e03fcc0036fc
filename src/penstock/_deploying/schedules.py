"""Schedules as deployments are given them. Reference page: api-ref prefect-schedules."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from penstock._values.schedules import read_schedule
from penstock._values.states import utc_now

_SLUG = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When a deployment runs; made by `Cron`, `Interval` or `RRule`.

    Raises:
        ValueError: none or several of interval, cron and rrule are given, or one is not valid.
    """

    interval: timedelta | None = None
    cron: str | None = None
    rrule: str | None = None
    timezone: str | None = None
    anchor_date: datetime = field(default_factory=utc_now)
    day_or: bool = True
    active: bool = True
    parameters: dict[str, Any] = field(default_factory=dict)
    slug: str | None = None

    def __post_init__(self) -> None:
        given = [name for name in ("interval", "cron", "rrule") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"A schedule has exactly one of interval, cron and rrule; got {', '.join(given) or 'none'}."
            )
        if self.slug is not None and not _SLUG.match(self.slug):
            raise ValueError(f"A slug has lower-case letters, digits and dashes only; got {self.slug!r}.")
        self.to_body()

    def to_body(self) -> dict[str, Any]:
        """Return the schedule as the API takes it."""
        if self.cron is not None:
            body: dict[str, Any] = {"cron": self.cron, "day_or": self.day_or}
        elif self.rrule is not None:
            body = {"rrule": self.rrule}
        else:
            assert self.interval is not None
            body = {"interval": self.interval.total_seconds(), "anchor_date": self.anchor_date.isoformat()}
        if self.timezone is not None:
            body["timezone"] = self.timezone
        made = {"schedule": read_schedule(body).model_dump(mode="json"), "active": self.active}
        more = {"parameters": self.parameters or None, "slug": self.slug}
        return made | {name: value for name, value in more.items() if value is not None}


def Cron(  # noqa: N802  # documented names
    cron: str,
    /,
    timezone: str | None = None,
    day_or: bool = True,
    active: bool = True,
    parameters: dict[str, Any] | None = None,
    slug: str | None = None,
) -> Schedule:
    """Return a schedule by the five fields of cron.

    Args:
        cron: minute, hour, day of month, month, day of week.
        timezone: whose clock counts; UTC by default.
        day_or: whether one of day of month and day of week is enough, where both are given.
        active: whether it makes runs.
        parameters: for its runs, on top of the deployment's.
        slug: a name of its own within the deployment.

    Raises:
        ValueError: the expression, the time zone or the slug is not valid.

    Example:
        >>> Cron("0 8 * * 1", timezone="America/New_York").cron
        '0 8 * * 1'
    """
    common = {"timezone": timezone, "active": active, "parameters": parameters or {}, "slug": slug}
    return Schedule(cron=cron, day_or=day_or, **common)  # type: ignore[arg-type]  # checked by the names


def Interval(  # noqa: N802
    interval: timedelta | float,
    /,
    anchor_date: datetime | None = None,
    timezone: str | None = None,
    active: bool = True,
    parameters: dict[str, Any] | None = None,
    slug: str | None = None,
) -> Schedule:
    """Return a schedule for every so often; see `Cron` for the other arguments.

    Args:
        interval: how often; a number is seconds.
        anchor_date: one moment of the series; now by default.

    Example:
        >>> Interval(60).interval
        datetime.timedelta(seconds=60)
    """
    span = interval if isinstance(interval, timedelta) else timedelta(seconds=interval)
    anchor = anchor_date or utc_now()
    common = {"timezone": timezone, "active": active, "parameters": parameters or {}, "slug": slug}
    return Schedule(interval=span, anchor_date=anchor, **common)  # type: ignore[arg-type]


def RRule(  # noqa: N802
    rrule: str,
    /,
    timezone: str | None = None,
    active: bool = True,
    parameters: dict[str, Any] | None = None,
    slug: str | None = None,
) -> Schedule:
    """Return a schedule by a calendar rule (RFC 5545, without COUNT); see `Cron` for the other arguments.

    Example:
        >>> RRule("RRULE:FREQ=MONTHLY;BYDAY=2FR").rrule
        'RRULE:FREQ=MONTHLY;BYDAY=2FR'
    """
    return Schedule(rrule=rrule, timezone=timezone, active=active, parameters=parameters or {}, slug=slug)


def schedules_of(
    interval: Iterable[float | timedelta] | float | timedelta | None = None,
    cron: Iterable[str] | str | None = None,
    rrule: Iterable[str] | str | None = None,
    schedule: Schedule | None = None,
    schedules: Iterable[Schedule | dict[str, Any]] | None = None,
) -> list[Schedule]:
    """Return the schedules that the arguments of `serve` and `to_deployment` mean.

    Raises:
        ValueError: several of the arguments are given.
    """
    kinds = {"interval": interval, "cron": cron, "rrule": rrule, "schedule": schedule, "schedules": schedules}
    given = [name for name, value in kinds.items() if value is not None]
    if len(given) > 1:
        raise ValueError(
            f"Only one of interval, cron, rrule, schedule and schedules can be given; got {', '.join(given)}."
        )
    if interval is not None:
        many = [interval] if isinstance(interval, (int, float, timedelta)) else interval
        return [Interval(one) for one in many]
    if cron is not None:
        return [Cron(one) for one in ([cron] if isinstance(cron, str) else cron)]
    if rrule is not None:
        return [RRule(one) for one in ([rrule] if isinstance(rrule, str) else rrule)]
    if schedule is not None:
        return [schedule]
    return [one if isinstance(one, Schedule) else Schedule(**one) for one in schedules or ()]
