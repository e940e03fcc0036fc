"""Fixtures of the tests with real kernels."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

pytest.importorskip("ipykernel")

from driver import Kernel
from workspace import Workspace, python_name, pythons


@pytest.fixture
def workspace():
    """A private workspace; at the end its store is stopped and no process may be left."""
    made = Workspace()
    yield made
    made.close()


@pytest.fixture(params=pythons(), ids=python_name)
def kernel(request, workspace):
    """A kernel with the extension loaded, once for each interpreter under test."""
    with Kernel(workspace, request.param) as running:
        running.check("%load_ext penstock")
        yield running
