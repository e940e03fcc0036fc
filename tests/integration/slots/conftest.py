"""Limits, programs and what the store recorded, for tests of slots under force."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from tests.integration.slots.programs import PROGRAMS

from penstock._link.client import store


class Limit:
    """A concurrency limit of the store."""

    def __init__(self, slots, name=None, **fields):
        self.name = name or f"limit-{uuid4().hex[:8]}"
        self.slots = slots
        store().request("POST", "/api/v2/concurrency_limits/", {"name": self.name, "limit": slots, **fields})

    def _get(self, field):
        return store().request("GET", f"/api/v2/concurrency_limits/{self.name}")[field]

    @property
    def taken(self):
        return self._get("active_slots")

    @property
    def waited_for(self):
        return self._get("denied_slots")


@pytest.fixture
def limit():
    return Limit


@pytest.fixture
def begin(tmp_path):
    """Start a program of `programs.py`; what still runs at the end of the test is killed."""
    started = []

    def run(name, *arguments, **environment):
        path = tmp_path / f"{name}.py"
        if not path.exists():  # one that is being read must not be written again
            path.write_text(PROGRAMS[name])
        process = subprocess.Popen(
            [sys.executable, str(path), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment},
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


@pytest.fixture
def folder(tmp_path):
    made = Path(tmp_path) / "out"
    made.mkdir()
    return made
