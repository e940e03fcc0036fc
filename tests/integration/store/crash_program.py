"""What a store does in a life, with its parts in this process: to be killed at a crash point.

It writes into `acknowledged` what was promised to others, as they would remember it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from uuid import UUID

from penstock._store import decisions
from penstock._values.states import State, StateType

from .events import hello, task_lines
from .inside import Inside


def note(home: Path, text: str) -> None:
    with (home / "acknowledged").open("ab", buffering=0) as file:
        file.write(f"{text}\n".encode())


def live(home: Path) -> None:
    store = Inside(home)
    sweeper = store.sweeper
    sweeper.heal()
    for turn in range(3):
        name = f"box-{os.getpid()}-{turn}-aa"
        lines = [hello()]
        for _ in range(3):
            made, _ = task_lines(len(lines))
            lines += made
        journal = store.workspace.journals / f"{name}.jsonl"
        journal.write_bytes(b"".join(lines))
        note(home, f"lines {name} {store.take(name, lines[:-2])}")
        run = store.call(
            lambda core, turn=turn: decisions.create(core, {"flow_name": f"f{turn}"}, None)[0].id
        )
        note(home, f"run {run} PENDING")
        store.call(lambda core, run=run: decisions.propose(core, run, State(StateType.RUNNING)))
        note(home, f"run {run} RUNNING")
        store.call(lambda core, run=run, name=name: decisions.put_input(core, run, "key", name, None))
        note(home, f"input {run} {name}")
        store.call(lambda core: core.commits.settle())
        sweeper.sweep()
        note(home, f"lines {name} {len(lines) - 1}")
        sweeper.snapshot()
    store.call(lambda core: core.commits.compact())
    body = {"id": str(UUID(int=1)), "name": "v", "value": "1", "tags": []}
    store.call(lambda core: core.emit("variable", body))
    note(home, "variable v")
    store.close()


if __name__ == "__main__":
    live(Path(sys.argv[1]))
