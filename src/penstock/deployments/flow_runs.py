"""Runs of deployments. Reference page: api-ref/python/prefect-deployments-flow_runs."""

from __future__ import annotations

from penstock._deploying.running import arun_deployment as arun_deployment
from penstock._deploying.running import run_deployment as run_deployment

__all__ = ["arun_deployment", "run_deployment"]
