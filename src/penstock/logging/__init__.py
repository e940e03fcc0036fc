"""Logging of runs. Reference pages: how-to-guides/workflows/add-logging, api-ref/python/prefect-logging-loggers."""

from penstock.logging.loggers import LogEavesdropper as LogEavesdropper
from penstock.logging.loggers import disable_run_logger as disable_run_logger
from penstock.logging.loggers import get_logger as get_logger
from penstock.logging.loggers import get_run_logger as get_run_logger

__all__ = ["LogEavesdropper", "disable_run_logger", "get_logger", "get_run_logger"]
