"""Random histories against a small model: whatever happens to the store, it answers as if nothing had.

The store's own parts run here on real files, without HTTP. Each history ends with the database made again from the
journals: it must be the one that lived.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import penstock._ids
from penstock._journal.line import encode
from penstock._store import decisions, upkeep
from penstock._store.core import Refused
from penstock._values.states import TERMINAL, State, StateType

from .events import START, hello, task_lines, task_state
from .inside import Inside, recoveries, tables, views

STATES = ("PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "CANCELLING", "PAUSED", "SCHEDULED")
KEYS = st.sampled_from(("a", "b", "c"))
ONE = st.integers(0, 50)


class Clock:
    """The wall clock, which people and laptops set forward and back."""

    def __init__(self) -> None:
        self.shift = 0

    def time_ns(self) -> int:
        return time.time_ns() + self.shift


class Histories(RuleBasedStateMachine):
    done = SimpleNamespace(examples=0, deaths=0, resent=0, states=0, rebuilt=0)

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="pst-"))
        self.clock = Clock()
        penstock._ids.time = self.clock
        self.store = Inside(self.home)
        self.runs: dict[str, str] = {}
        self.inputs: dict[tuple[str, str], str] = {}
        self.variables: dict[str, str] = {}
        self.journals: dict[str, list[bytes]] = {}
        self.sent: dict[str, int] = {}
        self.tasks: dict[str, str] = {}
        self.calm = 0
        self.done.examples += 1

    def pick(self, of, number):
        return sorted(of)[number % len(of)]

    # ---- what the store decides ----------------------------------------------------------------------------

    @rule(flow=st.sampled_from(("f", "g")), kind=st.sampled_from(("PENDING", "SCHEDULED", "RUNNING")))
    def create(self, flow, kind):
        state = State(StateType(kind))
        run, new = self.store.call(lambda core: decisions.create(core, {"flow_name": flow}, state))
        again, made = self.store.call(
            lambda core: decisions.create(core, {"flow_name": flow, "id": run.id}, state)
        )
        assert (new, made, again.id) == (True, False, run.id)
        self.runs[run.id] = kind

    @precondition(lambda self: self.runs)
    @rule(number=ONE, kind=st.sampled_from(STATES), force=st.booleans(), twice=st.booleans())
    def propose(self, number, kind, force, twice):
        run_id = self.pick(self.runs, number)
        state = State(StateType(kind))
        verdict = self.store.call(lambda core: decisions.propose(core, run_id, state, force=force))
        before = self.runs[run_id]
        if verdict.decision.status in ("WAIT", "ABORT"):
            assert verdict.run.state.type.value == before
        else:
            self.runs[run_id] = verdict.run.state.type.value
            self.done.states += 1
        if force:
            assert self.runs[run_id] == kind
        elif StateType(before) in TERMINAL and kind == "RUNNING":
            assert self.runs[run_id] == before
        if twice and verdict.is_new and verdict.state.id == state.id:
            again = self.store.call(lambda core: decisions.propose(core, run_id, state))
            assert (again.is_new, again.run_count) == (False, verdict.run_count)

    @precondition(lambda self: self.runs)
    @rule(number=ONE, key=KEYS, value=st.text(max_size=5), replace=st.booleans())
    def give_input(self, number, key, value, replace):
        run_id = self.pick(self.runs, number)
        taken = (run_id, key) in self.inputs and not replace
        try:
            self.store.call(lambda core: decisions.put_input(core, run_id, key, value, None, replace=replace))
            refused = None
        except Refused as error:
            refused = error.status
        assert refused == (409 if taken else None)
        if not taken:
            self.inputs[run_id, key] = value

    @precondition(lambda self: self.inputs)
    @rule(number=ONE)
    def delete_input(self, number):
        run_id, key = self.pick(self.inputs, number)
        self.store.call(lambda core: decisions.delete_input(core, run_id, key))
        del self.inputs[run_id, key]

    @rule(name=KEYS, value=st.integers())
    def set_variable(self, name, value):
        body = {"id": str(UUID(int=ord(name))), "name": name, "value": str(value), "tags": []}
        self.store.call(lambda core: core.emit("variable", body))
        self.variables[name] = str(value)

    @precondition(lambda self: self.variables)
    @rule(number=ONE)
    def delete_variable(self, number):
        name = self.pick(self.variables, number)
        body = {"id": str(UUID(int=ord(name))), "name": name, "deleted": True}
        self.store.call(lambda core: core.emit("variable", body))
        del self.variables[name]

    # ---- what clients say ----------------------------------------------------------------------------------

    @rule(
        name=KEYS,
        back=st.integers(0, 6),
        count=st.integers(1, 4),
        end=st.sampled_from(("RUNNING", "COMPLETED", "FAILED")),
    )
    def journal_tasks(self, name, back, count, end):
        """The client writes its file first; what it has sent of it is another matter."""
        lines = self.journals.setdefault(name, [hello()])
        for _ in range(count):
            made, task = task_lines(len(lines), states=("RUNNING", end) if end != "RUNNING" else ("RUNNING",))
            lines += made
            self.tasks[task] = end
        self.write(name)
        if back:
            self.send(name, back, 2 * count)

    @precondition(lambda self: self.tasks)
    @rule(number=ONE, name=KEYS)
    def say_more_of_a_task(self, number, name):
        lines = self.journals.setdefault(name, [hello()])
        task = self.pick(self.tasks, number)
        lines.append(
            task_state(
                len(lines), task, "CRASHED", at=START + 10_000_000 + sum(map(len, self.journals.values()))
            )
        )
        self.tasks[task] = "CRASHED"
        self.write(name)

    def write(self, name):
        path = self.store.workspace.journals / f"{name}.jsonl"
        path.write_bytes(b"".join(self.journals[name]))

    @precondition(lambda self: self.journals)
    @rule(number=ONE, back=st.integers(0, 6), most=st.integers(1, 30))
    def send_some(self, number, back, most):
        self.send(self.pick(self.journals, number), back, most)

    def send(self, name, back, most):
        """Lines may come twice, never with one missing."""
        first = max(0, self.sent.get(name, 0) - back)
        self.done.resent += min(back, self.sent.get(name, 0))
        lines = self.journals[name][first : self.sent.get(name, 0) + most]
        self.sent[name] = max(self.sent.get(name, 0), self.store.take(name, lines) + 1)

    @precondition(lambda self: self.journals)
    @rule(number=ONE, ahead=st.integers(1, 5))
    def send_with_a_gap(self, number, ahead):
        name = self.pick(self.journals, number)
        mark = self.store.call(lambda core: core.hwm.get(name, -1))
        lines = self.journals[name][mark + 1 + ahead :]
        if lines:
            with pytest.raises(Refused) as refused:
                self.store.take(name, lines)
            assert (refused.value.status, refused.value.body["hwm"]) == (409, mark)

    # ---- what happens to everybody -------------------------------------------------------------------------

    @rule(hours=st.integers(-30, 30))
    def set_the_clock(self, hours):
        self.clock.shift = hours * 3_600_000_000_000

    @rule(settle=st.booleans())
    def tidy(self, settle):
        if settle:
            self.store.call(lambda core: core.commits.settle())
        else:
            self.store.call(lambda core: core.commits.checkpoint())
        self.agree()

    @invariant()
    def time_passes(self):
        self.calm += 1

    @precondition(lambda self: self.calm > 8)
    @rule(kind=st.sampled_from(("killed", "stopped", "log lost")))
    def another_store(self, kind):
        self.calm = 0
        if kind == "stopped":
            self.store.close()
        else:
            self.store.die()
        if kind == "log lost":
            (self.home / "store.duckdb.wal").unlink(missing_ok=True)
        self.store = Inside(self.home)
        if kind == "log lost":
            self.heal()
        self.done.deaths += 1
        self.agree()

    def heal(self):
        """As the sweeper does at its start; the clients of this test are no processes, so nobody buries them."""
        self.store.sweeper.heal()
        self.sent |= {name: self.store.core.hwm.get(name, -1) + 1 for name in self.journals}

    def agree(self):
        found = dict(self.store.read("SELECT id::VARCHAR, state_type FROM runs"))
        assert found == self.runs
        for run_id, state in self.runs.items():
            assert self.store.call(lambda core, run_id=run_id: core.run(run_id).state.type.value) == state
        inputs = self.store.read("SELECT flow_run_id::VARCHAR, key, value FROM inputs")
        assert {(run, key): value for run, key, value in inputs} == self.inputs
        variables = self.store.read("SELECT name, value->>'$' FROM variables")
        assert dict(variables) == self.variables

    def teardown(self):
        try:
            self.heal()
            self.agree()
            found = self.store.read("SELECT id::VARCHAR, state_type FROM task_runs")
            assert dict(found) == self.tasks
            assert upkeep.check(self.store.database, self.store.workspace) == []
            live = tables(self.store), views(self.store)
            self.store.die()
            (self.home / "store.duckdb").write_bytes(b"")
            self.store = Inside(self.home)
            assert len(recoveries(self.store)) == 1
            rebuilt = tables(self.store), views(self.store)
            rebuilt[0]["event"] = live[0]["event"]
            assert rebuilt == live
            self.done.rebuilt += sum(count for count, _ in live[0].values())
        finally:
            penstock._ids.time = time
            self.store.close()
            shutil.rmtree(self.home)


def test_random_histories_agree_with_the_model_and_with_their_rebuilding(nightly):
    size = (
        {"max_examples": 2000, "stateful_step_count": 80}
        if nightly
        else {"max_examples": 10, "stateful_step_count": 40}
    )
    run_state_machine_as_test(
        Histories,
        settings=settings(
            **size,
            deadline=None,
            derandomize=not nightly,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    done = Histories.done
    assert done.examples >= size["max_examples"] // 2
    assert done.deaths >= 5
    assert done.resent >= 5
    assert done.states >= 3
    assert done.rebuilt > 300


def test_lines_out_of_order_are_refused(home):
    store = Inside(home)
    try:
        lines = [hello(), *(encode(n, "log", START + n, {"message": str(n)}) for n in range(1, 6))]
        for order in ([1, 0], [0, 2, 1], [0, 1, 1, 2]):
            with pytest.raises(Refused) as refused:
                store.take("box-1-1-aa", [lines[n] for n in order])
            assert refused.value.status == 409
        assert store.read("SELECT count(*) FROM logs") == [(0,)]
        assert store.take("box-1-1-aa", lines) == 5
    finally:
        store.close()


def test_two_processes_with_one_name_are_told_apart(home, capfd):
    store = Inside(home)
    try:
        mine = [hello(), *(encode(n, "log", START + n, {"message": str(n)}) for n in range(1, 40))]
        theirs = [encode(n, "log", START + n + 7, {"message": "other"}) for n in range(20, 60)]
        assert store.take("box-1-1-aa", mine) == 39
        assert store.take("box-1-1-aa", mine[10:]) == 39
        with pytest.raises(Refused, match="two processes write under this name") as refused:
            store.take("box-1-1-aa", theirs)
        assert refused.value.status == 422
        assert store.read("SELECT count(*) FROM logs WHERE message = 'other'") == [(0,)]
        assert "two processes" in capfd.readouterr().err
    finally:
        store.close()
