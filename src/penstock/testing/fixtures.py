"""Fixtures for pytest, to be imported into a `conftest.py`. Reference page: api-ref/python/prefect-testing-fixtures.

Those of the reference that mean something here: there is no ephemeral application beside the store process, and no
separate server of events.
"""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from penstock._engine.log_setup import setup_logging
from penstock._workspace import current_workspace
from penstock.settings import temporary_settings
from penstock.testing.harness import penstock_test_harness


@pytest.fixture
def add_penstock_loggers_to_caplog(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Let `caplog` see the logs of runs, which do not go up to the root logger otherwise."""
    setup_logging()  # the first run would take the loggers away from caplog again
    logger = logging.getLogger("penstock")
    before = logger.propagate
    logger.propagate = True
    try:
        yield
    finally:
        logger.propagate = before


add_prefect_loggers_to_caplog = add_penstock_loggers_to_caplog


def is_port_in_use(port: int) -> bool:
    """Say whether something on this machine listens on a TCP port.

    Args:
        port: its number.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def hosted_api_server() -> Iterator[str]:
    """The address of the REST interface of a temporary workspace's store, for all tests of a session."""
    with penstock_test_harness():
        about: dict[str, Any] = json.loads(current_workspace().endpoint.read_text(encoding="utf-8"))
        yield f"http://127.0.0.1:{about['tcp_port']}/api"


@pytest.fixture
def use_hosted_api_server(hosted_api_server: str) -> Iterator[str]:
    """The setting `api.url` is that address."""
    with temporary_settings({"api.url": hosted_api_server}):
        yield hosted_api_server


@pytest.fixture
def disable_hosted_api_server() -> Iterator[None]:
    """The setting `api.url` is not set, whatever the environment says."""
    with temporary_settings(restore_defaults=["api.url"]):
        yield


@pytest.fixture
def enable_ephemeral_server(disable_hosted_api_server: None) -> Iterator[None]:
    """The setting `server.ephemeral.enabled` is True and `api.url` is not set."""
    with temporary_settings({"server.ephemeral.enabled": True}):
        yield


__all__ = [
    "add_penstock_loggers_to_caplog",
    "add_prefect_loggers_to_caplog",
    "disable_hosted_api_server",
    "enable_ephemeral_server",
    "hosted_api_server",
    "is_port_in_use",
    "use_hosted_api_server",
]
