"""Lock managers: one contract for locks in memory and on files, and what only files have to survive."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from penstock._results import lock_files
from penstock._results.locks import patience
from penstock.locking.filesystem import FileSystemLockManager
from penstock.locking.memory import MemoryLockManager
from penstock.locking.protocol import LockManager


@pytest.fixture(params=["memory", "files"])
def locks(request: pytest.FixtureRequest, tmp_path: Path):
    made: Any = (
        MemoryLockManager() if request.param == "memory" else FileSystemLockManager(tmp_path / "locks")
    )
    yield made
    assert not made._holds if request.param == "memory" else not lock_files._held, "a test left a lock behind"


def test_one_holder_at_a_time(locks: LockManager) -> None:
    assert isinstance(locks, LockManager)
    assert locks.acquire_lock("a", "me")
    assert (locks.is_locked("a"), locks.is_lock_holder("a", "me"), locks.is_lock_holder("a", "you")) == (
        True,
        True,
        False,
    )
    assert not locks.acquire_lock("a", "you", acquire_timeout=0)
    assert locks.acquire_lock("b", "you", acquire_timeout=0)
    locks.release_lock("b", "you")
    locks.release_lock("a", "me")
    assert not locks.is_locked("a")


def test_the_same_holder_gets_the_lock_again_and_one_release_frees_it(locks: LockManager) -> None:
    assert locks.acquire_lock("a", "me")
    assert locks.acquire_lock("a", "me", acquire_timeout=0)
    locks.release_lock("a", "me")
    assert not locks.is_locked("a")


def test_releasing_what_another_holds_is_an_error(locks: LockManager) -> None:
    locks.acquire_lock("a", "me")
    with pytest.raises(ValueError, match="No lock on 'a' is held by 'you'"):
        locks.release_lock("a", "you")
    assert locks.is_lock_holder("a", "me")
    locks.release_lock("a", "me")
    with pytest.raises(ValueError, match="held by 'me'"):
        locks.release_lock("a", "me")


def test_a_hold_that_ran_out_is_for_others_to_take(locks: LockManager, eventually) -> None:
    locks.acquire_lock("a", "me", hold_timeout=0.05)
    eventually(lambda: not locks.is_locked("a"))
    assert locks.acquire_lock("a", "you", acquire_timeout=0)
    with pytest.raises(ValueError, match="hold_timeout"):
        locks.release_lock("a", "me")
    assert locks.is_lock_holder("a", "you")
    locks.release_lock("a", "you")


def test_taking_a_lock_again_extends_the_hold(locks: LockManager) -> None:
    locks.acquire_lock("a", "me", hold_timeout=0.01)
    locks.acquire_lock("a", "me")
    assert not locks.acquire_lock("a", "you", acquire_timeout=0.05)
    locks.release_lock("a", "me")


@pytest.mark.parametrize("wait", ["wait_for_lock", "acquire_lock"])
def test_waiting_ends_with_the_release(locks: LockManager, wait: str) -> None:
    arguments = ("a", "you", 20) if wait == "acquire_lock" else ("a", 20)
    locks.acquire_lock("a", "me")
    got: list[bool] = []
    waiter = threading.Thread(target=lambda: got.append(getattr(locks, wait)(*arguments)))
    waiter.start()
    assert not locks.wait_for_lock("a", timeout=0.02)
    assert got == []
    locks.release_lock("a", "me")
    waiter.join()
    assert got == [True]
    if wait == "acquire_lock":
        locks.release_lock("a", "you")


@pytest.mark.parametrize("wait", ["await_for_lock", "aacquire_lock"])
def test_awaiting_a_lock_leaves_the_loop_free(locks: LockManager, wait: str) -> None:
    turns = 0
    arguments = ("a", "you", 20) if wait == "aacquire_lock" else ("a", 20)

    async def tick() -> None:
        nonlocal turns
        while turns < 20:
            turns += 1
            await asyncio.sleep(0.001)
        locks.release_lock("a", "me")

    async def main() -> bool:
        got, _ = await asyncio.gather(getattr(locks, wait)(*arguments), tick())
        return bool(got)

    locks.acquire_lock("a", "me")
    assert (asyncio.run(main()), turns) == (True, 20)
    if wait == "aacquire_lock":
        locks.release_lock("a", "you")


def test_a_cancelled_wait_takes_nothing(locks: LockManager) -> None:
    async def main() -> None:
        waiting = asyncio.ensure_future(locks.aacquire_lock("a", "you"))
        await asyncio.sleep(0.005)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        locks.release_lock("a", "me")
        await asyncio.sleep(0.06)

    locks.acquire_lock("a", "me")
    asyncio.run(main())
    assert not locks.is_locked("a")


def test_many_threads_never_hold_it_together(locks: LockManager) -> None:
    inside, most, rounds = 0, 0, 0

    def work(name: str) -> None:
        nonlocal inside, most, rounds
        for _ in range(10):
            assert locks.acquire_lock("a", name, acquire_timeout=20)
            inside += 1
            most = max(most, inside)
            rounds += 1
            inside -= 1
            locks.release_lock("a", name)

    threads = [threading.Thread(target=work, args=(f"t{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, rounds) == (1, 60)


def test_managers_travel_to_other_processes(tmp_path: Path) -> None:
    memory, files = MemoryLockManager(), FileSystemLockManager(tmp_path)
    assert pickle.loads(pickle.dumps(memory)) is memory is MemoryLockManager()
    assert pickle.loads(pickle.dumps(files)).lock_files_directory == tmp_path


def test_patience_never_sleeps_past_its_time() -> None:
    now = 0.0
    slept = []
    tries = patience(lambda: False, 0.1, lambda: now)
    for pause in tries:
        slept.append(round(pause, 4))
        now += pause
    assert slept == [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.037]


def test_a_single_try_asks_again_only_while_it_cannot_be_told() -> None:
    answers: list[bool | None] = [None, None, True]
    assert list(patience(lambda: answers.pop(0), 0, lambda: 0.0)) == [0.001, 0.002]
    assert list(patience(lambda: False, 0, lambda: 0.0)) == []


#: Takes the lock `sys.argv[2]` in the folder `sys.argv[1]` as holder `sys.argv[3]`, says so, and goes on for ever.
HOLDER = """
import sys
from penstock.locking.filesystem import FileSystemLockManager
print(FileSystemLockManager(sys.argv[1]).acquire_lock(sys.argv[2], sys.argv[3], acquire_timeout=0), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other_process(tmp_path: Path):
    started = []

    def start(key: str, holder: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(tmp_path), key, holder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_files_lock_between_processes_and_die_with_theirs(tmp_path: Path, other_process) -> None:
    locks = FileSystemLockManager(tmp_path)
    process = other_process("a", "them")
    assert (locks.is_locked("a"), locks.is_lock_holder("a", "them")) == (True, True)
    assert not locks.acquire_lock("a", "me", acquire_timeout=0.05)

    os.kill(process.pid, signal.SIGKILL)
    assert locks.acquire_lock("a", "me", acquire_timeout=10)
    locks.release_lock("a", "me")


def test_a_hold_that_ran_out_can_be_taken_from_a_living_process(tmp_path: Path, other_process) -> None:
    locks = FileSystemLockManager(tmp_path)
    locks.acquire_lock("a", "me", hold_timeout=0.001)
    assert locks.wait_for_lock("a", timeout=10)
    process = other_process("a", "them")
    with pytest.raises(ValueError, match="held by 'me'"):
        locks.release_lock("a", "me")
    assert locks.is_lock_holder("a", "them")
    os.kill(process.pid, signal.SIGKILL)
    assert locks.wait_for_lock("a", timeout=10)


def test_a_lock_may_be_released_for_its_holder_by_another_process(tmp_path: Path, other_process) -> None:
    other_process("a", "them")
    locks = FileSystemLockManager(tmp_path)
    locks.release_lock("a", "them")
    assert not locks.is_locked("a")


def test_what_a_dying_process_left_half_written_holds_nothing(tmp_path: Path) -> None:
    locks = FileSystemLockManager(tmp_path)
    locks.acquire_lock("a", "me")
    (record,) = tmp_path.glob("*.lock")
    whole = record.read_bytes()
    locks.release_lock("a", "me")
    assert json.loads(whole)["key"] == "a"
    for length in (0, 1, len(whole) // 2, len(whole)):
        record.write_bytes(whole[:length])
        assert not locks.is_locked("a")
    assert locks.acquire_lock("a", "you", acquire_timeout=0)
    locks.release_lock("a", "you")


def test_a_forked_child_keeps_no_lock_of_its_parent_alive(tmp_path: Path) -> None:
    locks = FileSystemLockManager(tmp_path)
    locks.acquire_lock("a", "me")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover
        os.write(writing, b"%d" % len(lock_files._held))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 10) == b"0"
    os.close(reading)
    os.close(writing)
    assert locks.is_lock_holder("a", "me")
    locks.release_lock("a", "me")


def test_any_key_is_good_and_no_file_is_left(tmp_path: Path) -> None:
    locks = FileSystemLockManager(tmp_path / "made" / "when needed")
    for key in ("../up", "/etc/passwd", "x" * 2000, "a\0b", "\ud800"):
        assert locks.acquire_lock(key, "me", acquire_timeout=0)
        assert (locks.is_locked(key, use_cache=True), locks.is_locked(key)) == (True, True)
        locks.release_lock(key, "me")
        assert not locks.is_locked(key, use_cache=True)
    assert [path.name for path in locks.lock_files_directory.iterdir()] == ["guard"]
