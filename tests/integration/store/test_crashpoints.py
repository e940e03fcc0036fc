"""`kill -9` at every named place of the store, of a client and of the engine: what was promised is there, once."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from penstock._store import upkeep

from .conftest import StoreProcess, eventually
from .events import hello, logs, task_lines
from .inside import opened, recoveries, tables, views, whole_lines

ROOT = Path(__file__).parents[3]
#: Places the store's parts pass in a life (`crash_program.py`).
PARTS = [
    "core.decided",
    "core.journalled",
    "core.taken",
    "core.commit",
    "core.committed",
    "core.answered",
    "commits.answered",
    "database.commit",
    "database.committed",
    "database.settle",
    "database.settled",
    "database.checkpoint",
    "database.checkpointed",
    "database.copying",
    "database.compacted",
    "snapshot.copied",
    "snapshot.marked",
    "snapshot.renamed",
    "snapshot.pruning",
    "archive.pruning",
    "sweeper.found",
    "sweeper.taken",
    "sweeper.crashed",
    "sweeper.archived",
    "journal.created",
    "journal.locked",
    "journal.write",
    "journal.written",
    "journal.bye",
]
#: The same places later in that life, for the long form.
LATER = [
    "core.decided:5",
    "core.journalled:6",
    "core.commit:7",
    "core.committed:8",
    "core.answered:9",
    "core.taken:12",
    "database.commit:6",
    "database.committed:6",
    "database.commit:14",
    "database.settle:2",
    "database.checkpoint:3",
    "snapshot.copied:2",
    "snapshot.marked:3",
    "snapshot.renamed:3",
    "sweeper.taken:2",
    "sweeper.archived:3",
    "journal.written:9",
]
#: Places on the way from a damaged database to a whole one.
RECOVERY = [
    "recovery.quarantining",
    "recovery.quarantined",
    "recovery.replaying",
    "recovery.replayed",
    "recovery.renamed",
    "database.commit",
]
#: Places only a process that serves passes: while it starts, while it ends.
PROCESS = [
    "store.opened",
    "replace.written",
    "replace.renamed",
    "store.ending",
    "store.synced",
    "store.closed",
]
#: Places of a client and of the engine in a script with one flow.
CLIENT = [
    "session.journal",
    "session.open",
    "session.close",
    "session.drained",
    "session.closed",
    "journal.created",
    "journal.locked",
    "journal.write:2",
    "journal.write:7",
    "journal.written:3",
    "journal.written:12",
    "sender.read",
    "sender.acknowledged",
    "sender.noted",
    "sender.read:2",
    "engine.effect",
    "engine.effect:3",
    "engine.effect:6",
    "engine.effect:12",
    "results.write",
    "results.written:2",
]

FLOW = """
from penstock import flow, task

@task(persist_result=True)
def double(x):
    return 2 * x

@flow
def numbers():
    return [double(n) for n in range(4)]

