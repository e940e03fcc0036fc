"""The runner: waits for due runs of its deployments and starts each in a process of its own.

Reference page: api-ref/python/prefect-runner-runner. The main thread waits and hears signals; one thread asks the store
for due runs by long poll, one a run waits for its process. A run that was taken and not begun goes back to the store
when the runner dies; one that has begun goes on without it.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from penstock._deploying.children import Child, clock
from penstock._deploying.deployment import RunnerDeployment
from penstock._deploying.heartbeats import beat
from penstock._engine.definitions import check_name
from penstock._engine.log_setup import setup_logging
from penstock._engine.signals import stop_signals
from penstock._ids import short_hex
from penstock._link.client import path_of
from penstock._link.session import Session, current_session
from penstock._values.annotations import NotSet
from penstock._values.awaited import awaitable_too, call_is_awaited
from penstock.exceptions import PenstockException
from penstock.settings import get_current_settings

#: How often runs that are to be cancelled are looked for, in seconds.
_LOOK = 2.0
#: The pause after the store could not be asked, in seconds.
_AWAY = 1.0
_logger = logging.getLogger("penstock.runner")


class Runner:
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
        self.limit: int | None = settings.runner_process_limit if limit is NotSet else limit  # type: ignore[assignment]  # what is left is a number or None
        if self.limit is not None and self.limit < 1:
            raise ValueError(f"limit must be at least 1, or None for no limit; got {self.limit}.")
        self._query = float(settings.runner_poll_frequency if query_seconds is None else query_seconds)
        self._prefetch = float(prefetch_seconds)
        self._heartbeat = heartbeat
        self._deployments: dict[str, str | None] = {}
        self._children: dict[str, Child | None] = {}
        self._changed = threading.Condition()
        self._asker = f"{self.name} {short_hex(8)}"
        self._stopping = threading.Event()

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
    def add_flow(self, flow: Any, name: str | None = None, **options: Any) -> UUID:
        """Record a deployment of a flow and look after its runs; see `Flow.to_deployment` for the options."""
        return self.add_deployment(RunnerDeployment.from_flow(flow, name or flow.name, **options))

    def has_slots_available(self) -> bool:
        """Return whether another run may begin."""
        return self.limit is None or len(self._children) < self.limit

    def start(self, run_once: bool = False, webserver: bool | None = None) -> Any:
        """Run what is due until the runner is stopped; what runs then is cancelled.

        May be awaited; then it works in a thread, and the loop goes on.

        Args:
            run_once: return when what is due now has ended.
            webserver: not available yet.
        """
        return asyncio.to_thread(self._work, run_once) if call_is_awaited() else self._work(run_once)

    @awaitable_too
    def stop(self) -> None:
        """Take no more runs; `start` cancels what runs and returns."""
        self._stopping.set()

    def handle_sigterm(self, signum: int, frame: object) -> None:
        """Stop in good order; a second signal ends the process."""
        if self._stopping.is_set():
            signal.signal(signum, signal.SIG_DFL)
            signal.raise_signal(signum)
        self._stopping.set()

    def execute_flow_run(
        self,
        flow_run_id: UUID | str,
        entrypoint: str | None = None,
        command: str | None = None,
        cwd: Path | str | None = None,
        env: Mapping[str, str | None] | None = None,
        stream_output: bool = True,
    ) -> Any:
        """Run one scheduled flow run in a process of its own and wait for it; may be awaited.

        Args:
            flow_run_id: which run.
            entrypoint: of its flow; that of its deployment by default.
            command: accepted for compatibility.
            cwd: where the process works; the deployment's folder by default.
            env: variables on top of this process's.
            stream_output: show what it prints.

        Raises:
            RuntimeError: the run is not scheduled, or somebody else has it.
        """

        def execute() -> None:
            session, run_id = current_session(), str(flow_run_id)
            found = _take(session, run_id)
            if found is None:
                raise RuntimeError(
                    f"Flow run {run_id} cannot be executed: it is not scheduled, or another process has it."
                )
            folder = cwd if cwd is not None else _folder_of(session, found["deployment_id"])
            Child(session, run_id, entrypoint, folder, env, quiet=not stream_output).wait()

        return asyncio.to_thread(execute) if call_is_awaited() else execute()

    def cancel_all(self) -> None:
        """Ask for all its runs to be cancelled, and wait until their processes have ended."""
        with self._changed:
            running = [child for child in self._children.values() if child is not None]
        for child in running:
            child.cancel()
        while True:
            with self._changed:
                left = [child for child in self._children.values() if child is not None]
                if not self._children:
                    return
                self._changed.wait(0.5)
            for child in left:
                child.look_after_cancelling(clock())

    def _work(self, run_once: bool) -> None:
        setup_logging()
        session = current_session()
        try:
            if run_once:
                self._begin_all(session, self._due(session, 0.0)["runs"])
                with self._changed:
                    self._changed.wait_for(lambda: not self._children)
                return
            helpers = [
                threading.Thread(target=work, args=(session,), name=f"penstock-runner-{name}", daemon=True)
                for name, work in (("ask", self._ask), ("care", self._care))
            ]
            with stop_signals(self.handle_sigterm):
                for helper in helpers:
                    helper.start()
                self._stopping.wait()
                if self.pause_on_shutdown:
                    self._pause(session)
                self._leave(session)
                self.cancel_all()
                for helper in helpers:
                    helper.join()
        finally:
            self._stopping.set()

    def _ask(self, session: Session) -> None:
        """Ask for due runs until the runner stops."""
        timeout = self._query
        while self._wait_for_slot():
            try:
                found = self._due(session, timeout)
                self._begin_all(session, found["runs"])
            except PenstockException as error:
                _logger.warning("The store could not be asked for runs, trying again: %s", error)
                self._stopping.wait(_AWAY)
                continue
            soon = found["next"]
            timeout = self._query if soon is None else max(0.0, min(self._query, soon))

    def _wait_for_slot(self) -> bool:
        with self._changed:
            while not self._stopping.is_set() and not self.has_slots_available():
                self._changed.wait(0.5)
        return not self._stopping.is_set()

    def _due(self, session: Session, timeout: float) -> dict[str, Any]:
        body = {
            "deployment_ids": list(self._deployments),
            "ahead": self._prefetch,
            "timeout": timeout,
            "asker": self._asker,
        }
        found: dict[str, Any] = session.store.request("POST", "/link/due", body, timeout=timeout + 30)
        return found

    def _begin_all(self, session: Session, run_ids: list[str]) -> None:
        for run_id in run_ids:
            if self._stopping.is_set() or not self.has_slots_available():
                return
            found = _take(session, run_id)
            if found is None:
                continue  # somebody else was quicker
            with self._changed:
                self._children[run_id] = None
            folder = self._deployments.get(str(found["deployment_id"]))
            name = f"penstock-run-{run_id}"
            threading.Thread(target=self._run, args=(session, run_id, folder), name=name, daemon=True).start()

    def _run(self, session: Session, run_id: str, folder: str | None) -> None:
        try:
            child = Child(session, run_id, folder=folder)
            with self._changed:
                self._children[run_id] = child
            _logger.info("Flow run %s runs in process %d.", run_id, child.process.pid)
            status = child.wait()
            _logger.info("The process of flow run %s ended with status %d.", run_id, status)
        except Exception:
            _logger.exception("Flow run %s could not be run", run_id)
        finally:
            with self._changed:
                self._children.pop(run_id, None)
                self._changed.notify_all()

    def _care(self, session: Session) -> None:
        """Look after what runs: cancellations that are not heeded, and signs of life."""
        last_beat = clock()
        while not self._stopping.wait(_LOOK):
            with self._changed:
                running = {run_id: child for run_id, child in self._children.items() if child is not None}
            if not running:
                continue
            try:
                for run_id in _cancelling(session, list(running)):
                    running[run_id].look_after_cancelling(clock())
            except PenstockException as error:
                _logger.warning("The store could not be asked for cancellations: %s", error)
            if self._heartbeat is not None and clock() - last_beat >= self._heartbeat:
                last_beat = clock()
                for run_id in running:
                    beat(session, run_id)

    def _leave(self, session: Session) -> None:
        """End the question that the store keeps open."""
        try:
            session.store.request("POST", "/link/release", {"worker": self._asker})
        except PenstockException as error:
            _logger.warning("The store could not be told that the runner stops: %s", error)

    def _pause(self, session: Session) -> None:
        for identity in self._deployments:
            try:
                session.store.request("POST", path_of("api", "deployments", identity, "pause_deployment"), {})
            except PenstockException as error:
                _logger.warning("Deployment %s could not be paused: %s", identity, error)


def _take(session: Session, run_id: str) -> dict[str, Any] | None:
    body = {"flow_run_id": run_id, "client": session.client}
    found = session.store.request("POST", "/link/take", body)["run"]
    return dict(found) if found is not None else None


def _folder_of(session: Session, deployment_id: str | None) -> str | None:
    if deployment_id is None:
        return None
    found = session.store.request("GET", path_of("api", "deployments", deployment_id))
    return found["path"]  # type: ignore[no-any-return]


def _cancelling(session: Session, run_ids: list[str]) -> list[str]:
    which = {"id": {"any_": run_ids}, "state": {"type": {"any_": ["CANCELLING"]}}}
    found = session.store.request("POST", "/api/flow_runs/filter", {"flow_runs": which})
    return [str(one["id"]) for one in found]
