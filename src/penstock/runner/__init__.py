"""Running what deployments have due. Reference page: api-ref/python/prefect-runner-runner."""

from __future__ import annotations

from penstock._deploying.runner import Runner as Runner
from penstock._deploying.serving import serve as serve

__all__ = ["Runner", "serve"]
