"""`concurrency` and `rate_limit` in blocking code, inside and outside of runs."""

from __future__ import annotations

import os
import signal
import threading
import time
from uuid import uuid4

import pytest

from penstock import flow, task
from penstock._engine.cancellation import Token, current_token
from penstock.concurrency.context import ConcurrencyContext
from penstock.concurrency.sync import (
    AcquireConcurrencySlotTimeoutError,
    ConcurrencySlotAcquisitionError,
    concurrency,
    rate_limit,
)
from penstock.exceptions import RunCancelled


class Counter:
    """How many are inside, and how many were at most."""

    def __init__(self):
        self.inside = self.most = self.total = 0
        self._lock = threading.Lock()

    def __enter__(self):
        with self._lock:
            self.inside += 1
            self.total += 1
            self.most = max(self.most, self.inside)

    def __exit__(self, *_):
        with self._lock:
            self.inside -= 1


def in_threads(work, count):
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def test_slots_are_held_during_the_block_and_free_after_it(limit):
    db = limit(3)
    with concurrency(db.name, occupy=2):
        assert db.taken == 2
    assert db.taken == 0


def test_slots_are_free_after_an_error_in_the_block(limit):
    db = limit(1)
    with pytest.raises(KeyError), concurrency(db.name):
        raise KeyError
    assert db.taken == 0


def test_never_more_than_the_limit_are_inside(limit):
    db, counter = limit(3), Counter()

    def work():
        for _ in range(4):
            with concurrency(db.name), counter:
                threading.Event().wait(0.002)

    in_threads(work, 8)
    assert (counter.total, counter.most) == (32, 3)
    assert db.taken == 0


def test_many_small_requests_do_not_starve_a_big_one(limit):
    db, stop, got = limit(2), threading.Event(), threading.Event()

    def small():
        while not stop.is_set():
            with concurrency(db.name):
                pass

    def big():
        with concurrency(db.name, occupy=2, timeout_seconds=20):
            got.set()
        stop.set()

    threads = [threading.Thread(target=small) for _ in range(3)] + [threading.Thread(target=big)]
    for thread in threads:
        thread.start()
    assert got.wait(20)
    stop.set()
    for thread in threads:
        thread.join(10)


def test_several_limits_are_held_together_or_not_at_all(limit):
    wide, narrow = limit(2), limit(1)
    with concurrency(narrow.name):
        with pytest.raises(TimeoutError), concurrency([wide.name, narrow.name], timeout_seconds=0.05):
            raise AssertionError("not reached")
        assert wide.taken == 0
    with concurrency([wide.name, narrow.name, narrow.name]):
        assert (wide.taken, narrow.taken) == (1, 1)


def test_a_timeout_says_what_was_not_free(limit):
    db = limit(1)
    with concurrency(db.name):
        started = time.monotonic()
        with (
            pytest.raises(AcquireConcurrencySlotTimeoutError, match=f"'{db.name}' became free within 0.2 s"),
            concurrency(db.name, timeout_seconds=0.2),
        ):
            raise AssertionError("not reached")
        assert 0.2 <= time.monotonic() - started < 5
    assert db.taken == 0


def test_without_retries_nobody_waits(limit):
    db = limit(1)
    with (
        concurrency(db.name),
        pytest.raises(ConcurrencySlotAcquisitionError, match="all are taken"),
        concurrency(db.name, max_retries=0),
    ):
        raise AssertionError("not reached")
    assert db.taken == 0


def test_a_limit_that_does_not_exist_limits_nothing_and_is_told(caplog):
    name = f"none-{uuid4().hex[:8]}"
    with concurrency(name, occupy=100):
        pass
    assert f"There is no concurrency limit named '{name}'" in caplog.text
    assert "penstock gcl create" in caplog.text


def test_strict_refuses_a_limit_that_does_not_exist(limit):
    db = limit(1)
    with (
        pytest.raises(ConcurrencySlotAcquisitionError, match="no concurrency limit named 'nowhere'"),
        concurrency([db.name, "nowhere"], strict=True),
    ):
        raise AssertionError("not reached")
    assert db.taken == 0


def test_strict_ends_a_block_whose_slots_were_taken_away(limit):
    db = limit(1)

    def work():
        with concurrency(db.name, strict=True):
            db.change(active_slots=0)
            for _ in range(2000):
                threading.Event().wait(0.01)

    with pytest.raises(ConcurrencySlotAcquisitionError, match="ended by somebody else"):
        work()


def test_an_inactive_limit_limits_nothing(limit):
    off = limit(1, active=False)
    with concurrency(off.name, occupy=7):
        assert off.taken == 0


def test_more_slots_than_there_are_are_refused_at_once(limit):
    db = limit(2)
    with pytest.raises(ConcurrencySlotAcquisitionError, match="but it has 2"), concurrency(db.name, occupy=3):
        raise AssertionError("not reached")


