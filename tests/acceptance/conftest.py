"""One workspace a test module, and clusters that its tests share."""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest

from penstock.task_runners import runner_class

from .support import descendants, gone, workspace

WORDS = [
    "threads",
    pytest.param("dask", marks=pytest.mark.dask),
    pytest.param("ray", marks=pytest.mark.ray),
]


@pytest.fixture(scope="module", autouse=True)
def home():
    with workspace() as path:
        yield path


@pytest.fixture(scope="module")
def shared(home):
    """Return a function from a runner's word to a runner on a cluster of two that all tests of the module use."""
    made = {}
    with ExitStack() as stack:

        def get(word):
            if word not in made:
                before = helpers()
                made[word], close = runner_class(word).open_shared(2)
                stack.callback(_close, close, before)
            return made[word]

        yield get


def helpers():
    """Return the child processes of this one that a cluster could have left behind."""
    kept = ("penstock._store", "resource_tracker")
    return {p for p in descendants(os.getpid()) if not any(word in " ".join(p.cmdline()) for word in kept)}


def _close(close, before):
    """Close a cluster; every process it had must end."""
    started = helpers() - before
    close()
    gone(started)
