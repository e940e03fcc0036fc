"""Every way a database file or its log may be damaged: the store starts, nothing acknowledged is lost, people see it.

The rows are those a survey of DuckDB's behaviour found: some damage is refused at opening, some is met later, and some
is silent (a log that was cut or is gone loses its commits without a word).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from penstock._journal.line import encode
from penstock._store import upkeep
from penstock._store.database import Database
from penstock._workspace import Workspace

from .events import START, hello, task_lines
from .inside import Inside, opened, recoveries, tables, views

TASKS = 240
CLIENT = "box-1-1-aa"
GONE = "box-2-2-bb"

#: Fills a workspace and is gone without closing anything: the newest commits are in the log only.
FILL = """
import os, sys
from pathlib import Path
from tests.integration.store.test_damage import fill
fill(Path(sys.argv[1]))
os._exit(0)
"""


def lines_of(tasks: int) -> list[list[bytes]]:
    """Batches of one client: a hello, then four tasks a batch."""
    batches, seq = [[hello()]], 1
    for _ in range(tasks // 4):
        batch = []
        for _ in range(4):
            lines, _ = task_lines(seq)
            batch += lines
            seq += len(lines)
        batches.append(batch)
    return batches


def fill(home: Path) -> None:
    store = Inside(home)
    for name, folder in ((GONE, store.workspace.archive), (CLIENT, store.workspace.journals)):
        folder.mkdir(exist_ok=True)
        batches = lines_of(TASKS)
        for number, batch in enumerate(batches):
            with (folder / f"{name}.jsonl").open("ab") as journal:
                journal.write(b"".join(batch))
            store.take(name, batch)
            if name == CLIENT and number == len(batches) // 2:
                store.sweeper.snapshot()


@pytest.fixture(scope="module")
def template():
    path = Path(tempfile.mkdtemp(prefix="pst-"))
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", FILL, str(path)], check=True, cwd=root, timeout=60)
    assert (path / "store.duckdb.wal").stat().st_size > 10_000
    assert len(list((path / "snapshots").glob("*.duckdb"))) == 1
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def whole(template):
    """What a store that nothing happened to shows."""
    path = Path(tempfile.mkdtemp(prefix="pst-"))
    shutil.copytree(template, path, dirs_exist_ok=True)
    with opened(path) as store:
        assert recoveries(store) == []
        seen = tables(store), views(store)
    shutil.rmtree(path)
    assert seen[0]["task_run"][0] == 2 * TASKS
    assert seen[0]["task_state"][0] == 6 * TASKS
    return seen


@dataclass(frozen=True)
class Damage:
    name: str
    do: Callable[[Path, Path, Random], None]
    #: True: the file is refused and kept. False: no harm, or a silent loss that the journals heal. None: either.
    kept: bool | None
    times: int = 1


def cut(path: Path, rng: Random) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(rng.randrange(1, size))


def flip(path: Path, rng: Random) -> None:
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def overwrite(path: Path, start: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(data)


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def half_zeroed(path: Path) -> None:
    size = path.stat().st_size
    overwrite(path, size // 2, bytes(size - size // 2))


def another_generation(db: Path) -> None:
    """A fresh database beside the log of the old one."""
    db.unlink()
    kept = db.with_name("kept.wal")
    wal_of(db).rename(kept)
    Database(db).close()
    kept.rename(wal_of(db))


def wal_of(db: Path) -> Path:
    return db.with_name(f"{db.name}.wal")


SQLITE = b"SQLite format 3\x00" + bytes(4080)
MATRIX = (
    Damage("the log is cut", lambda db, wal, rng: cut(wal, rng), None, 4),
    Damage("the log has a changed bit", lambda db, wal, rng: flip(wal, rng), True, 3),
    Damage("the second half of the log is zero", lambda db, wal, rng: half_zeroed(wal), None),
    Damage("the log ends in garbage", lambda db, wal, rng: append(wal, rng.randbytes(1024)), None),
    Damage("the log ends in zeros", lambda db, wal, rng: append(wal, bytes(4096)), None),
    Damage("the log is random", lambda db, wal, rng: wal.write_bytes(rng.randbytes(5000)), None),
    Damage("the log is empty", lambda db, wal, rng: wal.write_bytes(b""), None),
    Damage("the log is gone", lambda db, wal, rng: wal.unlink(), None),
    Damage("the file is cut", lambda db, wal, rng: cut(db, rng), True, 4),
    Damage("the file has a changed bit", lambda db, wal, rng: flip(db, rng), None, 6),
    Damage("the main header is zero", lambda db, wal, rng: overwrite(db, 0, bytes(4096)), True),
    Damage("the first header is zero", lambda db, wal, rng: overwrite(db, 4096, bytes(4096)), True),
    Damage("the second header is zero", lambda db, wal, rng: overwrite(db, 8192, bytes(4096)), True),
    Damage("the file is empty", lambda db, wal, rng: db.write_bytes(b""), True),
    Damage("the file is of another program", lambda db, wal, rng: db.write_bytes(SQLITE), True),
    Damage("the log is of another generation", lambda db, wal, rng: another_generation(db), True),
    Damage("the file is gone", lambda db, wal, rng: db.unlink(), True),
    Damage("both are gone", lambda db, wal, rng: (db.unlink(), wal.unlink()), False),
)


@pytest.mark.parametrize(
    ("damage", "turn"),
    [(damage, turn) for damage in MATRIX for turn in range(damage.times)],
    ids=lambda value: value.name if isinstance(value, Damage) else str(value),
)
def test_no_damage_to_the_database_loses_anything(template, whole, home, capfd, damage, turn):
    shutil.copytree(template, home, dirs_exist_ok=True)
    db = home / "store.duckdb"
    damage.do(db, wal_of(db), Random(f"{damage.name} {turn}"))
    begun = time.monotonic()
    store = Inside(home)
    assert time.monotonic() - begun < 15
    store.sweeper.heal()
    if upkeep.check(store.database, store.workspace):
        # A damaged block was met after the file had been opened: the process goes and the next one rebuilds.
        assert (home / "store.damaged").exists()
        store.die()
        store = Inside(home)
        store.sweeper.heal()
    try:
        found, shown, told = tables(store), views(store), recoveries(store)
        problems = upkeep.check(store.database, store.workspace)
    finally:
        store.close()
    found["event"] = whole[0]["event"]
    assert (found, shown) == whole
    assert problems == []
    kept = list((home / "quarantine").glob("*/store.duckdb*"))
    assert len(told) == (1 if kept or (not turn and damage.name == "both are gone") else 0)
    assert bool(kept) == damage.kept or damage.kept is None
    assert ("rebuilt from" in capfd.readouterr().err) == bool(told)


def test_what_only_snapshots_have_survives_the_loss_of_database_and_newest_snapshot(template, whole, home):
    shutil.copytree(template, home, dirs_exist_ok=True)
    workspace = Workspace(home)
    with opened(home) as store:
        store.sweeper.sweep()
        archived = len(list(workspace.archive.glob("*.jsonl")))
        for number in range(3):
            store.take(f"box-{number}-9-cc", [hello()])
            store.sweeper.snapshot()
        left = [path.stem for path in workspace.archive.glob("*.jsonl")]
    assert archived >= 2
    assert not {CLIENT, GONE} & set(left), "what two snapshots have need not be kept"
    newest, older = sorted(workspace.snapshots.glob("*.duckdb"), reverse=True)
    newest.write_bytes(newest.read_bytes()[:-5000])
    workspace.database.unlink()
    with opened(home) as store:
        found, problems = tables(store), upkeep.check(store.database, workspace)
        assert older.name in recoveries(store)[0]
    for name in ("task_run", "task_state", "edge"):
        assert found[name] == whole[0][name]
    assert problems == []
    assert [path.name for path in workspace.quarantine.glob("*/store.*.duckdb")] == [newest.name]


def test_a_copy_that_was_put_back_is_noticed(template, whole, home):
    shutil.copytree(template, home, dirs_exist_ok=True)
    with opened(home) as store:
        store.sweeper.snapshot()
    old = next((template / "snapshots").glob("*.duckdb"))
    shutil.copyfile(old, home / "store.duckdb")
    with opened(home) as store:
        assert tables(store)["task_state"] == whole[0]["task_state"]
        assert "older than the newest snapshot" in recoveries(store)[0]


def test_a_store_process_rebuilds_and_says_so(template, home):
    from .conftest import StoreProcess, eventually

    shutil.copytree(template, home, dirs_exist_ok=True)
    (home / "store.duckdb").write_bytes(b"not a database" * 1000)
    process = StoreProcess(home).start()
    try:
        eventually(lambda: process.sql("SELECT count(*) FROM task_runs") == [[2 * TASKS]])
        events = process.post("/api/events/filter", {"filter": {"event": {"prefix": ["penstock."]}}}).json[
            "events"
        ]
        assert [event["event"] for event in events] == ["penstock.store.recovered"]
        assert events[0]["payload"]["snapshot"]
        assert "rebuilt from" in process.log()
        assert [path.name for path in home.glob("quarantine/*/*")] != []
    finally:
        process.close()


def test_what_is_deleted_leaves_no_holes_after_compacting(home):
    with opened(home) as store:
        store.take(
            CLIENT,
            [
                hello(),
                *(encode(n, "log", START + n, {"message": "x" * 500 + str(n)}) for n in range(1, 4000)),
            ],
        )
        store.call(lambda core: core.commits.checkpoint())
        store.database._con.execute("DELETE FROM raw.log WHERE seq % 50 <> 0")
        before = views(store)
        compacted = upkeep.vacuum(store.core)
        assert compacted.after < compacted.before
        assert views(store) == before
        assert store.take(CLIENT, [encode(4000, "log", START, {"message": "goes on"})]) == 4000
        assert store.read("SELECT count(*) FROM logs") == [(80,)]
