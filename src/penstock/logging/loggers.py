"""Loggers. Reference page: api-ref/python/prefect-logging-loggers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from penstock._engine.run_logging import PenstockLogAdapter as PenstockLogAdapter
from penstock._engine.run_logging import flow_run_logger as flow_run_logger
from penstock._engine.run_logging import get_run_logger as get_run_logger
from penstock._engine.run_logging import patch_print as patch_print
from penstock._engine.run_logging import print_as_log as print_as_log
from penstock._engine.run_logging import task_run_logger as task_run_logger

PrefectLogAdapter = PenstockLogAdapter


def get_logger(name: str | None = None) -> logging.Logger:
    """Return a `penstock.*` logger; its records belong to no run and are not stored.

    Args:
        name: below `penstock`; the `penstock` logger itself when not given.

    Example:
        >>> get_logger("mine").name
        'penstock.mine'
    """
    if name is None or name == "penstock" or name.startswith("penstock."):
        return logging.getLogger(name or "penstock")
    return logging.getLogger(f"penstock.{name}")


def get_worker_logger(worker: Any, name: str | None = None) -> logging.Logger | PenstockLogAdapter:
    """Return the logger of a worker.

    Args:
        worker: one with a `backend_id` gets it into every record, as `worker_id`; any other a plain logger.
        name: of the logger, below `penstock`; made of the worker's type and name when not given.
    """
    told = name or f"workers.{getattr(worker, 'type', type(worker).__name__)}.{str(worker.name).lower()}"
    backend_id = getattr(worker, "backend_id", None)
    if backend_id is None:
        return get_logger(told)
    return PenstockLogAdapter(get_logger(told), {"worker_id": str(backend_id)})


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
    """Switch the loggers of runs off inside a `with` block, where `get_run_logger` needs no run then.

    Example:
        >>> with disable_run_logger():
        ...     get_run_logger().info("to nobody")
    """
    with disable_logger("penstock.flow_runs"), disable_logger("penstock.task_runs"):
        yield


class LogEavesdropper(logging.Handler):
    """Collects the messages of a logger and of those below it inside a `with` block.

    Args:
        eavesdrop_on: the name of the logger.
        level: messages below it are not collected; the logger lets messages from it on through meanwhile.

    Example:
        >>> with LogEavesdropper("mine", level=logging.INFO) as eavesdropper:
        ...     logging.getLogger("mine").info("Hello, world!")
        ...     logging.getLogger("mine.child").info("Another one!")
        >>> print(eavesdropper.text())
        Hello, world!
        Another one!
    """

    def __init__(self, eavesdrop_on: str, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self.eavesdrop_on = eavesdrop_on
        self._target = logging.getLogger(eavesdrop_on)
        self._before = self._target.level
        self._heard: list[str] = []

    def __enter__(self) -> LogEavesdropper:
        self._before = self._target.level
        self._target.setLevel(self.level or logging.DEBUG)
        self._target.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._target.removeHandler(self)
        self._target.setLevel(self._before)

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record; called by `logging`."""
        self._heard.append(self.format(record))

    def text(self) -> str:
        """Return the messages, one a line."""
        return "\n".join(self._heard)


__all__ = [
    "LogEavesdropper",
    "PenstockLogAdapter",
    "PrefectLogAdapter",
    "disable_logger",
    "disable_run_logger",
    "flow_run_logger",
    "get_logger",
    "get_run_logger",
    "get_worker_logger",
    "patch_print",
    "print_as_log",
    "task_run_logger",
]