def test_who_waits_hears_when_the_limit_becomes_too_small(limit, eventually):
    db, errors = limit(2), []

    def wait():
        try:
            with concurrency(db.name, occupy=2):
                errors.append(None)
        except ConcurrencySlotAcquisitionError as error:
            errors.append(error)

    with concurrency(db.name):
        thread = threading.Thread(target=wait)
        thread.start()
        eventually(lambda: db.waited_for == 2)
        db.change(limit=1)
        thread.join(10)
    assert "but it has 1" in str(errors[0])


@pytest.mark.parametrize("change", [{"active": False}, {"limit": 2}, None])
def test_who_waits_goes_on_when_the_limit_is_lifted(limit, eventually, change):
    db, inside = limit(1), threading.Event()

    def wait():
        with concurrency(db.name):
            inside.set()

    with concurrency(db.name):
        thread = threading.Thread(target=wait)
        thread.start()
        eventually(lambda: db.waited_for == 1)
        if change is None:
            db.delete()
        else:
            db.change(**change)
        assert inside.wait(10)
        thread.join(10)


def test_no_names_are_no_limits():
    with concurrency([]):
        pass
    rate_limit([])


@pytest.mark.parametrize("wrong", [{"occupy": 0}, {"lease_duration": 59}, {"lease_duration": 86_401}])
def test_numbers_out_of_bounds_are_refused(limit, wrong):
    with pytest.raises(ValueError, match="not"), concurrency(limit(1).name, **wrong):
        raise AssertionError("not reached")


def test_the_holder_is_the_run_around_the_block(limit, rows):
    db = limit(5)

    @task
    def work():
        with concurrency(db.name):
            return rows(
                f"SELECT holder_type, holder_id FROM concurrency_limit_holders WHERE limit_name = '{db.name}' "
                "ORDER BY acquired"
            )

    @flow
    def both():
        with concurrency(db.name):
            return work(return_state=True)

    state = both()
    assert [holder["holder_type"] for holder in state.result()] == ["flow_run", "task_run"]
    assert state.result()[1]["holder_id"] == str(state.state_details.task_run_id)
    assert db.taken == 0


def test_a_holder_can_be_named(limit, rows):
    db, run = limit(1), uuid4()
    with concurrency(db.name, holder={"type": "deployment", "id": run}):
        found = rows(
            f"SELECT holder_type, holder_id FROM concurrency_limit_holders WHERE limit_name = '{db.name}'"
        )
    assert found == [{"holder_type": "deployment", "holder_id": str(run)}]


def test_a_rate_limit_spreads_calls_over_time(limit):
    api = limit(2, slot_decay_per_second=20)
    started = time.monotonic()
    for _ in range(6):
        rate_limit(api.name)
    # Two at once, then one every 1/20 s.
    assert 0.19 <= time.monotonic() - started < 5


def test_a_rate_limit_that_several_threads_share_holds_for_all(limit):
    api, counter = limit(1, slot_decay_per_second=25), Counter()
    started = time.monotonic()

    def work():
        for _ in range(2):
            rate_limit(api.name)
            with counter:
                pass

    in_threads(work, 4)
    assert counter.total == 8
    assert time.monotonic() - started >= 7 / 25 - 0.01


def test_a_limit_without_decay_is_no_rate_limit(limit):
    with pytest.raises(ConcurrencySlotAcquisitionError, match="do not decay"):
        rate_limit(limit(1).name)


def test_a_rate_limit_can_time_out(limit):
    api = limit(1, slot_decay_per_second=0.01)
    rate_limit(api.name)
    with pytest.raises(TimeoutError):
        rate_limit(api.name, timeout_seconds=0.1)


def test_ctrl_c_while_waiting_is_prompt_and_leaves_no_slot(limit, eventually):
    db = limit(1)
    with concurrency(db.name):
        threading.Thread(
            target=lambda: (eventually(lambda: db.waited_for == 1), os.kill(os.getpid(), signal.SIGINT))
        ).start()
        with pytest.raises(KeyboardInterrupt), concurrency(db.name):
            raise AssertionError("not reached")
        assert db.waited_for == 0
    assert db.taken == 0


def test_a_run_that_is_cancelled_stops_waiting_and_leaves_no_slot(limit, eventually):
    db, token, ended = limit(1), Token(), []

    def wait():
        current_token.set(token)
        try:
            with concurrency(db.name):
                ended.append("inside")
        except RunCancelled:
            ended.append("cancelled")

    with concurrency(db.name):
        thread = threading.Thread(target=wait)
        thread.start()
        eventually(lambda: db.waited_for == 1)
        token.set("cancelled")
        thread.join(5)
    assert ended == ["cancelled"]
    assert (db.taken, db.waited_for) == (0, 0)


def test_the_context_gives_back_what_nobody_gave_back(limit):
    db = limit(1)

    def values():
        with concurrency(db.name):
            yield 1
            yield 2

    with ConcurrencyContext() as context:
        stream = values()
        assert next(stream) == 1
        assert len(context.cleanup_slots) == 1
    assert db.taken == 0
    stream.close()
    assert db.taken == 0
