"""One workspace for all acceptance tests, and the clusters they share: a Ray takes 9 to 20 s to start."""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest

from penstock.task_runners import runner_class

from .support import command_line, descendants, eventually, lives, workspace

WORDS = [
    "threads",
    "processes",
    pytest.param("dask", marks=pytest.mark.dask),
    pytest.param("ray", marks=pytest.mark.ray),
]


@pytest.fixture(scope="package", autouse=True)
def home():
    with workspace() as path:
        yield path


@pytest.fixture(scope="package")
def shared(home):
    """Return a function from a runner's word to a runner on a cluster of two that all tests use."""
    made = {}
    with ExitStack() as stack:

        def get(word):
            if word not in made:
                made[word], close = runner_class(word).open_shared(2)
                stack.callback(close)
            return made[word]

        yield get
    eventually(lambda: not helpers())  # every process of a cluster ends with it


def helpers():
    """Return the child processes of this one that a cluster could leave behind."""
    kept = ("penstock._store", "resource_tracker")
    return {p for p in descendants(os.getpid()) if lives(p) and not any(k in command_line(p) for k in kept)}
