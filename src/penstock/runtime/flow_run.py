"""Attributes of the flow run that is active here; None, [] or {} outside one. Read on each access."""

from __future__ import annotations

from typing import Any

from penstock._engine.context_transfer import FlowRunFacts, FlowRunFactsContext
from penstock._engine.contexts import FlowRunContext
from penstock._values.runs import FlowRun
from penstock._values.states import utc_now


def _attribute(name: str) -> Any:
    context, carried = FlowRunContext.get(), FlowRunFactsContext.get()
    # On the worker of a cluster the run's context is not there, but what there is to know of it.
    facts = carried.facts if carried and not context else None
    run: FlowRun | FlowRunFacts | None = context.flow_run if context else facts
    parent, root = _ancestry(context, facts)
    values: dict[str, Any] = {
        "id": str(run.id) if run else None,
        "name": run.name if run else None,
        "tags": list(run.tags) if run else [],
        "flow_name": context.flow.name if context else facts.flow_name if facts else None,
        "flow_version": _version(context, facts) if name == "flow_version" else None,
        "parameters": _parameters(context, facts) if name == "parameters" else None,
        "run_count": run.run_count if run else 0,
        "scheduled_start_time": (run.expected_start_time if run else None) or utc_now(),
        "parent_flow_run_id": parent,
        "root_flow_run_id": root,
        "api_url": None,
        "ui_url": None,
        "parent_deployment_id": None,
        "job_variables": None,
    }
    if name not in values:
        raise AttributeError(f"module 'penstock.runtime.flow_run' has no attribute {name!r}")
    return values[name]


def _ancestry(context: FlowRunContext | None, facts: FlowRunFacts | None) -> tuple[str | None, str | None]:
    if context is not None:
        return context.ancestry()
    return (facts.parent_flow_run_id, facts.root_flow_run_id) if facts is not None else (None, None)


def _version(context: FlowRunContext | None, facts: FlowRunFacts | None) -> str | None:
    version: str | None = context.flow.version if context else facts.flow_version if facts else None
    return version


def _parameters(context: FlowRunContext | None, facts: FlowRunFacts | None) -> dict[str, Any]:
    if context is not None:
        return dict(context.flow_run.parameters)
    return facts.read_parameters() if facts is not None else {}


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return _attribute(name)


__all__: list[str] = []
