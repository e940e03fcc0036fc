"""Loggers. Reference page: api-ref/python/prefect-logging-loggers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from penstock._engine.run_logging import RunLogAdapter as PrefectLogAdapter
from penstock._engine.run_logging import flow_run_logger as flow_run_logger
from penstock._engine.run_logging import get_run_logger as get_run_logger
from penstock._engine.run_logging import patch_print as patch_print
from penstock._engine.run_logging import print_as_log as print_as_log
from penstock._engine.run_logging import task_run_logger as task_run_logger


def get_logger(name: str | None = None) -> logging.Logger:
    """Return a `penstock.*` logger; its records belong to no run and are not stored.

    Args:
        name: below `penstock`; the `penstock` logger itself when not given.
    """
    if name is None or name == "penstock" or name.startswith("penstock."):
        return logging.getLogger(name or "penstock")
    return logging.getLogger(f"penstock.{name}")


@contextmanager
def disable_logger(name: str) -> Iterator[None]:
    """Switch a logger off inside a `with` block."""
    logger = logging.getLogger(name)
    before = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before


@contextmanager
def disable_run_logger() -> Iterator[None]:
    """Switch the loggers of runs off inside a `with` block."""
    with disable_logger("penstock.flow_runs"), disable_logger("penstock.task_runs"):
        yield


__all__ = [
    "PrefectLogAdapter",
    "disable_logger",
    "disable_run_logger",
    "flow_run_logger",
    "get_logger",
    "get_run_logger",
    "patch_print",
    "print_as_log",
    "task_run_logger",
]
