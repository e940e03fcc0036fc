"""State-change hooks: which, when, how often, and what happens when they fail."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from penstock import flow, task


def test_flow_hooks_see_flow_run_and_the_state_the_caller_gets() -> None:
    seen: list[Any] = []

    def on_end(definition: Any, run: Any, state: Any) -> None:
        seen.append((definition.name, run.name, state))

    @flow(on_completion=[on_end], flow_run_name="hooked")
    def work() -> int:
        return 1

    state = work(return_state=True)

    assert seen == [("work", "hooked", state)]
    assert seen[0][2] is state


def test_task_hooks_see_the_state_the_caller_gets() -> None:
    seen: list[Any] = []

    @task(on_failure=[lambda t, run, state: seen.append((t.name, run.task_name, state))])
    def work() -> None:
        raise ValueError

    state = work(return_state=True)

    assert seen == [("work", "work", state)]
    assert seen[0][2] is state


def test_hooks_run_in_their_order_around_the_body() -> None:
    order: list[str] = []

    def say(word: str, *_: Any) -> None:
        order.append(word)

    @flow(
        on_running=[partial(say, "running 1"), partial(say, "running 2")],
        on_completion=[partial(say, "end 1"), partial(say, "end 2")],
        on_failure=[partial(say, "never")],
    )
    def work() -> None:
        order.append("body")

    work()

    assert order == ["running 1", "running 2", "body", "end 1", "end 2"]


@pytest.mark.parametrize("kind", [flow, task])
def test_on_running_comes_before_each_attempt_and_on_failure_once(kind) -> None:
    order: list[str] = []

    def work() -> None:
        order.append("body")
        raise ValueError

    hooked = kind(
        retries=2,
        on_running=[lambda *_: order.append("running")],
        on_failure=[lambda *_: order.append("failed")],
    )(work)
    hooked(return_state=True)

    assert order == ["running", "body"] * 3 + ["failed"]


@pytest.mark.parametrize("kind", [flow, task])
def test_an_error_in_a_hook_is_logged_and_the_others_run(kind, witness) -> None:
    seen: list[str] = []

    def bad(*_: Any) -> None:
        raise RuntimeError("hook trouble")

    work = kind(on_completion=[bad, lambda *_: seen.append("second")], on_running=[bad])(lambda: 5)

    assert (work(), seen) == (5, ["second"])
    errors = [message for level, message in witness.logs if level == 40]
    assert [message.splitlines()[0] for message in errors] == [
        "An error was encountered while running hook 'bad'"
    ] * 2
    assert all("RuntimeError: hook trouble" in message for message in errors)


@pytest.mark.parametrize("kind", [flow, task])
def test_async_hooks_are_awaited(kind) -> None:
    seen: list[str] = []

    async def hook(definition: Any, run: Any, state: Any) -> None:
        seen.append(state.name)

    kind(on_completion=[hook], on_running=[hook])(lambda: None)()

    assert seen == ["Running", "Completed"]


def test_hooks_are_registered_by_decorator_and_returned_unchanged() -> None:
    seen: list[str] = []

    @flow
    def work() -> None: ...

    def hook(*_: Any) -> None:
        seen.append("yes")

    assert [
        work.on_completion(hook),
        work.on_failure(hook),
        work.on_cancellation(hook),
        work.on_crashed(hook),
        work.on_running(hook),
    ] == [hook] * 5
    work()
    assert seen == ["yes", "yes"]


def test_with_options_replaces_hooks_and_leaves_the_original_alone() -> None:
    seen: list[str] = []

    def hook(word: str) -> Any:
        return lambda *_: seen.append(word)

    work = task(on_completion=[hook("old")])(lambda: None)
    twin = work.with_options(on_completion=[hook("new")])
    twin.on_completion(hook("added"))
    twin()
    work()

    assert seen == ["new", "added", "old"]


def test_a_timeout_counts_as_failure_for_hooks() -> None:
    import threading

    seen: list[str] = []

    @task(timeout_seconds=0.02, on_failure=[lambda t, r, s: seen.append(s.name)])
    def slow() -> None:
        for _ in range(2000):
            threading.Event().wait(0.01)

    slow(return_state=True)

    assert seen == ["TimedOut"]


def test_a_cached_completion_triggers_on_completion(own_home) -> None:
    from penstock.cache_policies import INPUTS

    seen: list[str] = []

    @task(cache_policy=INPUTS, on_completion=[lambda t, r, s: seen.append(s.name)])
    def work(x: int) -> int:
        return x

    work(1)
    work(1)

    assert seen == ["Completed", "Cached"]


def test_a_crashed_flow_calls_its_crash_hook(eventually) -> None:
    seen: list[str] = []

    @flow(on_crashed=[lambda f, r, s: seen.append(s.name)], on_failure=[lambda *_: seen.append("never")])
    def work() -> None:
        raise KeyboardInterrupt

    state = work(return_state=True)

    assert (state.name, seen) == ("Crashed", ["Crashed"])


@pytest.mark.parametrize("hooks", ["text", len, 3])
def test_hooks_must_be_a_list(hooks) -> None:
    with pytest.raises(TypeError, match="iterable"):
        flow(on_failure=hooks)(lambda: None)
