"""A disk that is full at every place something is written: runs go on, people are told, nothing has to be restarted."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
import threading

import duckdb
import pytest

from penstock._store import upkeep
from penstock._store.snapshots import existing

from .conftest import StoreProcess, eventually
from .events import hello, logs, task_lines
from .inside import Inside

NAME = "box-1-1-aa"

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="NOT TESTED: a full disk needs root to mount a small one"
)


@pytest.fixture
def small(home):
    """A workspace on a disk of 24 MB."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs", str(home)], check=True)
    yield home
    subprocess.run(["umount", str(home)], check=True)


def fill(home, leave=0):
    """Take all room but `leave` bytes."""
    path = home / "filler"
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 16))
    with contextlib.suppress(OSError), path.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(512))
    if leave:
        os.truncate(path, max(0, path.stat().st_size - leave))
    return path


@pytest.fixture
def store(small):
    inside = Inside(small)
    assert inside.take(NAME, [hello(), *logs(1, 500)]) == 500
    yield inside
    inside.close()


def test_a_commit_waits_for_room_and_is_then_answered(store, small, capfd):
    filler = fill(small)
    waiting = store.core.ingest(NAME, b"".join(logs(501, 20_000)))
    said = ""

    def heard():
        nonlocal said
        said += capfd.readouterr().err
        return "commit failed" in said

    try:
        eventually(heard)
        assert not waiting.done()
    finally:
        filler.unlink()
    assert waiting.result(30) == 20_500
    assert store.read("SELECT count(*), count(DISTINCT seq) FROM logs") == [(20_500, 20_500)]
    assert "No space left" in said
    assert upkeep.check(store.database, store.workspace) == []


def test_a_checkpoint_without_room_costs_nothing_that_was_acknowledged(store, small, capfd):
    for first in range(501, 20_001, 3_900):
        store.take(NAME, logs(first, 3_900))
    filler = fill(small)
    with pytest.raises(duckdb.Error):
        store.call(lambda core: core.commits.checkpoint())
    filler.unlink()
    assert store.take(NAME, logs(20_001, 10)) == 20_010
    assert store.read("SELECT count(*), count(DISTINCT seq) FROM logs") == [(20_010, 20_010)]
    store.call(lambda core: core.commits.checkpoint())
    assert upkeep.check(store.database, store.workspace) == []


def test_a_snapshot_without_room_leaves_the_ones_before_and_no_half_of_itself(store, small):
    store.sweeper.snapshot()
    before = [snapshot.path for snapshot in existing(store.workspace)]
    store.take(NAME, logs(501, 30_000))
    filler = fill(small, leave=40_000)
    with pytest.raises((duckdb.Error, OSError)):
        store.sweeper.snapshot()
    assert [snapshot.path for snapshot in existing(store.workspace)] == before
    assert not list(small.glob("*.copy*"))
    filler.unlink()
    assert store.sweeper.snapshot().lines > 30_000
    assert store.read("SELECT count(*) FROM logs") == [(30_500,)]


def test_settling_without_room_is_done_later(store, small, capfd):
    lines = []
    for _ in range(700):
        made, _ = task_lines(501 + len(lines))
        lines += made
    for first in range(0, len(lines), 300):
        store.take(NAME, lines[first : first + 300])
    filler = fill(small)
    with contextlib.suppress(duckdb.Error):
        store.call(lambda core: core.commits.settle())
    filler.unlink()
    assert store.take(NAME, logs(501 + len(lines), 5)) == 505 + len(lines)
    store.call(lambda core: core.commits.settle())
    assert store.read("SELECT count(*) FROM raw.settled") == [(700,)]
    assert store.read("SELECT state_type, count(*) FROM task_runs GROUP BY ALL") == [("COMPLETED", 700)]


def test_results_come_back_and_the_user_is_told_while_the_journal_has_no_room(home, tmp_path):
    place = tmp_path / "small"
    place.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs", str(place)], check=True)
    process = StoreProcess(place)
    try:
        process.start()
        code = """
        import os
        from penstock import flow, task
        from penstock._link.session import current_session

        @task(persist_result=True)
        def double(x):
            return 2 * x

        @flow
        def numbers():
            first = double(1)
            filler = os.path.join(os.environ["PENSTOCK_HOME"], "filler")
            try:
                with open(filler, "wb", buffering=0) as file:
                    while True:
                        file.write(bytes(4096))
            except OSError:
                pass
            try:
                total = first + sum(double.with_options(persist_result=False)(n) for n in range(50))
            finally:
                os.unlink(filler)
            return total

        print(numbers(), current_session().drain(30))
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            env=process.env,
            timeout=90,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.split() == ["2452", "True"], done.stderr
        assert done.stderr.count("no room") == 1, done.stderr
        assert process.sql("SELECT state_type, count(*) FROM task_runs GROUP BY ALL") == [["COMPLETED", 51]]
        process.stop()
    finally:
        process.close()
        subprocess.run(["umount", str(place)], check=True)
    assert threading.active_count() < 50


def test_a_result_store_without_room_costs_a_cached_value_never_a_result(store_elsewhere, tmp_path):
    place = tmp_path / "results"
    place.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", str(place)], check=True)
    code = """
    import os, sys
    from penstock import flow, task
    from penstock.cache_policies import INPUTS

    computed = []

    @task(persist_result=True, cache_policy=INPUTS)
    def block(x):
        computed.append(x)
        return os.urandom(100_000) + bytes([x])

    @flow
    def blocks(fill):
        ends = [block(1)[-1]]
        filler = os.path.join(os.environ["PENSTOCK_RESULTS_LOCAL_STORAGE_PATH"], "filler")
        if fill:
            try:
                with open(filler, "wb", buffering=0) as file:
                    while True:
                        file.write(bytes(4096))
            except OSError:
                pass
        try:
            ends.append(block(2)[-1])
        finally:
            if fill:
                os.unlink(filler)
        return [*ends, block(3)[-1]]

    print(blocks(sys.argv[1] == "full"), computed)
    """

    def run(how):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), how],
            env={**store_elsewhere.env, "PENSTOCK_RESULTS_LOCAL_STORAGE_PATH": str(place)},
            timeout=90,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip(), done.stderr

    try:
        said, problems = run("full")
        assert said == "[1, 2, 3] [1, 2, 3]"
        assert problems.count("The result is not stored") == 1
        assert "No space left" in problems
        said, problems = run("with room")
        assert said == "[1, 2, 3] [2]"
        assert "The result is not stored" not in problems
    finally:
        subprocess.run(["umount", str(place)], check=True)
    found = store_elsewhere.sql("SELECT state_name, count(*) FROM task_runs GROUP BY ALL ORDER BY 1")
    assert found == [["Cached", 2], ["Completed", 4]]


@pytest.fixture
def store_elsewhere(cold):
    """A running store on a disk with room."""
    return cold.start()
