"""Transactions among processes: one of many works, and one that is killed leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from penstock._results.store import ResultStore

PROCESSES = 20

#: Every process says that it is there and calls the task; whose body runs waits until all are there.
RACE = """
import os, sys, time
from pathlib import Path
from penstock import task
from penstock.cache_policies import INPUTS
from penstock.locking.filesystem import FileSystemLockManager
from penstock.transactions import IsolationLevel

folder, processes = Path(sys.argv[1]), int(sys.argv[2])
locks = FileSystemLockManager(lock_files_directory=folder / "locks")
policy = INPUTS.configure(isolation_level=IsolationLevel.SERIALIZABLE, lock_manager=locks)

@task(cache_policy=policy, result_storage=folder / "storage")
def work(x: int) -> int:
    with (folder / "ran").open("a") as file:
        file.write(f"{os.getpid()}\\n")
    deadline = time.monotonic() + 60
    while len(list((folder / "there").iterdir())) < processes and time.monotonic() < deadline:
        time.sleep(0.01)
    return x + 42

(folder / "there" / str(os.getpid())).touch()
state = work(1, return_state=True)
assert state.result() == 43
print(state.name)
"""

#: Completes a task in a block, says so, and waits to be killed.
HALF_DONE = """
import sys
from pathlib import Path
from penstock import flow, task
from penstock.transactions import transaction

folder = Path(sys.argv[1])

@task(cache_key_fn=lambda *_: "first", result_storage=folder / "storage")
def first() -> str:
    return "value"

@flow
def pipeline() -> None:
    with transaction(key="whole"):
        assert first(return_state=True).is_completed()
        print("staged", flush=True)
        sys.stdin.read()

pipeline()
"""

#: Commits pairs of big results for ever.
COMMITTING = """
import itertools, sys
from pathlib import Path
from penstock import task
from penstock.transactions import transaction

folder = Path(sys.argv[1])

@task(cache_key_fn=lambda _, given: f"{given['side']}-{given['number']}", result_storage=folder / "storage")
def part(side: str, number: int) -> bytes:
    return b"%d" % (number % 10) * 1_000_000

for number in itertools.count():
    with transaction():
        part("left", number)
        part("right", number)
    print(number, flush=True)
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Run programs in processes of their own."""
    (tmp_path / "there").mkdir()
    started = []

    def run(code: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), str(tmp_path), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_of_twenty_processes_one_works_and_nineteen_find_it_done(start: Start, tmp_path: Path) -> None:
    processes = [start(RACE, str(PROCESSES)) for _ in range(PROCESSES)]
    names = [process.communicate(timeout=120)[0].strip() for process in processes]

    assert sorted(names) == ["Cached"] * (PROCESSES - 1) + ["Completed"]
    assert len((tmp_path / "ran").read_text().splitlines()) == 1
    assert len(list((tmp_path / "there").iterdir())) == PROCESSES


def test_a_holder_that_is_killed_does_not_block_the_others(start: Start, tmp_path: Path, eventually) -> None:
    # It waits inside its body for a third process, which never comes.
    holder = start(RACE, "3")
    eventually(lambda: (tmp_path / "ran").exists())
    waiting = start(RACE, "2")
    eventually(lambda: len(list((tmp_path / "there").iterdir())) == 2)
    assert waiting.poll() is None

    os.kill(holder.pid, signal.SIGKILL)
    assert line(waiting) == "Completed"
    assert len((tmp_path / "ran").read_text().splitlines()) == 2


def test_a_process_that_is_killed_in_a_block_leaves_no_results(start: Start, tmp_path: Path) -> None:
    process = start(HALF_DONE)
    assert line(process) == "staged"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    store = ResultStore(tmp_path / "storage")
    assert not store.exists("first")
    assert not [path for path in (tmp_path / "storage").rglob("*") if path.is_file()]
    assert not ResultStore().exists("whole")


def test_a_process_that_is_killed_while_it_commits_leaves_whole_records_only(
    start: Start, tmp_path: Path
) -> None:
    store = ResultStore(tmp_path / "storage")
    whole = 0
    for _ in range(3):
        process = start(COMMITTING)
        for _ in range(4):
            assert line(process).isdigit()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        for path in (tmp_path / "storage").iterdir():
            if path.name.startswith("."):
                continue  # under another name until it is whole
            record = store.read(path.name)
            digit = b"%d" % (int(path.name.rpartition("-")[2]) % 10)
            assert record.result == digit * 1_000_000
            whole += 1
            path.unlink()
    assert whole >= 3 * 4 * 2
