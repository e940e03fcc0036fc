"""When deployments run. Reference page: api-ref/python/prefect-schedules."""

from __future__ import annotations

from penstock._deploying.schedules import Cron as Cron
from penstock._deploying.schedules import Interval as Interval
from penstock._deploying.schedules import RRule as RRule
from penstock._deploying.schedules import Schedule as Schedule

__all__ = ["Cron", "Interval", "RRule", "Schedule"]
