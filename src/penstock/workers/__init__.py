"""Workers: processes that start runs of a work pool on its infrastructure. Reference page: concepts/workers."""

from __future__ import annotations

from penstock.workers.base import BaseWorker as BaseWorker
from penstock.workers.process import ProcessWorker as ProcessWorker

__all__ = ["BaseWorker", "ProcessWorker"]
