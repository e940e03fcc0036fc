"""Writers that are killed at any moment leave whole records only."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from penstock.exceptions import MissingResult
from penstock.results import ResultStore

KEYS = [f"k{number}" for number in range(4)]
WRITER = """
import itertools, sys
from penstock.results import ResultStore
folder, metadata, attempt, *keys = sys.argv[1:]
store = ResultStore(folder, metadata_storage=metadata or None, cache_result_in_memory=False)
for round in itertools.count():
    for key in keys:
        # Rounds differ in length and content; each value says itself whether it is whole.
        size = 1 + round * 7919 % 400_000
        store.write({"attempt": attempt, "round": round, "size": size, "body": bytes([round % 256]) * size}, key)
    print("round", flush=True)
"""


@pytest.mark.parametrize("elsewhere", [False, True], ids=["one file", "metadata elsewhere"])
def test_no_kill_leaves_half_a_record(elsewhere, tmp_path) -> None:
    rng, folder = random.Random(5), tmp_path / "storage"
    metadata = tmp_path / "keys" if elsewhere else None
    store = ResultStore(folder, metadata_storage=metadata, cache_result_in_memory=False)
    rounds, misses, torn, kills = set(), 0, 0, 6
    for attempt in range(kills):
        command = [sys.executable, "-c", WRITER, str(folder), str(metadata or ""), str(attempt), *KEYS]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"round\n"
            # Not to wait for something: the moment of the kill is what varies.
            time.sleep(rng.uniform(0.0, 0.1))
            writer.send_signal(signal.SIGKILL)
        for key in KEYS:
            if not store.exists(key):
                misses += 1  # never written, or the kill came between a value and its metadata
                continue
            try:
                found = store.read(key).result
            except MissingResult:
                torn += 1  # the new value is there, its metadata are not yet
                continue
            assert found["body"] == bytes([found["round"] % 256]) * found["size"]
            rounds.add((key, found["attempt"], found["round"]))

    assert (len(rounds) >= kills, misses <= (2 * kills if elsewhere else len(KEYS))) == (True, True)
    assert torn <= (
        kills if elsewhere else 0
    )  # it is refused, not read, and only where two files belong together
    assert all(path.name in KEYS or path.name.startswith(".") for path in Path(folder).iterdir())


def test_readers_beside_a_writer_see_whole_records(tmp_path) -> None:
    folder = tmp_path / "storage"
    store = ResultStore(folder, cache_result_in_memory=False)
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), "", "0", "k"], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"round\n"
        seen, deadline = set(), time.monotonic() + 20
        while len(seen) < 30 and time.monotonic() < deadline:
            if not store.exists("k"):
                assert not seen  # once there, it is always there
                continue
            found = store.read("k").result
            assert found["body"] == bytes([found["round"] % 256]) * found["size"]
            seen.add(found["round"])
        writer.kill()

    assert len(seen) >= 30
