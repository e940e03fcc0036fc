"""However a holder ends, its slots are free soon after (T13)."""

from __future__ import annotations

import os
import signal
import time

import pytest
from tests.conftest import stop_store

from penstock._link.client import store
from penstock.concurrency.sync import concurrency

pytestmark = pytest.mark.slow
#: Times that ten processes are killed.
CYCLES, NIGHTLY = 4, 100
#: The store looks for dead processes once a second; the rest is for burying ten of them on a busy machine.
SOON = 3.0


@pytest.mark.parametrize("slots", [10, 3], ids=["holding", "holding-and-waiting"])
def test_killed_processes_leave_no_slots_taken(limit, begin, slots, pytestconfig, eventually):
    nightly = pytestconfig.getoption("--nightly")
    limits = [limit(slots), limit(slots + 5)]
    cycles, killed, inside, slowest = NIGHTLY if nightly else CYCLES, 0, 0, 0.0
    process = begin("killer", cycles, 10, *(one.name for one in limits))
    for _ in range(cycles):
        assert process.stdout.readline() == "forked\n"
        eventually(lambda: limits[0].taken == slots and limits[0].waited_for == 10 - slots)
        tell(process, "kill")
        inside += int(process.stdout.readline())
        killed, died = killed + 10, time.monotonic()
        eventually(lambda: [one.taken + one.waited_for for one in limits] == [0, 0])
        slowest = max(slowest, time.monotonic() - died)
        tell(process, "next")
    assert process.wait(20) == 0
    # Some die between the grant and hearing of it; most were inside.
    assert (killed, inside > cycles) == (cycles * 10, True)
    assert slowest <= SOON
    with concurrency([one.name for one in limits], occupy=slots, timeout_seconds=5):
        assert limits[0].taken == slots


def test_giving_back_three_when_one_fails_frees_the_others(own_home, limit):
    """A thing that is no lease makes the store raise in the middle; the third slot must not stay taken."""
    from penstock._ids import now_us
    from penstock._journal.writer import Journal
    from penstock._rules.slots import Request
    from penstock._store import slot_decisions
    from penstock._store.core import Core
    from penstock._store.recovery import open_database
    from penstock._store.slots import Owner
    from penstock._workspace import Workspace

    workspace = Workspace(own_home).prepare()
    database = open_database(workspace)
    journal = Journal(workspace.journals, role="store")
    core = Core(database, journal, workspace.journals)
    core.start()
    try:
        ids = [f"00000000-0000-0000-0000-00000000000{number}" for number in (1, 2)]

        def take(core):
            slot_decisions.new_limit(core, "db", 2)
            return [
                slot_decisions.acquire(core, Request(one, ("db",), 1, asked_us=now_us()), Owner(), wait=False)
                for one in ids
            ]

        assert [answer["status"] for answer in core.call(take).result()] == ["granted", "granted"]
        broken: list = [ids[0], [], ids[1]]
        assert core.call(lambda core: slot_decisions.release(core, broken, "released")).result() == ids
        assert core.slots.held() == {core.slots.by_name["db"].id: 0}
    finally:
        core.stop()
        database.close()
        journal.close()


def test_slots_given_back_while_the_store_is_away_are_free_when_it_is_back(own_home, limit, eventually):
    limits = [limit(1) for _ in range(3)]
    with concurrency(limits[0].name), concurrency(limits[1].name), concurrency(limits[2].name):
        assert [one.taken for one in limits] == [1, 1, 1]
        stop_store(own_home)
    eventually(lambda: [one.taken for one in limits] == [0, 0, 0])


def test_leases_survive_a_store_that_is_killed_and_a_rebuild(own_home, limit, eventually):
    db = limit(2)
    with concurrency(db.name, occupy=2):
        for rebuild in (False, True):
            pid = store().request("POST", "/link/hello", {"client": "test"})["pid"]
            os.kill(pid, signal.SIGKILL)
            if rebuild:
                eventually(lambda pid=pid: not os.path.exists(f"/proc/{pid}") or _is_zombie(pid))
                for name in ("store.duckdb", "store.duckdb.wal"):
                    (own_home / name).unlink(missing_ok=True)
            eventually(lambda: db.taken == 2)
            with pytest.raises(TimeoutError), concurrency(db.name, timeout_seconds=0.1):
                raise AssertionError("not reached")
    assert db.taken == 0
    with concurrency(db.name, occupy=2, timeout_seconds=5):
        assert db.taken == 2


def test_who_waits_keeps_waiting_when_the_store_is_another_one(own_home, limit, eventually):
    import threading

    db, order, threads = limit(1), [], []

    def wait(number):
        with concurrency(db.name):
            order.append(number)

    with concurrency(db.name):
        for number in range(3):
            threads.append(threading.Thread(target=wait, args=(number,)))
            threads[-1].start()
            eventually(lambda number=number: db.waited_for == number + 1)
        stop_store(own_home)
        eventually(lambda: db.waited_for == 3)
    for thread in threads:
        thread.join(20)
    assert order == [0, 1, 2]
    assert db.taken == 0


def test_a_process_that_ended_while_no_store_was_there_holds_nothing(own_home, limit, begin, eventually):
    db = limit(1)
    process = begin("killer", 1, 1, db.name)
    assert process.stdout.readline() == "forked\n"
    eventually(lambda: db.taken == 1)
    stop_store(own_home)
    tell(process, "kill")
    assert process.stdout.readline() == "1\n"
    eventually(lambda: db.taken == 0)


def tell(process, word):
    process.stdin.write(f"{word}\n")
    process.stdin.flush()


def _is_zombie(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True
