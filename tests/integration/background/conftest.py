"""Background tasks are tested with a module of tasks on disk, and workers and clients in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

TASKS = """
    import os, threading, time
    from pathlib import Path
    from penstock import task

    MARKS = Path(__file__).parent

    def mark(name, text=""):
        with (MARKS / name).open("a") as file:
            file.write(f"{os.getpid()} {text}\\n")

    @task
    def double(x):
        mark("double", x)
        return 2 * x

    @task
    async def shout(text):
        return text.upper()

    @task
    def fail(text):
        raise ValueError(text)

    @task(retries=2, on_completion=[lambda task, run, state: mark("hooked", state.name)])
    def flaky():
        mark("flaky")
        if len((MARKS / "flaky").read_text().splitlines()) < 3:
            raise ValueError("not yet")
        return "at last"

    @task(persist_result=True, cache_key_fn=lambda context, arguments: f"cached-{arguments['x']}")
    def cached(x):
        mark("cached", x)
        return x

    @task
    def held(name):
        mark(f"began-{name}")
        while not (MARKS / f"go-{name}").exists():
            time.sleep(0.01)
        return name

    @task
    def outer(x):
        return str(double.delay(x).task_run_id)

    if __name__ == "__main__":
        import sys
        from penstock.task_worker import serve
        limit = int(sys.argv[1]) if len(sys.argv) > 1 else 10
        serve(double, shout, fail, flaky, cached, held, outer, limit=limit)
"""


class Place:
    """The folder of the tasks, and the worker processes that were started in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workers: list[subprocess.Popen[str]] = []
        (folder / "jobs.py").write_text(textwrap.dedent(TASKS))

    def worker(self, *command: str) -> subprocess.Popen[str]:
        """Start a worker: the script itself, or a command of the CLI."""
        arguments = command or ("jobs.py",)
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.workers.append(process)
        return process

    def lines(self, name: str) -> list[str]:
        """What tasks wrote down under a name."""
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def let_go(self, name: str) -> None:
        """Let a task that is held go on."""
        (self.folder / f"go-{name}").touch()

    def close(self) -> None:
        for process in self.workers:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.communicate(timeout=20)


@pytest.fixture
def place(own_home: Path, tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.close()


@pytest.fixture
def jobs(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module of tasks, as a client imports it."""
    monkeypatch.syspath_prepend(str(place.folder))
    sys.modules.pop("jobs", None)
    import jobs  # type: ignore[import-not-found]

    yield jobs
    sys.modules.pop("jobs", None)


Check = Callable[[], Any]
