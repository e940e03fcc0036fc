"""The flow of a deployment, loaded where its run is to happen."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from penstock._flow import Flow
from penstock._link.client import path_of, store
from penstock._loading.flows import load_function_and_convert_to_flow
from penstock.exceptions import MissingFlowError


def load_deployed_flow(deployment_id: UUID | None, entrypoint: str | None = None) -> Flow[..., Any]:
    """Return the flow of a run.

    Args:
        deployment_id: whose run it is.
        entrypoint: of the flow; that of the deployment by default.

    Raises:
        MissingFlowError: nobody says where the flow is. ScriptError: its file raised.
    """
    if entrypoint is None and deployment_id is not None:
        entrypoint = store().request("GET", path_of("api", "deployments", deployment_id))["entrypoint"]
    if entrypoint is None:
        raise MissingFlowError("The run has no deployment with an entrypoint, and none was given.")
    return load_function_and_convert_to_flow(entrypoint)
