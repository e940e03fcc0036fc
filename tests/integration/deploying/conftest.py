"""Deployments are tested with a file of flows, and runners in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FLOWS = """
    import os, sys, time
    from pathlib import Path
    from penstock import flow, task, serve, suspend_flow_run
    from penstock.runtime import deployment

    MARKS = Path(__file__).parent

    def mark(name, text=""):
        with (MARKS / name).open("a") as file:
            file.write(f"{os.getpid()} {text}\\n")

    @flow(persist_result=True)
    def add(x: int, y: int = 1):
        mark("add", deployment.name)
        return x + y

    @flow(persist_result=True)
    async def later(text: str):
        return text.upper()

    @flow
    def held(name: str):
        mark(f"began-{name}")
        while not (MARKS / f"go-{name}").exists():
            time.sleep(0.01)

    @flow
    def broken():
        raise ValueError("no such luck")

    @flow
    def dies():
        os._exit(3)

    @task
    def step(n):
        mark("step", n)
        return n

    @flow(persist_result=True)
    def reviewed():
        first = step(1)
        approved = suspend_flow_run(wait_for_input=int, timeout=None)
        return first + step(2) + approved

    @flow(persist_result=True)
    def left(name: str):
        n = 0
        while not (MARKS / f"go-{name}").exists():
            n += 1
            step(n)
            mark(f"began-{name}")
            time.sleep(0.02)
        return n

    class Report:
        title = "weekly"

        @flow(persist_result=True)
        @classmethod
        def of_class(cls, n: int):
            return f"{cls.title} {n}"

        @flow(persist_result=True)
        @staticmethod
        def of_nothing(n: int):
            return n + 1

    if __name__ == "__main__":
        limit = int(sys.argv[1]) if len(sys.argv) > 1 else None
        serve(*[one.to_deployment(f"{one.name}-served") for one in
                (add, later, held, broken, dies, reviewed, left, Report.of_class, Report.of_nothing)], limit=limit)
"""


class Place:
    """The folder of the flows, and the runner processes that were started in it."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.env = {"PENSTOCK_HOME": str(home), "PENSTOCK_STORE_IDLE_SECONDS": "120", "PYTHONUNBUFFERED": "1"}
        self.processes: list[subprocess.Popen[str]] = []
        (folder / "work.py").write_text(textwrap.dedent(FLOWS))

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a runner: the script itself, or another command."""
        process = subprocess.Popen(
            [sys.executable, *(command or ("work.py",))],
            cwd=self.folder,
            env={**os.environ, **self.env, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.processes.append(process)
        return process

    def serve(self, *command: str) -> subprocess.Popen[str]:
        """Start a runner and wait until it serves."""
        process = self.start(*command)
        assert process.stdout is not None
        for line in process.stdout:
            if "penstock deployment run" in line:
                return process
        raise AssertionError("the runner did not begin to serve")

    def lines(self, name: str) -> list[str]:
        """What flows wrote down under a name."""
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def let_go(self, name: str) -> None:
        """Let a flow that is held go on."""
        (self.folder / f"go-{name}").touch()

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
        for path in self.folder.glob("began-*"):
            for line in path.read_text().splitlines():
                try:
                    os.kill(int(line.split()[0]), signal.SIGKILL)
                except ProcessLookupError:
                    continue
        for process in self.processes:
            process.communicate(timeout=60)


@pytest.fixture
def place(own_home: Path, tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path, own_home)
    yield made
    made.close()


@pytest.fixture
def beside(home: Path, tmp_path: Path) -> Iterator[Place]:
    """Another folder of the same workspace, for workers and callers in processes of their own."""
    made = Place(tmp_path, home)
    yield made
    made.close()


@pytest.fixture(scope="module")
def served(shared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """All flows, served by one runner for a whole module."""
    made = Place(tmp_path_factory.mktemp("flows"), shared_home)
    made.serve()
    yield made
    made.close()


@pytest.fixture
def work(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module of flows, imported here."""
    monkeypatch.syspath_prepend(str(place.folder))
    monkeypatch.chdir(place.folder)
    sys.modules.pop("work", None)
    import work  # type: ignore[import-not-found]

    yield work
    sys.modules.pop("work", None)
