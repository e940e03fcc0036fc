"""Flow runs as bundles: made in one place, executed in another. Reference: advanced/
submit-flows-directly-to-dynamic-infrastructure, api-ref prefect-runner-runner, `execute_bundle`.
"""

from __future__ import annotations

from penstock._deploying.bundles import SerializedBundle as SerializedBundle
from penstock._deploying.bundles import create_bundle_for_flow_run as create_bundle_for_flow_run
from penstock._infrastructure.execution import execute_bundle_in_subprocess as execute_bundle_in_subprocess

__all__ = ["SerializedBundle", "create_bundle_for_flow_run", "execute_bundle_in_subprocess"]
