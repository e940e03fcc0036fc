"""The flow of a deployment, loaded where its run is to happen."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from penstock._flow import Flow
from penstock._link.client import path_of, store
from penstock._loading.flows import load_flow_from_entrypoint, load_function_and_convert_to_flow
from penstock._values.awaited import awaitable_too
from penstock._values.runs import FlowRun
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


@awaitable_too
def load_flow_from_flow_run(
    client: Any,
    flow_run: FlowRun,
    ignore_storage: bool = False,
    storage_base_path: str | None = None,
    use_placeholder_flow: bool = True,
) -> Flow[..., Any]:
    """Return the flow of a run of a deployment; may be awaited.

    Args:
        client: accepted for compatibility.
        flow_run: which run.
        ignore_storage: look in the current folder only, not in that of the deployment.
        storage_base_path: the folder of the flow's file, instead of the deployment's.
        use_placeholder_flow: when the file raises, return a flow that raises it when it is called.

    Raises:
        ValueError: the run has no deployment, or that does not say where its flow is.
        ScriptError: the file raised, and no placeholder is wanted or can be made.
        MissingFlowError: it has no such flow.

    Example:
        >>> load_flow_from_flow_run(client, run).name  # doctest: +SKIP
        'report'
    """
    if flow_run.deployment_id is None:
        raise ValueError(
            f"Flow run {flow_run.name!r} ({flow_run.id}) has no deployment that says where its flow is."
        )
    deployment = store().request("GET", path_of("api", "deployments", flow_run.deployment_id))
    entrypoint = deployment["entrypoint"]
    if entrypoint is None:
        raise ValueError(f"Deployment {deployment['name']!r} has no entrypoint that says where its flow is.")
    folder = None if ignore_storage else storage_base_path or deployment["path"]
    file, colon, name = entrypoint.rpartition(":")
    if folder is not None and colon and file.endswith(".py"):
        entrypoint = f"{Path(folder) / file}:{name}"
    return load_flow_from_entrypoint(entrypoint, use_placeholder_flow=use_placeholder_flow)
