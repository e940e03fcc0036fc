"""Concurrency limits of tags: which task runs wait, for how long they hold a slot, what a limit of 0 does."""

from __future__ import annotations

import asyncio
import threading
from uuid import uuid4

import pytest

from penstock import flow, tags, task
from penstock._link.client import store
from penstock._link.session import current_session
from penstock.exceptions import CancelledRun
from penstock.task_runners import ThreadPoolTaskRunner


class Tag:
    """A tag of this test's own, with or without a limit."""

    def __init__(self, slots=None):
        self.name = f"tag-{uuid4().hex[:8]}"
        if slots is not None:
            self.limit(slots)

    def limit(self, slots):
        store().request("POST", "/api/concurrency_limits/", {"tag": self.name, "concurrency_limit": slots})

    def unlimit(self):
        store().request("DELETE", f"/api/concurrency_limits/tag/{self.name}")

    @property
    def holders(self):
        return store().request("GET", f"/api/concurrency_limits/tag/{self.name}")["active_slots"]

    @property
    def waited_for(self):
        return store().request("GET", f"/api/v2/concurrency_limits/tag:{self.name}")["denied_slots"]


class Counter:
    """How many are inside, and how many were at most."""

    def __init__(self):
        self.inside = self.most = self.total = 0
        self._lock = threading.Lock()

    def __enter__(self):
        with self._lock:
            self.inside, self.total = self.inside + 1, self.total + 1
            self.most = max(self.most, self.inside)

    def __exit__(self, *_):
        with self._lock:
            self.inside -= 1


def test_no_more_runs_than_slots_are_running(eventually):
    tag, counter, pair = Tag(2), Counter(), threading.Barrier(2, timeout=30)

    @task(tags=[tag.name])
    def work():
        with counter:
            pair.wait()

    @flow
    def many():
        for future in [work.submit() for _ in range(8)]:
            future.result()

    many()
    assert (counter.total, counter.most) == (8, 2)
    eventually(lambda: tag.holders == [])


def test_async_runs_wait_too(eventually):
    tag = Tag(2)
    inside = most = total = 0

    @task(tags=[tag.name])
    async def work():
        nonlocal inside, most, total
        inside, total = inside + 1, total + 1
        most = max(most, inside)
        await asyncio.sleep(0.01)
        inside -= 1

    @flow
    async def many():
        await asyncio.gather(*(work() for _ in range(8)))

    asyncio.run(many())
    assert (total, most) == (8, 2)
    eventually(lambda: tag.holders == [])


def test_a_run_needs_a_slot_of_all_its_tags(eventually):
    wide, narrow, free = Tag(5), Tag(1), Tag()
    counter, release = Counter(), threading.Event()

    @task(tags=[wide.name, narrow.name, free.name])
    def both():
        with counter:
            release.wait(10)

    @flow
    def many():
        futures = [both.submit() for _ in range(3)]
        eventually(lambda: narrow.waited_for == 2)
        # Those that wait for one tag hold nothing of the other.
        assert len(wide.holders) == 1
        release.set()
        for future in futures:
            future.result()

    many()
    assert (counter.total, counter.most) == (3, 1)


def test_tags_of_the_surroundings_count():
    tag, counter = Tag(1), Counter()

    @task
    def work():
        with counter:
            threading.Event().wait(0.005)

    @flow
    def many():
        with tags(tag.name):
            futures = [work.submit() for _ in range(4)]
        for future in futures:
            future.result()

    many()
    assert (counter.total, counter.most) == (4, 1)


def test_a_limit_of_0_aborts_at_once_and_says_how_to_go_on(witness):
    tag = Tag(0)

    @task(tags=[tag.name], retries=3)
    def never():
        raise AssertionError("not reached")

    state = never(return_state=True)
    assert (state.type.value, state.name) == ("CANCELLED", "Aborted")
    assert f"penstock concurrency-limit create {tag.name} N" in state.message
    assert witness.states("never") == ["Pending", "Aborted"]
    with pytest.raises(CancelledRun):
        state.result()


def test_a_slot_is_free_while_a_run_waits_for_its_retry(eventually, witness):
    tag = Tag(1)
    order: list[str] = []

    @task(tags=[tag.name], retries=1, retry_delay_seconds=0.5)
    def fails_once():
        order.append("try")
        if order.count("try") == 1:
            raise ValueError

    @task(tags=[tag.name])
    def other():
        order.append("other")

    @flow
    def both():
        first = fails_once.submit()
        eventually(lambda: "AwaitingRetry" in witness.states("fails_once"))
        other()
        first.result()

    both()
    assert order == ["try", "other", "try"]
    eventually(lambda: tag.holders == [])


def test_a_slot_is_free_after_a_failure_and_after_a_cancelled_wait(eventually):
    tag = Tag(1)

    @task(tags=[tag.name])
    def fails():
        raise ValueError("no")

    assert fails(return_state=True).is_failed()
    eventually(lambda: tag.holders == [])


def test_a_task_outside_of_a_flow_is_limited_too(eventually):
    tag = Tag(1)

    @task(tags=[tag.name])
    def work():
        return tag.holders

    state = work(return_state=True)
    assert state.result() == [str(state.state_details.task_run_id)]
    eventually(lambda: tag.holders == [])


def test_a_pool_with_as_many_workers_as_wait_comes_to_an_end():
    """Runs that wait keep their workers; the one they wait for has its own."""
    tag, counter = Tag(1), Counter()

    @task(tags=[tag.name])
    def limited_work():
        with counter:
            threading.Event().wait(0.002)

    @task
    def other_work(_):
        return 1

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
    def mixed():
        futures = [limited_work.submit() for _ in range(5)]
        more = [other_work.submit(future) for future in futures]
        return sum(future.result() for future in more)

    assert mixed() == 5
    assert (counter.total, counter.most) == (5, 1)


def test_a_cached_result_needs_no_slot():
    tag = Tag(1)

    @task(tags=[tag.name], cache_key_fn=lambda *_: f"key-{tag.name}", persist_result=True)
    def work():
        return 1

    assert work() == 1
    tag.limit(0)
    assert work(return_state=True).name == "Cached"


def test_whether_a_tag_is_limited_is_known_as_soon_as_the_change_is_answered():
    tag, known = Tag(), current_session().limited_tags
    assert known.among([tag.name]) == []
    for _ in range(20):
        tag.limit(1)
        assert known.among([tag.name, "no-limit"]) == [tag.name]
        tag.unlimit()
        assert known.among([tag.name]) == []


def test_a_store_that_is_new_still_knows_which_tags_are_limited(own_home, eventually):
    tag = Tag(3)
    session = current_session()
    session.workspace.limited_tags.unlink()
    assert session.limited_tags.among([tag.name]) == []
    pid = store().request("POST", "/link/stop")["pid"]
    eventually(lambda: store().request("POST", "/link/hello", {"client": "x"})["pid"] != pid)
    assert session.limited_tags.among([tag.name]) == [tag.name]
