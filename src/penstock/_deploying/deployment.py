"""A deployment as it is described in Python, before the store knows it. Reference page: api-ref prefect-deployments-runner."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from penstock._deploying.entry import entrypoint_of
from penstock._deploying.schedules import Schedule, schedules_of
from penstock._engine.definitions import check_name
from penstock._engine.parameters import to_json
from penstock._link.client import store
from penstock._values.annotations import freeze
from penstock.exceptions import PenstockException
from penstock.types.entrypoint import EntrypointType

Often = Iterable[float | timedelta] | float | timedelta | None
#: Loads a flow by its entrypoint. `penstock._loading`, which knows flows, is above this package and sets it.
load_flow: Callable[[str], Any] | None = None


class DeploymentApplyError(RuntimeError):
    """The store did not take a deployment."""


@dataclass(kw_only=True)
class RunnerDeployment:
    """A flow with a name, parameters and schedules, to be served or run by others.

    Made by `Flow.to_deployment`, `from_flow` or `from_entrypoint`; nothing is recorded before `apply`.
    """

    name: str
    flow_name: str
    entrypoint: str
    description: str | None = None
    version: str | None = None
    version_type: str | None = None
    tags: list[str] = field(default_factory=list)
    schedules: list[Schedule] = field(default_factory=list)
    paused: bool | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    concurrency_limit: int | None = None
    concurrency_options: dict[str, Any] | None = None
    enforce_parameter_schema: bool = True
    work_pool_name: str | None = None
    work_queue_name: str | None = None
    job_variables: dict[str, Any] = field(default_factory=dict)
    entrypoint_type: EntrypointType = EntrypointType.FILE_PATH
    _path: str | None = None
    _parameter_openapi_schema: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.name = check_name(Path(self.name).stem if self.name.endswith(".py") else self.name, "Deployment")

    @property
    def full_name(self) -> str:
        """The name of its flow, a slash and its own."""
        return f"{self.flow_name}/{self.name}"

    @classmethod
    def from_flow(
        cls,
        flow: Any,
        name: str,
        interval: Often = None,
        cron: Iterable[str] | str | None = None,
        rrule: Iterable[str] | str | None = None,
        paused: bool | None = None,
        schedule: Schedule | None = None,
        schedules: Iterable[Schedule | dict[str, Any]] | None = None,
        concurrency_limit: Any = None,
        parameters: Mapping[str, Any] | None = None,
        triggers: Any = None,
        description: str | None = None,
        tags: Iterable[str] | None = None,
        version: str | None = None,
        version_type: str | None = None,
        enforce_parameter_schema: bool = True,
        work_pool_name: str | None = None,
        work_queue_name: str | None = None,
        job_variables: Mapping[str, Any] | None = None,
        entrypoint_type: EntrypointType | None = EntrypointType.FILE_PATH,
        _sla: Any = None,
    ) -> Self:
        """Describe a deployment of a flow.

        Args:
            flow: which one.
            name: of the deployment.
            interval: how often it runs; numbers are seconds; several make several schedules.
            cron, rrule: likewise, by cron or calendar rule.
            paused: whether its schedules make no runs; as it was, when not given.
            schedule, schedules: with time zone, parameters and slug of their own.
            concurrency_limit: how many runs at a time, everywhere; recorded.
            parameters: for its runs, where they give none.
            triggers: not available yet.
            description, version: those of the flow by default.
            tags: of its runs.
            enforce_parameter_schema: refuse runs whose parameters do not fit the flow's signature.
            work_pool_name, work_queue_name, job_variables: who runs it, and how.
            entrypoint_type: whether others find the flow by file or by module; by file when not given.

        Raises:
            ValueError: no other process could load the flow, or several kinds of schedules are given.
            NotImplementedError: triggers are given.
        """
        if triggers:
            raise NotImplementedError("Triggers of deployments are not available yet.")
        folder, kind = Path.cwd(), entrypoint_type or EntrypointType.FILE_PATH
        schema = _frozen(flow.parameters.model_dump(mode="json"), parameters or {})
        limit, options = _limit_of(concurrency_limit)
        return cls(
            name=name,
            flow_name=flow.name,
            entrypoint=entrypoint_of(flow, kind, folder),
            description=description or flow.description,
            version=version or flow.version,
            version_type=version_type,
            tags=list(tags or ()),
            schedules=schedules_of(interval, cron, rrule, schedule, schedules),
            paused=paused,
            parameters=to_json(parameters or {}),
            concurrency_limit=limit,
            concurrency_options=options,
            enforce_parameter_schema=enforce_parameter_schema,
            work_pool_name=work_pool_name,
            work_queue_name=work_queue_name,
            job_variables=dict(job_variables or {}),
            entrypoint_type=kind,
            _path=str(folder),
            _parameter_openapi_schema=schema,
        )

    @classmethod
    def from_entrypoint(
        cls,
        entrypoint: str,
        name: str,
        flow_name: str | None = None,
        interval: Often = None,
        cron: Iterable[str] | str | None = None,
        rrule: Iterable[str] | str | None = None,
        paused: bool | None = None,
        schedule: Schedule | None = None,
        schedules: Iterable[Schedule | dict[str, Any]] | None = None,
        concurrency_limit: Any = None,
        parameters: Mapping[str, Any] | None = None,
        triggers: Any = None,
        description: str | None = None,
        tags: Iterable[str] | None = None,
        version: str | None = None,
        enforce_parameter_schema: bool = True,
        work_pool_name: str | None = None,
        work_queue_name: str | None = None,
        job_variables: Mapping[str, Any] | None = None,
        _sla: Any = None,
    ) -> Self:
        """Describe a deployment of the flow that an entrypoint names; see `from_flow` for the arguments.

        Args:
            entrypoint: as `load_flow_from_entrypoint` takes it.
            name: of the deployment.
            flow_name: instead of the flow's.
            interval, cron, rrule, paused, schedule, schedules, concurrency_limit, parameters, triggers, description,
                tags, version, enforce_parameter_schema, work_pool_name, work_queue_name, job_variables: as there.

        Raises:
            ScriptError, MissingFlowError: the flow cannot be loaded.
        """
        given = dict(locals())
        for own in ("cls", "entrypoint", "name", "flow_name"):
            del given[own]
        if load_flow is None:
            raise RuntimeError("Import penstock.flows before loading flows by their entrypoints.")
        made = cls.from_flow(load_flow(entrypoint), name, **given)
        made.entrypoint = entrypoint
        made.flow_name = flow_name or made.flow_name
        return made

    def apply(
        self,
        schedules: Iterable[Schedule | dict[str, Any]] | None = None,
        work_pool_name: str | None = None,
        image: str | None = None,
        version_info: Any = None,
    ) -> UUID:
        """Record the deployment, or bring the one of its name up to date, and return its id.

        Args:
            schedules: instead of its own.
            work_pool_name: instead of its own.
            image: container image of its runs, kept in its job variables.
            version_info: accepted for compatibility.

        Raises:
            DeploymentApplyError: the store refused it.
        """
        if schedules is not None:
            self.schedules = schedules_of(None, None, None, None, schedules)
        try:
            flow_id = store().request("POST", "/api/flows/", {"name": self.flow_name})["id"]
            body = self._body(flow_id, work_pool_name or self.work_pool_name, image)
            return UUID(store().request("POST", "/api/deployments/", body)["id"])
        except PenstockException as error:
            raise DeploymentApplyError(
                f"Deployment {self.full_name!r} could not be recorded: {error}"
            ) from error

    def _body(self, flow_id: str, pool: str | None, image: str | None) -> dict[str, Any]:
        body: dict[str, Any] = {
            "name": self.name,
            "flow_id": flow_id,
            "entrypoint": self.entrypoint,
            "path": self._path,
            "description": self.description,
            "version": self.version,
            "tags": self.tags,
            "schedules": [one.to_body() for one in self.schedules],
            "parameters": self.parameters,
            "parameter_openapi_schema": self._parameter_openapi_schema,
            "enforce_parameter_schema": self.enforce_parameter_schema,
            "work_pool_name": pool,
            "work_queue_name": self.work_queue_name,
            "job_variables": {**self.job_variables, **({"image": image} if image else {})},
            "concurrency_limit": self.concurrency_limit,
            "concurrency_options": self.concurrency_options,
        }
        if self.paused is not None:
            body["paused"] = self.paused
        return body


def _limit_of(given: Any) -> tuple[int | None, dict[str, Any] | None]:
    """Return a limit and its options, of a number or of an object that has both."""
    if given is None or isinstance(given, int):
        return given, None
    strategy = getattr(given, "collision_strategy", None)
    grace = getattr(given, "grace_period_seconds", None)
    options = {"collision_strategy": str(getattr(strategy, "value", strategy))} if strategy else None
    if options is not None and grace is not None:
        options["grace_period_seconds"] = grace
    return int(given.limit), options


def _frozen(schema: dict[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of the parameters with those inside `freeze` fixed to their values."""
    properties = dict(schema.get("properties") or {})
    for name, value in parameters.items():
        if isinstance(value, freeze) and name in properties:
            properties[name] = {
                **properties[name],
                "readOnly": True,
                "enum": [to_json({"": value.unwrap()})[""]],
            }
    return {**schema, "properties": properties}
