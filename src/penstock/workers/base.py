"""Workers: what they have in common. Reference page: api-ref/python/prefect-workers-base.

A worker asks the store for the due runs of its pool and starts each by its own means. A kind of worker is a class with
a `type` and a method `run`.
"""

from __future__ import annotations

import asyncio
import builtins
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from pydantic import BaseModel

from penstock._deploying.run_loop import RunLoop
from penstock._engine.definitions import check_name
from penstock._engine.flow_run import RUNNER_VARIABLE
from penstock._ids import new_id
from penstock._infrastructure.submission import Call, Submitted, submit
from penstock._link.session import current_session
from penstock._values.runs import FlowRun
from penstock.settings import get_current_settings
from penstock.workers._configuration import BaseJobConfiguration as BaseJobConfiguration
from penstock.workers._configuration import BaseVariables as BaseVariables
from penstock.workers._configuration import template_of
from penstock.workers._pool import Pool, PoolLoop

if TYPE_CHECKING:
    from penstock._engine.stored_futures import PenstockFlowRunFuture
    from penstock._flow import Flow
    from penstock._link.session import Session

C = TypeVar("C", bound=BaseJobConfiguration)
V = TypeVar("V", bound=BaseModel)
Ended = TypeVar("Ended", bound="BaseWorkerResult")
_logger = logging.getLogger("penstock.workers")


class BaseWorkerResult(BaseModel, ABC):
    """How a run that was started ended: true when its status is 0.

    Args:
        identifier: of what it was started on.
        status_code: 0 for a good end.
    """

    identifier: str
    status_code: int

    def __bool__(self) -> bool:
        return self.status_code == 0


class Started:
    """Is told by a worker that a run was started, and on what; `done` says whether it was."""

    def __init__(self, pool: Pool, run_id: Any) -> None:
        self.done = False
        self._pool = pool
        self._run_id = run_id

    def started(self, value: Any = None) -> None:
        """Note what the run is on, for who wants to end it."""
        self.done = True
        if value is not None:
            self._pool.note_infrastructure(self._run_id, str(value))


