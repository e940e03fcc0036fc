"""A worker's view of its pool: the pool itself, its runs, signs of life; and the loop that takes due runs of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from penstock._deploying.bundles import BUNDLE_VARIABLE, discard_bundle
from penstock._deploying.children import clock, propose
from penstock._deploying.run_loop import RunLoop
from penstock._link.client import path_of, store
from penstock._link.session import Session
from penstock._values.deployments import Deployment
from penstock._values.runs import FlowRun
from penstock._values.states import State, StateType
from penstock.exceptions import InfrastructureError, ObjectNotFound
from penstock.workers._configuration import BaseJobConfiguration

_logger = logging.getLogger("penstock.workers")
C = TypeVar("C", bound=BaseJobConfiguration)
SeeTo = Callable[[Session, Mapping[str, Any], RunLoop], None]


class Pool:
    """The pool of a worker.

    Args:
        name: of the pool.
        kind: type of worker, for a pool that is made.
        template: for a pool that is made, or has none.
        worker: name of the worker.
        beat_seconds: between signs of life.
    """

    def __init__(
        self, name: str, kind: str, template: dict[str, Any], worker: str, beat_seconds: float
    ) -> None:
        self.name = name
        self.known: dict[str, Any] | None = None
        self._kind = kind
        self._template = template
        self._worker = worker
        self._every = beat_seconds
        self._beat_at = -beat_seconds

    @property
    def is_paused(self) -> bool:
        """True when its runs wait."""
        return self.known is not None and bool(self.known["is_paused"])

    def sync(self, *, create: bool, beat: bool = True) -> None:
        """Read the pool, make it when there is none and it may be made, and say that the worker is there.

        Raises:
            ObjectNotFound: there is no such pool.
        """
        path = path_of("api", "work_pools", self.name)
        try:
            found = store().request("GET", path)
        except ObjectNotFound:
            if not create:
                raise
            body = {"name": self.name, "type": self._kind, "base_job_template": self._template}
            found = store().request("POST", "/api/work_pools/", body)
        if found["type"] != self._kind and self.known is None:
            _logger.warning(
                "Work pool %r is of type %r, and this worker starts runs as %r. Start one of the pool's type, or make a "
                "pool of type %r.",
                *(self.name, found["type"], self._kind, self._kind),
            )
        if not found["base_job_template"]:
            store().request("PATCH", path, {"base_job_template": self._template})
            found = {**found, "base_job_template": self._template}
        self.known = found
        if beat:
            self.beat()

    def beat(self) -> None:
        """Say that the worker is there."""
        self._beat_at = clock()
        body = {"name": self._worker, "heartbeat_interval_seconds": self._every}
        store().request("POST", path_of("api", "work_pools", self.name, "workers", "heartbeat"), body)

    def beat_if_due(self) -> None:
        """Say that the worker is there, when it is time to."""
        if clock() - self._beat_at >= self._every:
            self.beat()

    def read_run(self, session: Session, run_id: str) -> dict[str, Any]:
        """Return a run as the store has it."""
        found: dict[str, Any] = session.store.request("GET", path_of("api", "flow_runs", run_id))
        return found

    def deployment_of(self, session: Session, run: FlowRun) -> Deployment | None:
        """Return the deployment of a run; a run whose deployment is gone is cancelled.

        Raises:
            InfrastructureError: it is gone.
        """
        if run.deployment_id is None:
            return None
        try:
            found = session.store.request("GET", path_of("api", "deployments", run.deployment_id))
        except ObjectNotFound as error:
            message = f"The deployment of this run ({run.deployment_id}) is gone."
            propose(session, str(run.id), State(StateType.CANCELLED, message=message))
            raise InfrastructureError(message) from error
        return Deployment.model_validate(found)

    def configuration(self, kind: type[C], run: FlowRun, deployment: Deployment | None) -> C:
        """Return what a run is started with: the pool's template filled by its deployment and by itself."""
        from penstock.utilities.collections import deep_merge_dicts

        of_deployment = dict(deployment.job_variables or {}) if deployment is not None else {}
        values = deep_merge_dicts(of_deployment, run.job_variables or {})
        template = (self.known or {}).get("base_job_template") or self._template
        return kind.from_template_and_values(template, values)

    def note_infrastructure(self, run_id: Any, identifier: str) -> None:
        """Record what a run is on."""
        store().request("PATCH", path_of("api", "flow_runs", run_id), {"infrastructure_pid": identifier})

    def settle(self, session: Session, run: FlowRun, status: int) -> None:
        """See to it that a run has ended whose infrastructure has, and that nothing of it is left."""
        if status:
            self.crash(session, run.id, f"The infrastructure of this run ended with status {status}.")
        elif self._state(session, run.id).is_pending():
            self.crash(session, run.id, "The infrastructure of this run ended without beginning it.")
        url = ((run.job_variables or {}).get("env") or {}).get(BUNDLE_VARIABLE)
        if url is not None and self._state(session, run.id).is_final():
            discard_bundle(url)

    def crash(self, session: Session, run_id: Any, message: str) -> None:
        """Say that a run's infrastructure failed, if the run has not ended by itself."""
        state = self._state(session, run_id)
        if not state.is_final() and not state.is_scheduled() and not state.is_paused():
            propose(session, str(run_id), State(StateType.CRASHED, message=message))

    def _state(self, session: Session, run_id: Any) -> State:
        return State.from_json(self.read_run(session, str(run_id))["state"])


class PoolLoop(RunLoop):
    """Takes the due runs of a pool.

    Args:
        pool: of the worker.
        queues: only these; all of the pool's when empty.
        see_to: starts a run and waits for its end.
        query_seconds: how long the store is asked at a time.
        ahead: seconds before its time a run is taken.
        limit: how many runs at a time.
    """

    def __init__(
        self,
        pool: Pool,
        queues: list[str],
        see_to: SeeTo,
        query_seconds: float,
        ahead: float,
        limit: int | None,
    ) -> None:
        super().__init__("worker", query_seconds, ahead, None, limit)
        self.ahead = ahead
        self._pool = pool
        self._queues = queues
        self._see_to_run = see_to

    def wanted(self) -> dict[str, Any]:
        """Return whose runs are asked for: those of the pool."""
        return {"work_pool": self._pool.name, "work_queues": self._queues}

    def execute(self, session: Session, found: dict[str, Any]) -> None:
        """Start a run and wait for its end."""
        self._see_to_run(session, found, self)

    def look(self, session: Session) -> None:
        """Say that the worker is there, when it is time to."""
        self._pool.beat_if_due()
