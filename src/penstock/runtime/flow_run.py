"""Attributes of the flow run that is active here; None, [] or {} outside one. Read on each access."""

from __future__ import annotations

from typing import Any

from penstock._engine.contexts import FlowRunContext
from penstock._values.states import utc_now


def _attribute(name: str) -> Any:
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    values: dict[str, Any] = {
        "id": str(run.id) if run else None,
        "name": run.name if run else None,
        "tags": list(run.tags) if run else [],
        "flow_name": context.flow.name if context else None,
        "flow_version": context.flow.version if context and name == "flow_version" else None,
        "parameters": dict(run.parameters) if run else {},
        "run_count": run.run_count if run else 0,
        "scheduled_start_time": (run.expected_start_time if run else None) or utc_now(),
        "parent_flow_run_id": str(context.parent.flow_run.id) if context and context.parent else None,
        "root_flow_run_id": _root(context),
        "api_url": None,
        "ui_url": None,
        "parent_deployment_id": None,
        "job_variables": None,
    }
    if name not in values:
        raise AttributeError(f"module 'penstock.runtime.flow_run' has no attribute {name!r}")
    return values[name]


def _root(context: FlowRunContext | None) -> str | None:
    while context is not None and context.parent is not None:
        context = context.parent
    return str(context.flow_run.id) if context is not None else None


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return _attribute(name)


__all__: list[str] = []
