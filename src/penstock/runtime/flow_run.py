"""Attributes of the flow run that is active here; None, [], {} or 0 outside one. Read on each access.

Reference page: api-ref/python/prefect-runtime-flow_run. Inside a task on another machine or in another process, which
has the flow run's id only, the store is asked for the rest.

    from penstock.runtime import flow_run
    flow_run.name
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

from penstock._engine.context_transfer import FlowRunFactsContext
from penstock._engine.contexts import FlowRunContext, TaskRunContext
from penstock._values.states import utc_now
from penstock.runtime._attributes import Getters, attribute, record
from penstock.runtime._attributes import api_url as _api_url
from penstock.runtime._attributes import ui_url as _ui_url

#: Names the run a process is to go on with; see `penstock._engine.flow_run`.
_RUN_VARIABLE = "PENSTOCK__FLOW_RUN_ID"


def get_id() -> str | None:
    """Return the run's id."""
    context = FlowRunContext.get()
    if context is not None:
        return str(context.flow_run.id)
    carried = FlowRunFactsContext.get()
    if carried is not None:
        return carried.facts.id
    task = TaskRunContext.get()
    if task is not None and task.task_run.flow_run_id is not None:
        return str(task.task_run.flow_run_id)
    return os.environ.get(_RUN_VARIABLE) or None


def _field(name: str, empty: Any) -> Any:
    """Return a field of the run: from its context, else from what a worker was told of it, else from the store."""
    context, carried = FlowRunContext.get(), FlowRunFactsContext.get()
    if context is not None:
        return getattr(context.flow_run, name, empty)
    if carried is not None and hasattr(carried.facts, name):
        return getattr(carried.facts, name)
    found = record("flow_runs", get_id()).get(name)
    return empty if found is None else found


def get_name() -> str | None:
    """Return the run's name."""
    name: str | None = _field("name", None)
    return name


def get_tags() -> list[str]:
    """Return the run's tags."""
    return list(_field("tags", []))


def get_run_count() -> int:
    """Return how many times the run has been tried."""
    return int(_field("run_count", 0))


def get_flow_name() -> str | None:
    """Return the flow's name."""
    context = FlowRunContext.get()
    name: str | None = context.flow.name if context is not None else _field("flow_name", None)
    return name


def get_flow_version() -> str | None:
    """Return the flow's version."""
    context = FlowRunContext.get()
    version: str | None = context.flow.version if context is not None else _field("flow_version", None)
    return version


def get_scheduled_start_time() -> datetime:
    """Return when the run was to begin; now where nobody said."""
    moment = _field("expected_start_time", None)
    if isinstance(moment, str):
        return datetime.fromisoformat(moment)
    return moment if isinstance(moment, datetime) else utc_now()


def get_parameters() -> dict[str, Any]:
    """Return the parameters that were passed; defaults of the function are not among them."""
    carried = None if FlowRunContext.get() else FlowRunFactsContext.get()
    return carried.facts.read_parameters() if carried is not None else dict(_field("parameters", {}))


def get_parent_flow_run_id() -> str | None:
    """Return the id of the flow run that called this one."""
    context = FlowRunContext.get()
    if context is not None and context.ancestry()[0] is not None:
        return context.ancestry()[0]
    carried = None if context else FlowRunFactsContext.get()
    if carried is not None:
        return carried.facts.parent_flow_run_id
    return _parent_of(_field("parent_task_run_id", None))


def get_root_flow_run_id() -> str | None:
    """Return the id of the outermost flow run: this one, if nothing called it."""
    context = FlowRunContext.get()
    while context is not None and context.parent is not None:
        context = context.parent
    if context is not None:
        root, above = str(context.flow_run.id), context.flow_run.parent_task_run_id
    elif (carried := FlowRunFactsContext.get()) is not None:
        return carried.facts.root_flow_run_id
    else:
        own = get_id()
        if own is None:
            return None
        root, above = own, record("flow_runs", own).get("parent_task_run_id")
    while (parent := _parent_of(above)) is not None:
        root, above = parent, record("flow_runs", parent).get("parent_task_run_id")
    return root


def _parent_of(task_run_id: Any) -> str | None:
    """Return the flow run of the task run that stands for a child in its parent."""
    if task_run_id is None:
        return None
    parent = record("task_runs", str(task_run_id)).get("flow_run_id")
    return str(parent) if parent is not None else None


def get_parent_deployment_id() -> str | None:
    """Return the id of the deployment that the calling flow run belongs to."""
    context = FlowRunContext.get()
    if context is not None and context.parent is not None:
        found = context.parent.flow_run.deployment_id
    else:
        found = record("flow_runs", get_parent_flow_run_id()).get("deployment_id")
    return str(found) if found is not None else None


def get_flow_run_api_url() -> str | None:
    """Return the run's address in the REST interface, where the setting `api.url` says where that is."""
    return _api_url("flow_runs", get_id())


def get_flow_run_ui_url() -> str | None:
    """Return the run's page for people, where `ui_url` or `api.url` say where that is."""
    return _ui_url("flow-run", get_id())


def get_job_variables() -> dict[str, Any] | None:
    """Return the job variables of a run that a worker started."""
    context = FlowRunContext.get()
    if context is not None and context.flow_run.deployment_id is None:
        return None
    found = record("flow_runs", get_id()).get("job_variables")
    return dict(found) if found else None


_GETTERS: Getters = {
    "id": (get_id, str),
    "tags": (get_tags, list),
    "scheduled_start_time": (get_scheduled_start_time, datetime),
    "name": (get_name, str),
    "flow_name": (get_flow_name, str),
    "flow_version": (get_flow_version, str),
    "parameters": (get_parameters, dict),
    "parent_flow_run_id": (get_parent_flow_run_id, str),
    "parent_deployment_id": (get_parent_deployment_id, str),
    "root_flow_run_id": (get_root_flow_run_id, str),
    "run_count": (get_run_count, int),
    "api_url": (get_flow_run_api_url, str),
    "ui_url": (get_flow_run_ui_url, str),
    "job_variables": (get_job_variables, dict),
}


def __getattr__(name: str) -> Any:
    return attribute("flow_run", _GETTERS, name)


def __dir__() -> list[str]:
    return sorted([*__all__, *_GETTERS])


__all__ = [
    "get_flow_name",
    "get_flow_run_api_url",
    "get_flow_run_ui_url",
    "get_flow_version",
    "get_id",
    "get_job_variables",
    "get_name",
    "get_parameters",
    "get_parent_deployment_id",
    "get_parent_flow_run_id",
    "get_root_flow_run_id",
    "get_run_count",
    "get_scheduled_start_time",
    "get_tags",
]
