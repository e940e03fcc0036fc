"""The runner: waits for due runs of its deployments and starts each in a process of its own.

Reference page: api-ref/python/prefect-runner-runner.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from penstock._deploying.bundles import BUNDLE_VARIABLE, SerializedBundle, put_bundle
from penstock._deploying.children import LOOK, Child
from penstock._deploying.deployment import Often, RunnerDeployment
from penstock._deploying.run_loop import RunLoop, take
from penstock._deploying.schedules import Schedule
from penstock._engine.definitions import check_name
from penstock._engine.flow_run import RUNNER_VARIABLE
from penstock._link.client import path_of
from penstock._link.session import Session, current_session
from penstock._values.annotations import NotSet
from penstock._values.awaited import awaitable_too, call_is_awaited
from penstock.exceptions import PenstockException
from penstock.settings import get_current_settings
from penstock.types.entrypoint import EntrypointType

_logger = logging.getLogger("penstock.runner")


class Runner(RunLoop):
    """Runs what its deployments have due, each run in a process of its own.

    Args:
        name: for the log.
        query_seconds: how long the store is asked at a time; new runs are heard of at once.
        prefetch_seconds: how much ahead of its time a process is started; the run begins on time.
        heartbeat_seconds: between signs of life of each run, at least 30; none by default.
        limit: how many runs at a time; None for any number.
        pause_on_shutdown: pause the schedules of its deployments when it stops.
        webserver: not available yet.

    Raises:
        ValueError: a number is out of range. InvalidNameError: the name holds one of ``/ % & > <``.
    """

    def __init__(
        self,
        name: str | None = None,
        query_seconds: float | None = None,
        prefetch_seconds: float = 10,
        heartbeat_seconds: float | None = None,
        limit: int | type[NotSet] | None = NotSet,
        pause_on_shutdown: bool = True,
        webserver: bool = False,
    ) -> None:
        settings = get_current_settings()
        heartbeat = (
            heartbeat_seconds if heartbeat_seconds is not None else settings.runner_heartbeat_frequency
        )
        if heartbeat is not None and heartbeat < 30:
            raise ValueError(f"heartbeat_seconds must be at least 30; got {heartbeat}.")
        if webserver:
            raise NotImplementedError("The runner's web server is not available yet.")
        self.name = check_name(name or "runner", "Runner")
        self.pause_on_shutdown = pause_on_shutdown
        most: Any = settings.runner_process_limit if limit is NotSet else limit
        query = settings.runner_poll_frequency if query_seconds is None else query_seconds
        super().__init__(self.name, query, prefetch_seconds, heartbeat, most)
        self._deployments: dict[str, str | None] = {}

    @awaitable_too
    def add_deployment(self, deployment: RunnerDeployment) -> UUID:
        """Record a deployment and look after its runs from `start` on; return its id.

        Raises:
            DeploymentApplyError: the store refused it.
        """
        identity = deployment.apply()
        self._deployments[str(identity)] = deployment._path
        return identity

    @awaitable_too
    def add_flow(
        self,
        flow: Any,
        name: str | None = None,
        interval: Often = None,
        cron: Iterable[str] | str | None = None,
        rrule: Iterable[str] | str | None = None,
        paused: bool | None = None,
        schedule: Schedule | None = None,
        schedules: Iterable[Schedule | dict[str, Any]] | None = None,
        concurrency_limit: Any = None,
        parameters: dict[str, Any] | None = None,
        triggers: Any = None,
        description: str | None = None,
        tags: Iterable[str] | None = None,
        version: str | None = None,
        enforce_parameter_schema: bool = True,
        entrypoint_type: EntrypointType = EntrypointType.FILE_PATH,
    ) -> UUID:
        """Record a deployment of a flow and look after its runs; return the deployment's id.

        Args:
            flow: which one.
            name: of the deployment; the flow's by default.
            interval, cron, rrule, paused, schedule, schedules, concurrency_limit, parameters, triggers, description,
                tags, version, enforce_parameter_schema, entrypoint_type: see `RunnerDeployment.from_flow`.
        """
        given = {key: value for key, value in locals().items() if key not in ("self", "name")}
        return self.add_deployment(RunnerDeployment.from_flow(name=name or flow.name, **given))

    def start(self, run_once: bool = False, webserver: bool | None = None) -> Any:
        """Run what is due until the runner is stopped; what runs then is cancelled.

        May be awaited; then it works in a thread, and the loop goes on.

        Args:
            run_once: return when what is due now has ended.
            webserver: not available yet.
        """
        return (
            asyncio.to_thread(self.work, run_once=run_once)
            if call_is_awaited()
            else self.work(run_once=run_once)
        )

    @awaitable_too
    def stop(self) -> None:
        """Take no more runs; `start` cancels what runs and returns."""
        self.ask_to_stop()

    def execute_flow_run(
        self,
        flow_run_id: UUID | str,
        entrypoint: str | None = None,
        command: str | None = None,
        cwd: Path | str | None = None,
        env: Mapping[str, str | None] | None = None,
        task_status: Any = None,
        stream_output: bool = True,
    ) -> Any:
        """Run one scheduled flow run in a process of its own and wait for it; may be awaited.

        Args:
            flow_run_id: which run.
            entrypoint: of its flow; that of its deployment by default.
            command: accepted for compatibility.
            cwd: where the process works; the deployment's folder by default.
            env: variables on top of this process's.
            task_status: its `started(pid)` is called once the process has been started.
            stream_output: show what it prints.

        Raises:
            RuntimeError: the run is not scheduled, or somebody else has it.
        """

        def execute() -> None:
            session, run_id = current_session(), str(flow_run_id)
            found = take(session, run_id)
            if found is None:
                raise RuntimeError(
                    f"Flow run {run_id} cannot be executed: it is not scheduled, or another process has it."
                )
            folder = cwd if cwd is not None else _folder_of(session, found["deployment_id"])
            child = Child(session, run_id, entrypoint, folder, env, quiet=not stream_output)
            if task_status is not None:
                task_status.started(child.process.pid)
            child.wait()

        return asyncio.to_thread(execute) if call_is_awaited() else execute()

    def execute_bundle(
        self,
        bundle: SerializedBundle,
        cwd: Path | str | None = None,
        env: Mapping[str, str | None] | None = None,
    ) -> Any:
        """Run the flow run of a bundle in a process of its own and wait for it; may be awaited.

        Args:
            bundle: from `penstock.bundles.create_bundle_for_flow_run`.
            cwd: where the process works.
            env: variables on top of this process's.
        """

        def execute() -> None:
            session, run_id = current_session(), str(bundle["flow_run"]["id"])
            taken = take(session, run_id) is not None
            with tempfile.TemporaryDirectory(prefix="penstock-bundle-") as folder:
                more = {BUNDLE_VARIABLE: put_bundle(bundle, folder), **(env or {})}
                if not taken:
                    more[RUNNER_VARIABLE] = None  # nobody hands it over: it is of no process yet
                Child(session, run_id, folder=cwd, env=more).wait(look_every=LOOK)

        return asyncio.to_thread(execute) if call_is_awaited() else execute()

    def wanted(self) -> dict[str, Any]:
        """Return whose runs are asked for: those of its deployments."""
        return {"deployment_ids": list(self._deployments)}

    def execute(self, session: Session, found: dict[str, Any]) -> None:
        """Run a flow run in a process of its own and wait for it."""
        run_id = found["id"]
        child = Child(session, run_id, folder=self._deployments.get(str(found["deployment_id"])))
        self.started(run_id, child)
        _logger.info("Flow run %s runs in process %d.", run_id, child.process.pid)
        status = child.wait()
        _logger.info("The process of flow run %s ended with status %d.", run_id, status)

    def leave(self, session: Session) -> None:
        """Pause the schedules of its deployments, if it is to."""
        for identity in self._deployments if self.pause_on_shutdown else ():
            try:
                session.store.request("POST", path_of("api", "deployments", identity, "pause_deployment"), {})
            except PenstockException as error:
                _logger.warning("Deployment %s could not be paused: %s", identity, error)


def _folder_of(session: Session, deployment_id: str | None) -> str | None:
    if deployment_id is None:
        return None
    found = session.store.request("GET", path_of("api", "deployments", deployment_id))
    return found["path"]  # type: ignore[no-any-return]