class BaseWorker(ABC, Generic[C, V, Ended]):
    """Starts the due runs of a work pool.

    Args:
        work_pool_name: which pool.
        work_queues: only runs of these queues of it.
        name: of this worker; made up by default.
        prefetch_seconds: how much ahead of its time a run is started; it begins on time.
        create_pool_if_not_found: make the pool when there is none of this name.
        limit: how many runs at a time; any number by default.
        heartbeat_interval_seconds: between signs of life.
        base_job_template: of a pool that is made.

    Raises:
        ValueError: the limit is less than 1. InvalidNameError: the name holds one of ``/ % & > <``.
    """

    type: ClassVar[str]
    job_configuration: ClassVar[builtins.type[BaseJobConfiguration]] = BaseJobConfiguration
    job_configuration_variables: ClassVar[builtins.type[BaseModel] | None] = None
    _description: ClassVar[str] = ""
    _display_name: ClassVar[str] = ""
    _documentation_url: ClassVar[str] = ""
    _logo_url: ClassVar[str] = ""

    def __init_subclass__(cls, **options: Any) -> None:
        """Let the class be found by its type."""
        super().__init_subclass__(**options)
        if isinstance(cls.__dict__.get("type"), str):
            _kinds[cls.type] = cls

    def __init__(
        self,
        work_pool_name: str,
        work_queues: list[str] | None = None,
        name: str | None = None,
        prefetch_seconds: float | None = None,
        create_pool_if_not_found: bool = True,
        limit: int | None = None,
        heartbeat_interval_seconds: float | None = None,
        *,
        base_job_template: dict[str, Any] | None = None,
    ) -> None:
        settings = get_current_settings()
        self.name = check_name(name or f"{type(self).__name__} {new_id()}", "Worker")
        self.limit = limit
        beat = (
            settings.worker_heartbeat_seconds
            if heartbeat_interval_seconds is None
            else heartbeat_interval_seconds
        )
        ahead = settings.worker_prefetch_seconds if prefetch_seconds is None else prefetch_seconds
        template = (
            base_job_template if base_job_template is not None else self.get_default_base_job_template()
        )
        self._pool = Pool(work_pool_name, self.type, template, self.name, float(beat))
        self._creates_pool = create_pool_if_not_found
        self._queues = list(work_queues or ())
        query = float(settings.worker_query_seconds)
        self._loop = PoolLoop(self._pool, self._queues, self._see_to, query, float(ahead), limit)

    @abstractmethod
    async def run(self, flow_run: FlowRun, configuration: C, task_status: Any = None) -> Ended:
        """Start a run and wait for its end.

        Args:
            flow_run: which run.
            configuration: what to start it with.
            task_status: its `started(identifier)` is called once the run has been started.
        """

    @classmethod
    def get_default_base_job_template(cls) -> dict[str, Any]:
        """Return the template of pools of this type."""
        return template_of(cls.job_configuration, cls.job_configuration_variables)

    @classmethod
    def get_description(cls) -> str:
        """Return what this type of worker does."""
        return cls._description

    @classmethod
    def get_documentation_url(cls) -> str:
        """Return where it is documented."""
        return cls._documentation_url

    @classmethod
    def get_logo_url(cls) -> str:
        """Return where its logo is."""
        return cls._logo_url

    @staticmethod
    def get_worker_class_from_type(type: str) -> builtins.type[BaseWorker[Any, Any, Any]] | None:
        """Return the class of a type of worker, None when it is not installed."""
        _load_kinds()
        return _kinds.get(type)

    @staticmethod
    def get_all_available_worker_types() -> list[str]:
        """Return the types of workers that are installed."""
        _load_kinds()
        return sorted(_kinds)

    def get_name_slug(self) -> str:
        """Return the name in lower case, with dashes."""
        return "-".join("".join(char if char.isalnum() else " " for char in self.name.lower()).split())

    def get_status(self) -> dict[str, Any]:
        """Return name, pool, queues and settings of this worker."""
        pool = self._pool.known
        return {
            "name": self.name,
            "work_pool": dict(pool) if pool is not None else self._pool.name,
            "settings": {"prefetch_seconds": self._loop.ahead, "limit": self.limit},
            "work_queues": self._queues,
        }

    @property
    def work_pool(self) -> Mapping[str, Any]:
        """The pool as the store has it, once `setup` has asked.

        Raises:
            RuntimeError: it has not.
        """
        if self._pool.known is None:
            raise RuntimeError(
                "Worker has not been set up: use `async with worker`, `start` or `setup` first."
            )
        return self._pool.known

    async def __aenter__(self) -> Self:
        await self.setup()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.teardown(*exc_info)

    async def setup(self) -> None:
        """Find the pool, or make it, and say that the worker is there.

        Raises:
            ObjectNotFound: there is no such pool, and it is not to be made.
        """
        await asyncio.to_thread(self._pool.sync, create=self._creates_pool)

    async def teardown(self, *exc_info: object) -> None:
        """Take no more runs."""
        self._loop.ask_to_stop()

    async def sync_with_backend(self) -> None:
        """Read the pool again and say that the worker is there."""
        await asyncio.to_thread(self._pool.sync, create=self._creates_pool)

    async def start(
        self, run_once: bool = False, with_healthcheck: bool = False, printer: Callable[..., None] = print
    ) -> None:
        """Start runs as they are due, until the worker is stopped; what goes on then is cancelled.

        Args:
            run_once: return when what is due now has ended.
            with_healthcheck: not available yet.
            printer: is told that the worker has begun.

        Raises:
            NotImplementedError: a health check is asked for.
        """
        if with_healthcheck:
            raise NotImplementedError("The worker's web server is not available yet.")
        try:
            await asyncio.to_thread(self.work, run_once=run_once, printer=printer)
        except asyncio.CancelledError:
            self._loop.ask_to_stop()
            raise

    def work(self, *, run_once: bool = False, printer: Callable[..., None] = print) -> None:
        """Do what `start` does in this thread; in the main thread, stop signals end it in good order."""
        self._pool.sync(create=self._creates_pool)
        if self._pool.is_paused:
            printer(
                f"Work pool {self._pool.name!r} is paused: no runs are started before it goes on "
                f"(penstock work-pool resume {self._pool.name!r})."
            )
        printer(f"Worker {self.name!r} started!")
        self._loop.work(run_once=run_once)
        printer(f"Worker {self.name!r} stopped!")

    async def submit(
        self,
        flow: Flow[..., Any],
        parameters: dict[str, Any] | None = None,
        job_variables: dict[str, Any] | None = None,
    ) -> PenstockFlowRunFuture[Any]:
        """Start a run of a flow that has no deployment, and return its future at once.

        Args:
            flow: which flow.
            parameters: arguments by name.
            job_variables: on top of the pool's defaults.

        Raises:
            SerializationError: the flow or an argument cannot be sent; nothing was recorded.
            ObjectNotFound: there is no such pool.
        """
        call = await asyncio.to_thread(Call.of, flow, (), dict(parameters or {}))
        return await asyncio.to_thread(self.begin, call, job_variables or {})

    def begin(self, call: Call, job_variables: Mapping[str, Any]) -> PenstockFlowRunFuture[Any]:
        """Start a run of a call in a thread of its own and return its future at once; see `submit`."""
        self._pool.sync(create=False, beat=False)
        session = current_session()
        made = submit(call, self._pool.name, job_variables, worker=session.client)
        thread = threading.Thread(
            target=self._see_to_submitted,
            args=(session, made),
            name=f"penstock-run-{made.run.id}",
            daemon=True,
        )
        thread.start()
        return made.future

    def _see_to_submitted(self, session: Session, made: Submitted) -> None:
        self._execute(session, made.run, None)

    def _see_to(self, session: Session, found: Mapping[str, Any], loop: RunLoop) -> None:
        """See to a run that the loop has taken."""
        flow_run = FlowRun.model_validate(self._pool.read_run(session, found["id"]))
        self._execute(session, flow_run, loop)

    def _execute(self, session: Session, flow_run: FlowRun, loop: RunLoop | None) -> None:
        status = Started(self._pool, flow_run.id)
        try:
            deployment = self._pool.deployment_of(session, flow_run)
            configuration: Any = self._pool.configuration(self.job_configuration, flow_run, deployment)
            self.prepare(configuration, session, flow_run, deployment, loop)
            result = asyncio.run(self.run(flow_run, configuration, status))
        except Exception as error:
            _logger.exception("Flow run %s could not be started", flow_run.id)
            what = "ended with an error" if status.done else "could not be started"
            self._pool.crash(session, flow_run.id, f"The run {what} by worker {self.name!r}: {error}")
            return
        self._pool.settle(session, flow_run, result.status_code)

    def prepare(
        self,
        configuration: C,
        session: Session,
        flow_run: FlowRun,
        deployment: Any,
        loop: RunLoop | None,
    ) -> None:
        """Put into a configuration what only the run has."""
        configuration.prepare_for_flow_run(flow_run, deployment, None, self._pool.known, self.name)
        configuration.env[RUNNER_VARIABLE] = session.client


_kinds: dict[str, type[BaseWorker[Any, Any, Any]]] = {}


def _load_kinds() -> None:
    """Import the kinds of workers that are installed; one that is broken must not take the others with it."""
    from importlib.metadata import entry_points

    for point in entry_points(group="penstock.collections"):
        try:
            point.load()
        except Exception as error:
            _logger.warning("Workers of %s are not available: %s", point.value, error)


__all__ = ["BaseJobConfiguration", "BaseVariables", "BaseWorker", "BaseWorkerResult"]
