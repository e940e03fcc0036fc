"""Deployments. Reference pages: concepts/deployments, api-ref prefect-deployments."""

from __future__ import annotations

from penstock._deploying.deployment import RunnerDeployment as RunnerDeployment
from penstock._deploying.running import arun_deployment as arun_deployment
from penstock._deploying.running import run_deployment as run_deployment
from penstock._deploying.serving import deploy as deploy
from penstock._loading import flows as _flows  # noqa: F401  # `from_entrypoint` finds flows with it

__all__ = ["RunnerDeployment", "arun_deployment", "deploy", "run_deployment"]
