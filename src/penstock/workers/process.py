"""Workers that start each run in a process of its own. Reference page: api-ref/python/prefect-workers-process.

To start one: ``penstock worker start --pool my-pool --type process``.
"""

from __future__ import annotations

import asyncio
import shlex
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from pydantic import Field, PrivateAttr, field_validator

from penstock._deploying.children import LOOK, Child
from penstock._infrastructure.bound_flow import InfrastructureBoundFlow, bind_flow_to_infrastructure
from penstock.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

if TYPE_CHECKING:
    from penstock._deploying.run_loop import RunLoop
    from penstock._flow import Flow
    from penstock._link.session import Session
    from penstock._values.runs import FlowRun

P = ParamSpec("P")
R = TypeVar("R")


class ProcessJobConfiguration(BaseJobConfiguration):
    """What a process worker starts a run with.

    Args:
        stream_output: show what the run prints.
        working_dir: where the process works; the deployment's folder by default, else the worker's.
    """

    stream_output: bool = Field(default=True, description="Show what a run prints where the worker runs.")
    working_dir: Path | None = Field(default=None, description="The folder a run works in.")
    _session: Any = PrivateAttr(default=None)
    _loop: Any = PrivateAttr(default=None)

    @field_validator("working_dir")
    @classmethod
    def validate_working_dir(cls, v: Path | str | None) -> Path | None:
        """Refuse a folder that is not there.

        Raises:
            ValueError: it is not there on this machine.
        """
        if v is not None and not Path(v).is_dir():
            raise ValueError(f"The working directory {str(v)!r} is not there on {socket.gethostname()}.")
        return Path(v) if v is not None else None


class ProcessVariables(BaseVariables):
    """What users may set of a process pool."""

    stream_output: bool = Field(default=True, description="Show what a run prints where the worker runs.")
    working_dir: Path | None = Field(default=None, description="The folder a run works in.")


class ProcessWorkerResult(BaseWorkerResult):
    """How the process of a run ended: the identifier is ``host:pid``."""


class ProcessWorker(BaseWorker[ProcessJobConfiguration, ProcessVariables, ProcessWorkerResult]):
    """Starts each run in a process of its own, on the machine of the worker."""

    type = "process"
    job_configuration = ProcessJobConfiguration
    job_configuration_variables = ProcessVariables
    _description = (
        "Run flows as processes of the machine a worker runs on. Works well when first getting started."
    )
    _display_name = "Process"

    def prepare(
        self,
        configuration: ProcessJobConfiguration,
        session: Session,
        flow_run: FlowRun,
        deployment: Any,
        loop: RunLoop | None,
    ) -> None:
        """Put into a configuration what only the run has."""
        super().prepare(configuration, session, flow_run, deployment, loop)
        configuration._session, configuration._loop = session, loop
        if configuration.working_dir is None and deployment is not None and deployment.path:
            configuration.working_dir = Path(deployment.path)

    async def run(
        self, flow_run: FlowRun, configuration: ProcessJobConfiguration, task_status: Any = None
    ) -> ProcessWorkerResult:
        """Start the process of a run and wait for its end.

        Args:
            flow_run: which run.
            configuration: what to start it with.
            task_status: is told ``host:pid``.
        """
        child = Child(
            configuration._session,
            str(flow_run.id),
            folder=configuration.working_dir,
            env=configuration.env,
            command=shlex.split(configuration.command) if configuration.command else None,
            quiet=not configuration.stream_output,
        )
        if configuration._loop is not None:
            configuration._loop.started(str(flow_run.id), child)
        identifier = f"{socket.gethostname()}:{child.process.pid}"
        if task_status is not None:
            await asyncio.to_thread(task_status.started, identifier)
        status = await asyncio.to_thread(
            child.wait, look_every=None if configuration._loop is not None else LOOK
        )
        return ProcessWorkerResult(identifier=identifier, status_code=status)


def process(work_pool: str, **job_variables: Any) -> Callable[[Flow[P, R]], InfrastructureBoundFlow[P, R]]:
    """Make calls of a flow run in processes of a work pool; goes above ``@flow``.

    Args:
        work_pool: the name of the pool.
        job_variables: on top of the pool's defaults, such as ``env`` and ``working_dir``.

    Example:
        >>> @process(work_pool="local", env={"MODE": "nightly"})  # doctest: +SKIP
        ... @flow
        ... def report(day: str) -> str: ...
    """

    def bind(flow: Flow[P, R]) -> InfrastructureBoundFlow[P, R]:
        return bind_flow_to_infrastructure(flow, work_pool, ProcessWorker, job_variables)

    return bind


__all__ = [
    "ProcessJobConfiguration",
    "ProcessVariables",
    "ProcessWorker",
    "ProcessWorkerResult",
    "process",
]
