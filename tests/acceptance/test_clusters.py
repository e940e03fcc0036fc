"""What holds on Dask and on Ray: data stays on the workers, deaths and refusals are told, nothing is left."""

from __future__ import annotations

import logging
import threading

import pytest

from penstock._engine import remote_values
from penstock.exceptions import SerializationError

from . import cluster_flows as flows
from .conftest import WORDS
from .support import eventually, rows, settled

CLUSTERS = WORDS[2:]


@pytest.fixture(params=CLUSTERS)
def runner(request, shared):
    return shared(request.param)


@pytest.fixture
def fetches(monkeypatch):
    """Count how often the driver brought a value here, at the edge to the cluster."""
    counted = []
    real = remote_values.RemoteValue.get

    def get(self):
        counted.append(self)
        return real(self)

    monkeypatch.setattr(remote_values.RemoteValue, "get", get)
    return counted


def test_big_results_are_passed_on_without_the_driver(runner, fetches):
    @flows.flow(task_runner=runner)
    def only_pass_on():
        block = flows.big_block.submit()
        return [future.result() for future in [flows.weigh.submit(block) for _ in range(3)]]

    assert only_pass_on() == [flows.BIG] * 3
    assert fetches == []


def test_a_big_result_is_fetched_when_asked_for(runner, fetches):
    state = flows.return_big.with_options(task_runner=runner)(return_state=True)
    assert int(state.result().result().sum()) == flows.BIG
    assert {type(value).__name__ for value in fetches} == {"RemoteValue"}


@pytest.mark.parametrize(
    ("make", "named"),
    [(threading.Lock, "_thread.lock"), (lambda: (n for n in [1]), "builtins.generator")],
    ids=["lock", "generator"],
)
def test_what_cannot_be_pickled_is_named(runner, make, named):
    value = make()
    run_id, state, fine = flows.send.with_options(task_runner=runner)(value)
    assert (state.name, type(state.data), fine) == ("Failed", SerializationError, "fine")
    assert f"argument 'x' is a {named}" in state.message
    assert "Task 'echo' cannot be sent" in state.message
    assert rows(f"SELECT state_name FROM task_runs WHERE flow_run_id = '{run_id}' AND state_type = 'FAILED'")


def test_a_global_that_cannot_be_pickled_is_named(runner):
    state = flows.send_lock.with_options(task_runner=runner)(return_state=True)
    assert "global 'LOCK' it uses is a _thread.lock" in state.message


def test_prints_and_logs_come_from_the_workers(runner):
    run_id = flows.shout_all.with_options(task_runner=runner)(5)
    settled(run_id, 5)
    said = f"SELECT message FROM logs WHERE flow_run_id = '{run_id}' AND message LIKE '#%' ORDER BY message"
    eventually(lambda: len(rows(said)) == 5)
    assert [row["message"] for row in rows(said)] == [f"#{n}" for n in range(5)]


def test_worker_logs_reach_the_console_of_the_driver(runner, capsys):
    root = logging.getLogger("penstock")
    flows.shout_all.with_options(task_runner=runner)(2)
    shown = capsys.readouterr().err
    if root.isEnabledFor(logging.INFO):
        assert ("- #0" in shown, "- #1" in shown) == (True, True)


def test_a_chain_does_not_need_a_worker_a_link(runner):
    assert flows.chain.with_options(task_runner=runner)(20) == 20


def test_many_runs_keep_their_order(runner):
    assert flows.many.with_options(task_runner=runner)(200) == list(range(200))


def test_a_killed_worker_crashes_its_run_and_the_flow_ends(runner):
    run_id, before, dead, after = flows.one_dies.with_options(task_runner=runner)()
    assert (before, after, dead.type.value) == ("before", "after", "CRASHED")
    assert "The worker did not finish this run" in dead.message
    where = f"flow_run_id = '{run_id}'"
    final = f"SELECT task_name, state_type FROM task_runs WHERE {where} ORDER BY task_name, state_type"
    expected = [("die", "CRASHED"), ("echo", "COMPLETED"), ("echo", "COMPLETED")]
    eventually(lambda: [tuple(row.values()) for row in rows(final)] == expected)
    assert rows(f"SELECT state_name FROM runs WHERE id = '{run_id}'") == [{"state_name": "Completed"}]
