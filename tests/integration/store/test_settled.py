"""Task runs that have ended move to a table of their own; whoever asks must not notice."""

from __future__ import annotations

from random import Random
from uuid import UUID

import pytest

from penstock._store.database import Database

FLOWS = [str(UUID(int=number)) for number in range(1, 5)]


def history(rng: Random, count: int):
    """Rows as the writer makes them: creations, states in and out of time, fences, renames, deletions."""
    tasks: list[tuple[str, str | None]] = []
    for seq in range(count):
        key = (f"c{rng.randrange(3)}", seq, 1_000_000 + seq * 10 - rng.choice((0, 0, 0, 5_000)))
        choice = rng.random()
        if choice < 0.25 or not tasks:
            tasks.append((str(UUID(int=rng.getrandbits(128))), rng.choice([*FLOWS, None])))
            task, flow = tasks[-1]
            yield (
                "task_run",
                (*key, task, flow, "k", "t", f"t-{seq}", str(seq), ["x"], "threads", '{"a": 1}'),
            )
        elif choice < 0.9:
            task, flow = rng.choice(tasks[-12:] if rng.random() < 0.8 else tasks)
            kind = rng.choice(("PENDING", "RUNNING", "COMPLETED", "FAILED", "CRASHED"))
            state = str(UUID(int=rng.getrandbits(128)))
            yield (
                "task_state",
                (*key, state, task, flow, kind, kind.title(), None, None, rng.randrange(3)),
            )
        elif choice < 0.94:
            yield "fence", (*key, rng.choice(tasks)[0])
        elif choice < 0.97:
            yield "renamed", (*key, "task", rng.choice(tasks)[0], f"name {seq}")
        elif choice < 0.99:
            yield "deleted", (*key, "task_run", rng.choice(tasks)[0])
        elif rng.random() < 0.2:
            yield "deleted", (*key, "flow_run", FLOWS[rng.randrange(2)])


@pytest.mark.parametrize("seed", range(4))
def test_settled_and_computed_task_runs_are_the_same(tmp_path, seed):
    rng = Random(seed)
    often, never = Database(tmp_path / "often.duckdb"), Database(tmp_path / "never.duckdb")
    moved = checks = 0
    try:
        batch: dict[str, list[tuple]] = {}
        for table, row in history(rng, 600):
            batch.setdefault(table, []).append(row)
            if rng.random() < 0.1:
                often.write(batch)
                never.write(batch)
                batch = {}
                if rng.random() < 0.5:
                    often.settle(due_only=False)
                    moved = max(moved, often.read("SELECT count(*) FROM raw.settled")[0][0])
            if rng.random() < 0.02:
                checks += 1
                assert often.read("FROM task_runs ORDER BY id") == never.read("FROM task_runs ORDER BY id")
                assert (
                    often.read("SELECT id FROM raw.settled SEMI JOIN raw.unsettled ON task_run_id = id") == []
                )
        assert never.read("SELECT count(*) FROM raw.settled") == [(0,)]
        assert moved > 20
        assert checks > 3
    finally:
        often.close()
        never.close()


def test_what_waits_is_known_again_after_opening(tmp_path):
    path = tmp_path / "a.duckdb"
    database = Database(path)
    rows = list(history(Random(1), 200))
    for table, row in rows[:100]:
        database.write({table: [row]})
    database.settle(due_only=False)
    assert database.read("SELECT count(*) > 5 FROM raw.settled") == [(True,)]
    database.close()
    database = Database(path)
    for table, row in rows[100:]:
        database.write({table: [row]})
    computed = Database(tmp_path / "b.duckdb")
    for table, row in rows:
        computed.write({table: [row]})
    try:
        assert database.read("FROM task_runs ORDER BY id") == computed.read("FROM task_runs ORDER BY id")
    finally:
        database.close()
        computed.close()
