"""Which runs of a deployment's schedules there should be. Reference: server services/scheduler, concepts/schedules.

Runs are made ahead of time: a few, and for a while. Dates that passed while nobody looked are not made up for; runs
that were made before and have not started stay due.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from penstock._rules.schedule_dates import dates
from penstock._values.schedules import Schedule


@dataclass(frozen=True, slots=True)
class Horizon:
    """How many runs are made ahead: at least `min_runs` and as far as `min_time`, at most `max_runs` and `max_time`."""

    min_runs: int = 3
    max_runs: int = 100
    min_time: timedelta = timedelta(hours=1)
    max_time: timedelta = timedelta(days=100)


def is_short(planned: Iterable[datetime], now: datetime, horizon: Horizon) -> bool:
    """Say whether a deployment has too few runs ahead.

    Args:
        planned: when the runs it has are due.
        now: the present.
        horizon: how many there should be.
    """
    ahead = [moment for moment in planned if moment > now]
    return len(ahead) < horizon.min_runs or max(ahead) < now + horizon.min_time


def coming(
    schedule: Schedule, now: datetime, horizon: Horizon, *, at_most: int | None = None
) -> list[datetime]:
    """Return when the next runs of a schedule are due.

    Args:
        schedule: which one.
        now: the present; what was due before is left out.
        horizon: how many are wanted; a schedule so rare that none falls into its `max_time` has none.
        at_most: instead of the `max_runs` of the horizon.
    """
    most = horizon.max_runs if at_most is None else min(at_most, horizon.max_runs)
    found: list[datetime] = []
    for moment in dates(schedule, now, now + horizon.max_time):
        if len(found) >= most:
            break
        if len(found) >= horizon.min_runs and found[-1] >= now + horizon.min_time:
            break
        found.append(moment)
    return found


def run_key(deployment_id: str, schedule_id: str, moment: datetime) -> str:
    """Return what tells the run of a schedule at a moment from all others, so that it is made once."""
    from datetime import UTC

    return f"scheduled {deployment_id} {schedule_id} {moment.astimezone(UTC).isoformat()}"
