"""What all tests share: a private workspace, whose store and threads are gone afterwards.

`home`      (autouse) PENSTOCK_HOME for the test: one workspace a test process, its store starts when first needed.
`own_home`  a workspace of the test's own, for what breaks stores or counts rows; stopped and checked afterwards.
`rows`      rows of a SELECT on the store, as dicts, after everything this process wrote has arrived.
`witness`   what observers saw of runs, in order.
`script`    a Python program run to its end in another process, in the same workspace.
`eventually` the first true answer of a function, within a deadline. Tests never sleep to wait for something.

A folder that needs its own kind of workspace overrides `home`.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock._engine.observers import Observer, add_observer, remove_observer
from penstock._link.client import store
from penstock._link.session import close_sessions, current_session

#: Seconds after which something that should have happened has not; only a failure takes so long.
DEADLINE = 60.0
#: The same for one test of the long form, which the five minutes of `pyproject.toml` are too short for.
NIGHTLY_TIMEOUT = 7200
#: Threads that go on between tests, or end by themselves a little after the last flow.
STAYING = {"penstock-sender", "penstock-cancel-watch"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--nightly", action="store_true", help="Random and crash tests in their full size.")


@pytest.fixture(scope="session")
def nightly(request: pytest.FixtureRequest) -> bool:
    """True when random and crash tests are to take their full size."""
    return bool(request.config.getoption("--nightly"))


def pytest_configure(config: pytest.Config) -> None:
    """Tell modules of `--nightly`, and take Ctrl-C as usual, also where a shell had it ignored for its background.

    What is ignored stays ignored in every process we start, and the tests of interruptions would hang.
    """
    if config.getoption("--nightly"):
        os.environ["PENSTOCK_TEST_NIGHTLY"] = "1"
        if config.option.timeout is None:
            config.option.timeout = NIGHTLY_TIMEOUT
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def wait_until(check: Callable[[], Any], deadline: float = DEADLINE) -> Any:
    end = time.monotonic() + deadline
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not true within {deadline} s: {check}")
        time.sleep(0.005)


def store_runs(home: Path) -> bool:
    """True while a store process holds the lock of this workspace."""
    try:
        with (home / "store.lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def stop_store(home: Path) -> None:
    """End the store of one of our workspaces, if it has one; it must let go of everything."""
    if store_runs(home):
        wait_until((home / "endpoint.json").exists)
        os.kill(json.loads((home / "endpoint.json").read_text())["pid"], signal.SIGTERM)
        wait_until(lambda: not store_runs(home))


def our_threads() -> list[str]:
    return sorted(t.name for t in threading.enumerate() if t.name.startswith("penstock") and t.is_alive())


def make_home() -> Path:
    """A short private folder: the path of a Unix socket is limited."""
    return Path(tempfile.mkdtemp(prefix="pnk-"))


@pytest.fixture(scope="session")
def shared_home() -> Iterator[Path]:
    path = make_home()
    yield path
    close_sessions()
    stop_store(path)
    shutil.rmtree(path)
    wait_until(lambda: not our_threads())


@pytest.fixture(autouse=True)
def home(shared_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("PENSTOCK_HOME", str(shared_home))
    monkeypatch.setenv("PENSTOCK_STORE_IDLE_SECONDS", "120")
    yield shared_home
    wait_until(lambda: set(our_threads()) <= STAYING)


@pytest.fixture
def own_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = make_home()
    close_sessions()
    monkeypatch.setenv("PENSTOCK_HOME", str(path))
    yield path
    close_sessions()
    stop_store(path)
    shutil.rmtree(path)


@pytest.fixture
def rows() -> Callable[[str], list[dict[str, Any]]]:
    def select(sql: str) -> list[dict[str, Any]]:
        current_session().drain(DEADLINE)
        answer = store().request("POST", "/link/sql", {"sql": sql, "limit": 100_000, "timeout": DEADLINE})
        names = [column["name"] for column in answer["columns"]]
        return [dict(zip(names, row, strict=True)) for row in answer["rows"]]

    return select


class Witness(Observer):
    """Keeps what happened: `(run name or flow/task name, state name)` pairs, logs and artifacts."""

    def __init__(self) -> None:
        self.flows: list[tuple[str, str]] = []
        self.tasks: list[tuple[str, str]] = []
        self.flow_runs: dict[str, Any] = {}
        self.task_runs: dict[str, Any] = {}
        self.logs: list[tuple[int, str]] = []
        self.artifacts: list[dict[str, Any]] = []
        self.pauses: list[Any] = []

    def flow_run_state(self, flow_run, state) -> None:
        self.flow_runs[flow_run.flow_name] = flow_run
        self.flows.append((flow_run.flow_name, state.name))

    def task_run_state(self, task_run, state) -> None:
        self.task_runs[task_run.task_name] = task_run
        self.tasks.append((task_run.task_name, state.name))

    def log(self, body, at) -> None:
        self.logs.append((body["level"], body["message"]))

    def artifact(self, body) -> None:
        self.artifacts.append(body)

    def pause_opened(self, pause) -> None:
        self.pauses.append(pause)

    def states(self, name: str) -> list[str]:
        """The states of all runs of one flow or task, in order."""
        return [state for who, state in [*self.flows, *self.tasks] if who == name]


@pytest.fixture
def witness() -> Iterator[Witness]:
    observer = Witness()
    add_observer(observer)
    yield observer
    remove_observer(observer)


@pytest.fixture
def eventually() -> Callable[..., Any]:
    return wait_until


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a program; `check=False` for one that is to end badly."""

    def run(code: str, *arguments: str, check: bool = True, **environment: str) -> Any:
        path = tmp_path / "program.py"
        path.write_text(textwrap.dedent(code))
        done = subprocess.run(
            [sys.executable, str(path), *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment},
            timeout=120,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    return run
