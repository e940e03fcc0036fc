"""What requests about work pools, their queues and workers may say. Reference pages: rest-api work-pools, work-queues."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, JsonValue

from penstock._store.bodies import Body, Moment, Name

_PLACEHOLDER = re.compile(r"{{\s*([\w-]+)[\w.\-\[\]]*\s*}}")
#: The most runs a worker gets at a time.
MOST = 200
WorkerStatus = Literal["ONLINE", "OFFLINE"]


def _checked_template(template: dict[str, JsonValue] | None) -> dict[str, JsonValue] | None:
    """Refuse a template whose placeholders name no variable."""
    if not template:
        return template
    missing = sorted({"job_configuration", "variables"} - set(template))
    if missing:
        raise ValueError(f"a base job template needs {' and '.join(missing)}")
    variables = template["variables"]
    properties = variables.get("properties") if isinstance(variables, dict) else None
    known = set(properties) if isinstance(properties, dict) else set()
    unknown = sorted(set(_named(template["job_configuration"])) - known)
    if unknown:
        raise ValueError(f"the job configuration names variables that are not declared: {', '.join(unknown)}")
    return template


def _named(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield from _PLACEHOLDER.findall(part)
    elif isinstance(part, dict):
        for value in part.values():
            yield from _named(value)
    elif isinstance(part, list):
        for value in part:
            yield from _named(value)


Template = Annotated[dict[str, JsonValue], AfterValidator(_checked_template)]
Limit = Annotated[int, Field(ge=0, lt=1 << 31)]
Priority = Annotated[int, Field(ge=1, lt=1 << 31)]


class StorageConfiguration(Body):
    """Where flows that are submitted to a pool are kept on their way."""

    bundle_upload_step: dict[str, JsonValue] | None = None
    bundle_execution_step: dict[str, JsonValue] | None = None
    default_result_storage_block_id: UUID | None = None


class WorkPoolCreate(Body):
    """A work pool."""

    name: Name
    description: str | None = None
    type: str = "prefect-agent"
    base_job_template: Template = Field(default_factory=dict)
    is_paused: bool = False
    concurrency_limit: Limit | None = None
    storage_configuration: StorageConfiguration = Field(default_factory=StorageConfiguration)


class WorkPoolUpdate(Body):
    """Changes to a work pool; what is not sent stays."""

    description: str | None = None
    is_paused: bool | None = None
    base_job_template: Template | None = None
    concurrency_limit: Limit | None = None
    storage_configuration: StorageConfiguration | None = None


class WorkQueueCreate(Body):
    """A queue of a work pool."""

    name: Name
    description: str | None = ""
    is_paused: bool = False
    concurrency_limit: Limit | None = None
    priority: Priority | None = None
    filter: dict[str, JsonValue] | None = None


class WorkQueueUpdate(Body):
    """Changes to a queue; what is not sent stays."""

    name: Name | None = None
    description: str | None = None
    is_paused: bool = False
    concurrency_limit: Limit | None = None
    priority: Priority | None = None
    last_polled: Moment | None = None
    filter: dict[str, JsonValue] | None = None


class WorkerHeartbeat(Body):
    """A sign of life of a worker."""

    name: Name
    heartbeat_interval_seconds: Annotated[float, Field(gt=0, le=1e6)] | None = None


class ScheduledRunsOfPool(Body):
    """Which runs a worker asks for."""

    work_queue_names: list[str] | None = None
    scheduled_before: Moment | None = None
    scheduled_after: Moment | None = None
    limit: Annotated[int, Field(ge=0, le=MOST)] = MOST


class _Times(Body):
    before_: Moment | None = None
    after_: Moment | None = None


class _Statuses(Body):
    any_: list[WorkerStatus] | None = None
    not_any_: list[WorkerStatus] | None = None


class WorkerFilter(Body):
    """Which workers are meant."""

    operator: Literal["and_", "or_"] = "and_"
    last_heartbeat_time: _Times | None = None
    status: _Statuses | None = None

    def holds_for(self, heard: datetime, status: str) -> bool:
        """Return whether a worker that was heard of then and has this status is meant."""
        checks: list[bool] = []
        if (times := self.last_heartbeat_time) is not None:
            checks += [heard <= times.before_] if times.before_ else []
            checks += [heard >= times.after_] if times.after_ else []
        if (statuses := self.status) is not None:
            checks += [status in statuses.any_] if statuses.any_ is not None else []
            checks += [status not in statuses.not_any_] if statuses.not_any_ is not None else []
        return not checks or (all(checks) if self.operator == "and_" else any(checks))


class WorkersAsked(Body):
    """Which workers a request asks for."""

    workers: WorkerFilter | None = None
    limit: Annotated[int, Field(ge=0, le=MOST)] | None = None
    offset: Annotated[int, Field(ge=0, le=1 << 40)] = 0
