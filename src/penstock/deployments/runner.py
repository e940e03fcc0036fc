"""Describing deployments. Reference page: api-ref/python/prefect-deployments-runner."""

from __future__ import annotations

from penstock._deploying.deployment import DeploymentApplyError as DeploymentApplyError
from penstock._deploying.deployment import RunnerDeployment as RunnerDeployment
from penstock._deploying.serving import deploy as deploy
from penstock.types.entrypoint import EntrypointType as EntrypointType

__all__ = ["DeploymentApplyError", "EntrypointType", "RunnerDeployment", "deploy"]
