"""Who is measured: how each is started, where it keeps its records, how its records are counted."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

from benchmarks import memory, peers

PROBES = Path(__file__).parent / "probes"
TIMEOUT = 900
SETTLE_SECONDS = 15


@dataclass(frozen=True)
class Workspace:
    """A folder of its own for one contestant, and the environment that points there."""

    home: Path
    env: dict[str, str]
    mark: str


@dataclass(frozen=True)
class Contestant:
    """A framework (or `bare`: none) with the interpreter it is installed for."""

    name: str
    label: str
    python: Path = Path(sys.executable)

    @contextmanager
    def workspace(self) -> Iterator[Workspace]:
        """Make an empty workspace; whatever was started in it is stopped at the end."""
        mark = uuid.uuid4().hex
        with TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
            home = Path(folder)
            env = {**os.environ, **self.settings(home), memory.MARK: mark}
            env.pop(
                "PYTHONDONTWRITEBYTECODE", None
            )  # compiling is for the first start of an installed package
            if self.name in ("prefect", "joblib"):
                env.pop("PYTHONPATH", None)
            try:
                yield Workspace(home, env, mark)
            finally:
                memory.stop_marked(mark)

    def settings(self, home: Path) -> dict[str, str]:
        """Return the variables that keep this contestant in its own folder, logging as it does by default."""
        if self.name == "prefect":
            return peers.settings(home)
        if self.name == "joblib":
            return {}
        return {"PENSTOCK_HOME": str(home), "PENSTOCK_LOGGING_LEVEL": "INFO"}

    def script(self, space: Workspace, probe: str, *arguments: str) -> dict[str, Any]:
        """Run a probe of `probes/` to its end and return what it reported."""
        report = space.home / f"report-{uuid.uuid4().hex}.json"
        self.execute(space, str(PROBES / probe), *arguments, str(report))
        return dict(json.loads(report.read_text()))

    def tasks(self, space: Workspace, runner: str, mode: str, sizes: str) -> dict[str, Any]:
        """Run the no-op tasks (or the floor below them)."""
        if self.name == "bare":
            return self.script(space, "floors.py", runner, mode, sizes)
        return self.script(space, "tasks.py", self.name, runner, mode, sizes)

    def hello(self, space: Workspace) -> Path:
        """Write the hello script for this framework and return its path."""
        source = "bare_hello.py.txt" if self.name == "bare" else "hello.py.txt"
        path = space.home / "hello.py"
        path.write_text((PROBES / source).read_text().replace("FRAMEWORK", self.name))
        return path

    def execute(self, space: Workspace, *arguments: str) -> str:
        """Run the interpreter; a failure shows what it printed."""
        # Into a file, as logs go: reading a pipe would be work for a core that is being measured.
        with TemporaryFile("w+", errors="replace") as output:
            done = subprocess.run(
                [str(self.python), *arguments],
                cwd=space.home,
                env=space.env,
                check=False,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=TIMEOUT,
            )
            output.seek(0)
            printed = output.read()
        if done.returncode:
            raise RuntimeError(f"{self.label}: {' '.join(arguments)} failed:\n{printed[-4000:]}")
        return printed

    def recorded(self, space: Workspace, expected: int) -> int:
        """Count task runs on record; give a store that writes late some time to get there."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while (count := self.count(space)) < expected and time.monotonic() < deadline:
            time.sleep(0.5)
        return count

    def settled(self, space: Workspace) -> int:
        """Count task runs once late writers of an earlier turn are done."""
        count = -1
        while count != (count := self.count(space)):
            time.sleep(1)
        return count

    def count(self, space: Workspace) -> int:
        """Count task runs on record now."""
        if self.name == "prefect":
            database = sqlite3.connect(f"file:{space.home / 'prefect.db'}?mode=ro", uri=True, timeout=30)
            try:
                return int(database.execute("select count(*) from task_run").fetchone()[0])
            finally:
                database.close()
        code = "import sys; from penstock.cli import main; sys.exit(main())"
        answer = self.execute(space, "-c", code, "sql", "select count(*) as n from task_runs")
        return int(re.findall(r"\d+", answer)[-1])
