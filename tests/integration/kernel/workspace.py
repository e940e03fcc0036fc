"""A private workspace for processes under test: the command line on it, its database, and what must be gone at the end.

`eventually` is the only way these tests wait: for a condition, until a deadline.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psutil

from penstock._link.client import StoreClient
from penstock._workspace import Workspace as Home

T = TypeVar("T")


def eventually(check: Callable[[], T], seconds: float = 20.0, what: str = "") -> T:
    """Return the first true answer of `check`; fail when there is none in time."""
    end = time.monotonic() + seconds
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(
                f"not true within {seconds} s: {what or check}; the last answer was {answer!r}"
            )
        time.sleep(0.02)


def pythons() -> list[str]:
    """Return the interpreters whose kernels are tested: PENSTOCK_TEST_KERNELS, or the one that runs the tests."""
    named = [path for path in os.environ.get("PENSTOCK_TEST_KERNELS", "").split(":") if path]
    return named or [sys.executable]


def with_oldest() -> list[str]:
    """Return the interpreters of `pythons`, and that of the oldest kernel we support (PENSTOCK_TEST_OLDEST)."""
    oldest = os.environ.get("PENSTOCK_TEST_OLDEST")
    return [*pythons(), *([oldest] if oldest else [])]


def ends() -> list[str]:
    """Return the newest and the oldest of `with_oldest`, for what costs time and differs little in between."""
    found = with_oldest()
    return [found[0], found[-1]] if len(found) > 1 else found


def every_pair() -> list[str]:
    """Return an interpreter for each pair of ipykernel and IPython we support (PENSTOCK_TEST_CROSSED has the odd ones)."""
    crossed = os.environ.get("PENSTOCK_TEST_CROSSED", "").split(":")
    return [*with_oldest(), *(path for path in crossed if path)]


def python_name(python: str) -> str:
    """Return what a test is called after: the environment's folder."""
    return Path(python).parent.parent.name.lstrip(".")


def write_kernelspec(folder: Path, python: str, env: dict[str, str] | None = None) -> None:
    """Make `python` the kernel ``python3`` of a Jupyter data folder."""
    spec = folder / "kernels" / "python3"
    spec.mkdir(parents=True, exist_ok=True)
    content = {
        "argv": [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
        "interrupt_mode": "signal",
        "env": env or {},
        "metadata": {"debugger": True},
    }
    (spec / "kernel.json").write_text(json.dumps(content))


class Workspace:
    """A folder whose `penstock` subfolder is the workspace; short, because socket paths are limited."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(prefix="pst-"))
        self.home = self.folder / "penstock"
        self._kept = folder is not None
        self._client = StoreClient(Home(self.home))

    @property
    def env(self) -> dict[str, str]:
        """The environment of a process that works here and inherits no run, answers or other home."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK")}
        path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
        return {**kept, "PATH": path, "PENSTOCK_HOME": str(self.home), "COLUMNS": "200"}

    def run(self, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run `penstock ARGUMENTS` in a process of its own."""
        command = [sys.executable, "-c", "from penstock.cli import main; main()", *arguments]
        return subprocess.run(
            command,
            env={**self.env, **(env or {})},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def cli(self, *arguments: str) -> str:
        """Run `penstock ARGUMENTS`, which must succeed, and return what it printed."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def sql(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a SELECT, asked from this process, which is not the one under test."""
        answer = self._client.request("POST", "/link/sql", {"sql": query, "limit": 10_000})
        names = [column["name"] for column in answer["columns"]]
        return [dict(zip(names, row, strict=True)) for row in answer["rows"]]

    def only_run(self, flow_name: str) -> dict[str, Any]:
        """Return the one run of a flow."""
        (row,) = self.sql(f"select * from runs where flow_name = '{flow_name}'")
        return row

    def wait_for_run(self, flow_name: str, state: str, seconds: float = 30.0) -> dict[str, Any]:
        """Wait until the one run of a flow is in a state, as another process sees it."""
        query = f"select * from runs where flow_name = '{flow_name}' and state_name = '{state}'"
        try:
            (row,) = eventually(lambda: self.sql(query), seconds)
        except AssertionError:
            found = self.sql("select flow_name, state_name, state_message, client from runs order by created")
            raise AssertionError(f"{flow_name} is not {state} within {seconds} s: {found}") from None
        return row

    def states(self, run_id: str) -> list[str]:
        """Return the names of a run's states in order."""
        query = f"select name from states where run_id = '{run_id}' order by timestamp, seq"
        return [row["name"] for row in self.sql(query)]

    def store_pid(self) -> int:
        """Return the process id of the running store."""
        return int(json.loads((self.home / "endpoint.json").read_text())["pid"])

    def processes(self) -> list[psutil.Process]:
        """Return the living processes that work in this folder."""
        return [found for found in psutil.process_iter() if self._is_mine(found)]

    def _is_mine(self, process: psutil.Process) -> bool:
        if process.pid == os.getpid():
            return False
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            words: Sequence[str] = [*process.cmdline(), process.environ().get("PENSTOCK_HOME", "")]
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False
        return any(str(self.folder) in word for word in words)

    def close(self) -> None:
        """Stop the store, and fail when a process is left; then remove the folder."""
        try:
            self._client.close()
            if self.home.exists():
                self.cli("server", "stop")
            try:
                eventually(lambda: not self.processes(), 15.0, "no process is left")
            except AssertionError:
                left = [(one.pid, one.cmdline()) for one in self.processes()]
                for one in self.processes():
                    one.kill()
                raise AssertionError(f"left behind: {left}") from None
        finally:
            if not self._kept:
                shutil.rmtree(self.folder, ignore_errors=True)


def wait_for_join(kernel, reader: str) -> None:
    """Wait until a cell that has begun sleeps in its join: a Stop before that is the kernel's own business."""
    kernel.wait_for_start(reader)
    main = psutil.Process(kernel.pid)

    def asleep() -> bool:
        used = next(thread for thread in main.threads() if thread.id == kernel.pid)
        before = used.user_time + used.system_time
        with contextlib.suppress(psutil.TimeoutExpired):
            main.wait(0.15)
        after = next(thread for thread in main.threads() if thread.id == kernel.pid)
        return after.user_time + after.system_time - before <= 0.02

    eventually(asleep)
