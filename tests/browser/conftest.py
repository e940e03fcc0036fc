"""One JupyterLab for all browser tests, a page and fresh kernels for each, and nothing left at the end."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration" / "kernel")]

pytest.importorskip("playwright.sync_api")
pytest.importorskip("jupyterlab")

import psutil
from lab import CHROMIUM, LabPage, LabServer
from workspace import Workspace, eventually, python_name, pythons


def pytest_collection_modifyitems(items):
    """Skip where there is no browser."""
    if not CHROMIUM.exists():
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=f"{CHROMIUM} is not installed"))


@pytest.fixture(scope="session")
def workspace():
    """The workspace of all kernels; at the end its store is stopped and no process may be left."""
    made = Workspace()
    yield made
    made.close()
    eventually(lambda: not _browsers(), 15, "no browser is left")


def _browsers() -> list[str]:
    names = []
    for child in psutil.Process().children(recursive=True):
        try:
            names.append(child.name())
        except psutil.NoSuchProcess:
            continue
    return [name for name in names if "chrom" in name]


@pytest.fixture(scope="session")
def server(workspace):
    """A running JupyterLab that knows every interpreter under test by name."""
    kernels = {python_name(python): python for python in pythons()}
    with LabServer(workspace.folder, kernels={**kernels, "python3": pythons()[0]}) as running:
        yield running


@pytest.fixture(params=[python_name(python) for python in pythons()])
def kernel_name(request):
    """The name of each interpreter under test, for notebooks that run on all of them."""
    return request.param


@pytest.fixture
def lab(server):
    """A page. Errors of our own JavaScript fail the test; kernels end with it."""
    with LabPage(server) as page:
        yield page
        assert [text for kind, text in page.console if kind == "pageerror" and "pst" in text] == []
        assert [text for kind, text in page.console if kind == "error" and "<svg>" in text] == []
    server.end_kernels()


_figures: list[tuple[str, float]] = []


@pytest.fixture
def figures():
    """What was measured, as (what, seconds); printed at the end of the run."""
    return _figures


def pytest_terminal_summary(terminalreporter):
    """Print what was measured."""
    for what, taken in _figures:
        terminalreporter.write_line(f"measured: {what}: {taken:.2f} s")
