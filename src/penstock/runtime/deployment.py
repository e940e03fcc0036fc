"""Attributes of the deployment whose run is active here; None or {} outside one. Read on each access.

Reference page: api-ref/python/prefect-runtime-deployment.

    from penstock.runtime import deployment
    deployment.parameters.get("size", 10)
"""

from __future__ import annotations

from typing import Any

from penstock._engine.contexts import FlowRunContext
from penstock.runtime import flow_run
from penstock.runtime._attributes import Getters, attribute, record


def get_id() -> str | None:
    """Return the deployment's id."""
    context = FlowRunContext.get()
    if context is not None:
        found: Any = context.flow_run.deployment_id
    else:
        found = record("flow_runs", flow_run.get_id()).get("deployment_id")
    return str(found) if found is not None else None


def get_name() -> str | None:
    """Return the deployment's name."""
    name: str | None = record("deployments", get_id()).get("name")
    return name


def get_version() -> str | None:
    """Return the deployment's version."""
    version: str | None = record("deployments", get_id()).get("version")
    return version


def get_flow_run_id() -> str | None:
    """Return the id of the flow run."""
    return flow_run.get_id()


def get_parameters() -> dict[str, Any]:
    """Return the parameters that were set on the deployment or passed to this run; no defaults of the function."""
    return flow_run.get_parameters() if get_id() is not None else {}


_GETTERS: Getters = {
    "id": (get_id, str),
    "name": (get_name, str),
    "version": (get_version, str),
    "flow_run_id": (get_flow_run_id, str),
    "parameters": (get_parameters, dict),
}


def __getattr__(name: str) -> Any:
    return attribute("deployment", _GETTERS, name)


def __dir__() -> list[str]:
    return sorted([*__all__, *_GETTERS])


__all__ = ["get_flow_run_id", "get_id", "get_name", "get_parameters", "get_version"]
