"""Flows, and loading them from where they are written.

Reference pages: concepts/flows, api-ref/python/prefect-flows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock._flow import Flow as Flow
from penstock._flow import flow as flow

if TYPE_CHECKING:
    from penstock._deploying.serving import aserve as aserve
    from penstock._deploying.serving import serve as serve
    from penstock._engine.documented_options import FlowDecorator as FlowDecorator
    from penstock._engine.documented_options import FlowStateHook as FlowStateHook
    from penstock._infrastructure.bound_flow import InfrastructureBoundFlow as InfrastructureBoundFlow
    from penstock._infrastructure.bound_flow import bind_flow_to_infrastructure as bind_flow_to_infrastructure
    from penstock._loading.deployed import load_flow_from_flow_run as load_flow_from_flow_run
    from penstock._loading.flows import is_entrypoint_async as is_entrypoint_async
    from penstock._loading.flows import (
        load_flow_arguments_from_entrypoint as load_flow_arguments_from_entrypoint,
    )
    from penstock._loading.flows import load_flow_from_entrypoint as load_flow_from_entrypoint
    from penstock._loading.flows import load_function_and_convert_to_flow as load_function_and_convert_to_flow
    from penstock._loading.flows import load_placeholder_flow as load_placeholder_flow
    from penstock._loading.flows import safe_load_flow_from_entrypoint as safe_load_flow_from_entrypoint
    from penstock._loading.flows import select_flow as select_flow

_WHERE = {
    "FlowDecorator": "penstock._engine.documented_options",
    "FlowStateHook": "penstock._engine.documented_options",
    "InfrastructureBoundFlow": "penstock._infrastructure.bound_flow",
    "aserve": "penstock._deploying.serving",
    "bind_flow_to_infrastructure": "penstock._infrastructure.bound_flow",
    "is_entrypoint_async": "penstock._loading.flows",
    "load_flow_arguments_from_entrypoint": "penstock._loading.flows",
    "load_flow_from_entrypoint": "penstock._loading.flows",
    "load_flow_from_flow_run": "penstock._loading.deployed",
    "load_function_and_convert_to_flow": "penstock._loading.flows",
    "load_placeholder_flow": "penstock._loading.flows",
    "safe_load_flow_from_entrypoint": "penstock._loading.flows",
    "select_flow": "penstock._loading.flows",
    "serve": "penstock._deploying.serving",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_WHERE[name]), name)


__all__ = [
    "Flow",
    "FlowDecorator",
    "FlowStateHook",
    "InfrastructureBoundFlow",
    "aserve",
    "bind_flow_to_infrastructure",
    "flow",
    "is_entrypoint_async",
    "load_flow_arguments_from_entrypoint",
    "load_flow_from_entrypoint",
    "load_flow_from_flow_run",
    "load_function_and_convert_to_flow",
    "load_placeholder_flow",
    "safe_load_flow_from_entrypoint",
    "select_flow",
    "serve",
]
