"""Serving background tasks. Reference page: api-ref/python/prefect-task_worker."""

from __future__ import annotations

from penstock._engine.background import read_parameters as read_parameters
from penstock._engine.background import store_parameters as store_parameters
from penstock._engine.status_server import create_status_server as create_status_server
from penstock._engine.task_worker import StopTaskWorker as StopTaskWorker
from penstock._engine.task_worker import TaskWorker as TaskWorker
from penstock._engine.task_worker import serve as serve
from penstock._engine.task_worker import should_try_to_read_parameters as should_try_to_read_parameters

__all__ = [
    "StopTaskWorker",
    "TaskWorker",
    "create_status_server",
    "read_parameters",
    "serve",
    "should_try_to_read_parameters",
    "store_parameters",
]
