"""Handlers. Reference page: api-ref/python/prefect-logging-handlers."""

from penstock._engine.log_handlers import APILogHandler as APILogHandler
from penstock._engine.log_handlers import APILogWorker as APILogWorker
from penstock._engine.log_handlers import PenstockConsoleHandler as PenstockConsoleHandler
from penstock._engine.log_handlers import WorkerAPILogHandler as WorkerAPILogHandler

PrefectConsoleHandler = PenstockConsoleHandler

__all__ = [
    "APILogHandler",
    "APILogWorker",
    "PenstockConsoleHandler",
    "PrefectConsoleHandler",
    "WorkerAPILogHandler",
]
