"""Loggers as in a new process, and as they were afterwards."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from penstock._engine import log_setup
from penstock.settings._layers import forget

OURS = (
    "penstock",
    "penstock.flow_runs",
    "penstock.task_runs",
    "penstock.extra",
    "penstock._internal",
    "lib",
    "other",
)


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is set up; the root logger has no handlers."""
    loggers = [logging.getLogger(name) for name in OURS] + [logging.root]
    before = [(logger, logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    for logger, *_ in before:
        logger.handlers[:] = []
        logger.propagate = True
        logger.setLevel(logging.NOTSET if logger is not logging.root else logging.WARNING)
    monkeypatch.setattr(log_setup, "_ready", False)
    forget()
    yield
    for logger, handlers, level, propagate in before:
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate = propagate
    forget()
