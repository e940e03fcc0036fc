"""Makes the coming runs of active schedules: one thread, woken by changes of deployments and once a minute."""

from __future__ import annotations

import threading
import traceback
from datetime import UTC, datetime
from typing import Any

from penstock._rules.scheduling import Horizon, coming, is_short
from penstock._store import deployments
from penstock._store.core import Core
from penstock._store.deployment_runs import plan
from penstock._values.schedules import read_schedule
from penstock.settings import get_current_settings

#: A deployment with its schedules, and when its automatic runs are due.
Look = tuple[dict[str, Any], list[datetime]]


class Scheduler:
    """Looks after the schedules of all deployments. `round` may also be called by others."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._news = threading.Event()
        self._stopped = False
        settings = get_current_settings()
        self._enabled = bool(settings.server_services_scheduler_enabled)
        self._every = float(settings.server_services_scheduler_loop_seconds)
        self._horizon = Horizon(
            settings.server_services_scheduler_min_runs,
            settings.server_services_scheduler_max_runs,
            settings.server_services_scheduler_min_scheduled_time,
            settings.server_services_scheduler_max_scheduled_time,
        )
        self._thread = threading.Thread(target=self._run, name="penstock-scheduler", daemon=True)

    def start(self) -> None:
        """Begin, unless the settings say no."""
        if self._enabled:
            self._core.watching.watch(deployments.KIND, self._news.set)
            self._thread.start()

    def stop(self) -> None:
        """End the thread after the round it is in."""
        self._stopped = True
        self._news.set()
        if self._thread.is_alive():
            self._thread.join()

    def round(self, now: datetime) -> int:
        """Make the runs that are missing; returns how many that were.

        Dates are computed on this thread, not on the writer's: some calendar rules take their time.
        """
        made = 0
        for deployment, planned in self._core.call(_look).result():
            if not is_short(planned, now, self._horizon):
                continue
            for schedule in deployment["schedules"]:
                if schedule["active"]:
                    made += self._plan(deployment["id"], schedule, now)
        return made

    def _plan(self, deployment_id: str, schedule: dict[str, Any], now: datetime) -> int:
        moments = coming(
            read_schedule(schedule["schedule"]), now, self._horizon, at_most=schedule["max_scheduled_runs"]
        )
        return self._core.call(lambda core: plan(core, deployment_id, schedule["id"], moments)).result()

    def _run(self) -> None:
        while not self._stopped:
            self._news.clear()
            try:
                self.round(datetime.now(UTC))
            except Exception:
                traceback.print_exc()
            self._news.wait(self._every)


def _look(core: Core) -> list[Look]:
    return [
        (dict(one), planned_of(core, one["id"]))
        for one in core.documents.of(deployments.KIND).values()
        if not one["paused"] and any(schedule["active"] for schedule in one["schedules"])
    ]


def planned_of(core: Core, deployment_id: str) -> list[datetime]:
    """Return when the automatic runs of a deployment that have not begun are due."""
    return [
        deployments.start_of(run)
        for run in core.runs.values()
        if run.body.get("deployment_id") == deployment_id
        and run.body.get("auto_scheduled")
        and run.state is not None
        and run.state.type.value == "SCHEDULED"
    ]
