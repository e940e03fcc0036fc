"""Fixtures of the tests with real kernels."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import ClassVar

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


class Stopwatch:
    """Measures one stretch of time; the figures are printed at the end of the run."""

    figures: ClassVar[list[tuple[str, float]]] = []

    def start(self) -> None:
        self._began = time.monotonic()

    def stop(self, what: str, bound: float) -> None:
        taken = time.monotonic() - self._began
        self.figures.append((what, taken))
        assert taken < bound, f"{what} took {taken:.3f}"


@pytest.fixture
def stopwatch():
    """A stopwatch."""
    return Stopwatch()


def pytest_terminal_summary(terminalreporter):
    """Print what was measured."""
    for what, taken in Stopwatch.figures:
        terminalreporter.write_line(f"measured: {what}: {taken:.3f}")
