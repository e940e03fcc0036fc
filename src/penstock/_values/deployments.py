"""Deployments as the API answers them. Reference page: api-ref client/schemas/responses."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from penstock._ids import new_id
from penstock._values.documents import Document, Readers, read_id, read_time
from penstock._values.schedules import Schedule, read_schedule


@dataclass(slots=True, kw_only=True)
class DeploymentSchedule(Document):
    """A schedule of a deployment."""

    _readers: ClassVar[Readers] = {
        **dict.fromkeys(("id", "deployment_id"), read_id),
        **dict.fromkeys(("created", "updated"), read_time),
        "schedule": lambda value: read_schedule(value) if isinstance(value, dict) else value,
    }

    schedule: Schedule
    id: UUID = field(default_factory=new_id)
    created: datetime | None = None
    updated: datetime | None = None
    deployment_id: UUID | None = None
    active: bool = True
    max_scheduled_runs: int | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    slug: str | None = None


@dataclass(slots=True, kw_only=True)
class Deployment(Document):
    """A deployment."""

    _readers: ClassVar[Readers] = {
        **dict.fromkeys(("id", "flow_id", "work_queue_id"), read_id),
        **dict.fromkeys(("created", "updated", "last_polled"), read_time),
        "schedules": DeploymentSchedule.model_validate_list,
    }

    name: str
    flow_id: UUID
    id: UUID = field(default_factory=new_id)
    created: datetime | None = None
    updated: datetime | None = None
    version: str | None = None
    description: str | None = None
    paused: bool = False
    schedules: list[DeploymentSchedule] = field(default_factory=list)
    global_concurrency_limit: dict[str, Any] | None = None
    concurrency_options: dict[str, Any] | None = None
    job_variables: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    labels: dict[str, Any] = field(default_factory=dict)
    work_queue_name: str | None = None
    work_queue_id: UUID | None = None
    work_pool_name: str | None = None
    last_polled: datetime | None = None
    parameter_openapi_schema: dict[str, Any] | None = None
    path: str | None = None
    pull_steps: list[dict[str, Any]] | None = None
    entrypoint: str | None = None
    status: str | None = None
    enforce_parameter_schema: bool = True
