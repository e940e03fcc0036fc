"""Cancelled from outside: another process asks the store, the process that runs the flow hears of it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from penstock import flow, task
from penstock._link.client import path_of
from penstock._link.session import current_session
from penstock._values.states import State, StateType
from penstock.context import FlowRunContext
from penstock.exceptions import CancelledRun, RunCancelled


@contextmanager
def cancelled_once_begun() -> Iterator[Callable[[], None]]:
    """Yield what a run calls when it has begun; a thread then asks the store to cancel that run."""
    begun, ids = threading.Event(), []
    store = current_session().store

    def ask() -> None:
        begun.wait(30)
        proposal = {"state": State(StateType.CANCELLING).to_json(), "force": False, "client": None}
        store.request("POST", path_of("link", "flow_runs", ids[0], "propose"), proposal)

    def note() -> None:
        ids.append(FlowRunContext.get().flow_run.id)
        begun.set()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield note
    finally:
        thread.join()


def test_a_flow_asleep_in_the_main_thread_is_woken(witness) -> None:
    seen: list[str] = []
    with cancelled_once_begun() as begun:

        @flow(
            on_cancellation=[lambda f, run, state: seen.append(f"cancellation {state.name}")],
            on_crashed=[lambda *_: seen.append("crashed")],
        )
        def sleeps() -> None:
            begun()
            time.sleep(60)

        began = time.monotonic()
        state = sleeps(return_state=True)
        assert time.monotonic() - began < 10
    assert (state.type, state.name) == (StateType.CANCELLED, "Cancelled")
    assert seen == ["cancellation Cancelling"]
    assert [name for _, name in witness.flows] == ["Pending", "Running", "Cancelling", "Cancelled"]


def test_its_tasks_are_cancelled_with_it(witness) -> None:
    with cancelled_once_begun() as begun:

        @task
        def holds() -> None:
            while True:
                time.sleep(0.01)

        @flow
        def works() -> None:
            future = holds.submit()
            begun()
            future.wait()

        with pytest.raises(RunCancelled):
            works()
    assert witness.task_runs["holds"].state.type is StateType.CANCELLED


def test_an_async_flow_is_cancelled_while_it_awaits(witness) -> None:
    with cancelled_once_begun() as begun:

        @flow
        async def waits() -> None:
            begun()
            await asyncio.sleep(60)

        state: Any = asyncio.run(waits(return_state=True))
    assert state.name == "Cancelled"
    with pytest.raises((CancelledRun, RunCancelled)):
        state.result()


def test_nobody_is_asked_about_flows_that_are_soon_over(monkeypatch) -> None:
    from penstock._engine import cancel_watch

    asked: list[Any] = []
    real = cancel_watch._ask
    monkeypatch.setattr(cancel_watch, "_ask", lambda *args: asked.append(args) or real(*args))

    @flow
    def quick() -> int:
        return 1

    assert [quick() for _ in range(3)] == [1, 1, 1]
    assert asked == []