print(sum(numbers()))
"""


def names_in_source() -> set[str]:
    source = ROOT / "src" / "penstock"
    found = (re.findall(r'crashpoint\("([a-z.]+)"\)', path.read_text()) for path in source.rglob("*.py"))
    return {name for names in found for name in names}


def test_every_place_is_tried():
    tried = {place.split(":")[0] for place in [*PARTS, *RECOVERY, *PROCESS, *CLIENT]}
    assert tried == names_in_source()
    assert len(tried) >= 40


@pytest.fixture
def times(nightly):
    """How often a process is killed at one place, each in what the one before left."""
    return 5 if nightly else 1


def run_until(place: str, home: Path) -> None:
    env = {**StoreProcess(home).env, "PENSTOCK_CRASHPOINT": place}
    command = [sys.executable, "-m", "tests.integration.store.crash_program", str(home)]
    done = subprocess.run(command, cwd=ROOT, env=env, timeout=60, stderr=subprocess.PIPE, check=False)
    assert done.returncode == -signal.SIGKILL, (place, done.stderr.decode()[-2000:])


def check_promises(home: Path) -> int:
    """Open the workspace as the next store would, compare with what was promised; returns how many promises."""
    promises = (home / "acknowledged").read_text().splitlines() if (home / "acknowledged").exists() else []
    with opened(home) as store:
        store.sweeper.sweep()
        assert upkeep.check(store.database, store.workspace) == []
        marks, states = store.database.marks(), dict(store.read("SELECT id::VARCHAR, state_type FROM runs"))
        inputs = set(store.read("SELECT flow_run_id::VARCHAR, value FROM inputs"))
        last = {}
        for promise in promises:
            what, *rest = promise.split()
            if what == "lines":
                assert marks[rest[0]] >= int(rest[1])
            elif what == "run":
                last[rest[0]] = rest[1]
            elif what == "input":
                assert tuple(rest) in inputs
            else:
                assert store.read("SELECT name FROM variables") == [("v",)]
        order = ["PENDING", "RUNNING"]
        assert all(order.index(states[run]) >= order.index(state) for run, state in last.items())
        for table in ("task_run", "task_state", "flow_run", "flow_state", "log"):
            sql = f"SELECT count(*), count(DISTINCT (client, seq)) FROM raw.{table}"
            count, distinct = store.read(sql)[0]
            assert count == distinct or table == "task_state", table
        lines = whole_lines(home)
        assert all(marks[client] == written[-1].seq for client, written in lines.items() if written)
    return len(promises)


@pytest.mark.parametrize("place", [*PARTS, *LATER])
def test_a_store_killed_at_any_place_keeps_its_promises(home, place, nightly, times):
    if place in LATER and not nightly:
        pytest.skip("later passages are for --nightly")
    for _ in range(times):
        run_until(place, home)
        promises = check_promises(home)
    early = {
        "journal.created",
        "journal.locked",
        "journal.write",
        "journal.written",
        "core.taken",
        "core.commit",
    }
    early |= {"core.decided", "core.journalled", "core.committed", "core.answered", "commits.answered"}
    early |= {"database.commit"}
    assert promises > 0 or place in early | {"database.committed"}


@pytest.mark.parametrize("place", RECOVERY)
def test_a_rebuilding_that_is_killed_is_done_by_the_next_one(home, place, times):
    with opened(home) as store:
        lines = [hello(), *task_lines(1)[0]]
        store.workspace.journals.joinpath("box-1-1-aa.jsonl").write_bytes(b"".join(lines))
        store.take("box-1-1-aa", lines)
        store.sweeper.sweep()
        store.sweeper.snapshot()
        if place == "recovery.replaying":  # passed after each 20,000 lines that no snapshot has
            more = store.workspace.journals / "box-2-2-bb.jsonl"
            more.write_bytes(b"".join([hello(), *logs(1, 41_000)]))
            store.sweeper.sweep()
        live = tables(store), views(store)
    for _ in range(times):
        (home / "store.duckdb").write_bytes(b"nothing")
        run_until(place, home)
    with opened(home) as store:
        store.sweeper.sweep()
        found = tables(store), views(store)
        assert upkeep.check(store.database, store.workspace) == []
        assert len(recoveries(store)) <= 1
    assert found[0]["task_state"] == live[0]["task_state"]
    assert found[1]["task_runs"] == live[1]["task_runs"]
    assert found[1]["logs"] == live[1]["logs"]
    assert next(path.read_bytes() for path in (home / "quarantine").glob("*/store.duckdb")) == b"nothing"


@pytest.mark.parametrize("place", PROCESS)
def test_a_process_killed_while_it_starts_or_ends_is_replaced(home, place, times):
    first = StoreProcess(home).start()
    run = first.create("RUNNING")
    first.stop()
    dying = StoreProcess(home, PENSTOCK_CRASHPOINT=place)
    try:
        for _ in range(times):
            process = dying.spawn()
            if place in ("store.ending", "store.synced", "store.closed"):
                eventually(lambda process=process: dying.answers(process))
                process.send_signal(signal.SIGTERM)
            assert process.wait(60) == -signal.SIGKILL
        first.start()
        assert first.get(f"/api/flow_runs/{run}").json["state_type"] == "RUNNING"
        assert first.sql("SELECT count(*) FROM runs") == [[1]]
    finally:
        first.close()
        dying.close()


@pytest.fixture(scope="module")
def served():
    import shutil
    import tempfile

    path = Path(tempfile.mkdtemp(prefix="pst-"))
    process = StoreProcess(path, PENSTOCK_STORE_IDLE_SECONDS="120").start()
    yield process
    process.close()
    shutil.rmtree(path)


@pytest.mark.parametrize("place", CLIENT)
def test_a_client_killed_at_any_place_leaves_all_it_wrote_and_no_run_running(served, place, times):
    before = {path.stem for path in (served.home / "journal" / "archive").glob("*.jsonl")}
    for _ in range(times):
        done = subprocess.run(
            [sys.executable, "-c", FLOW],
            env={**served.env, "PENSTOCK_CRASHPOINT": place},
            timeout=60,
            capture_output=True,
            check=False,
        )
        assert done.returncode == -signal.SIGKILL, (place, done.stderr.decode()[-2000:])
    living = served.endpoint["pid"]
    eventually(lambda: all(f"-{living}-" in path.name for path in journals_of(served)), 30)
    fresh = {name: lines for name, lines in whole_lines(served.home).items() if name not in before}
    for name, lines in fresh.items():
        if f"-{living}-" in name or not lines:
            continue
        count = sum(line.kind in ("task_run", "state") for line in lines)
        assert served.sql(f"SELECT count(*) FROM raw.task_state WHERE client = '{name}'") == [[count]]
    unfinished = "state_type IN ('PENDING', 'RUNNING')"
    assert served.sql(f"SELECT count(*) FROM runs WHERE {unfinished}") == [[0]]
    assert served.sql(f"SELECT count(*) FROM task_runs WHERE {unfinished}") == [[0]]


def journals_of(store: StoreProcess) -> list[Path]:
    """Journals that still wait; one that was killed before its first line is nobody's."""
    found = []
    for path in (store.home / "journal").glob("*.jsonl"):
        with contextlib.suppress(FileNotFoundError):  # archived since it was listed
            if path.stat().st_size:
                found.append(path)
    return found
