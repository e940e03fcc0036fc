"""Driving a lifecycle by hand, so that delays are seen and not waited for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from penstock._engine.effects import Sleep
from penstock._engine.flow_lifecycle import flow_lifecycle
from penstock._engine.flow_run import FlowExecution
from penstock._engine.parameters import bind
from penstock._engine.runner_port import make_run
from penstock._engine.task_lifecycle import task_lifecycle
from penstock._values.states import State
from penstock.flows import Flow


def drive(lifecycle: Any) -> tuple[State, list[float]]:
    """Carry out every effect but sleeping; return the last state and the sleeps."""
    sleeps: list[float] = []
    answer: Any = None
    error: BaseException | None = None
    while True:
        try:
            effect = lifecycle.send(answer) if error is None else lifecycle.throw(error)
        except StopIteration as stop:
            return stop.value, sleeps
        answer, error = None, None
        if isinstance(effect, Sleep):
            sleeps.append(effect.seconds)
            continue
        try:
            answer = effect.fn(*effect.args, **getattr(effect, "kwargs", {}))
        except BaseException as raised:
            error = raised


@pytest.fixture
def run_without_waiting() -> Callable[..., tuple[State, list[float]]]:
    """Run a task (or flow) to its end; answers `(last state, seconds of each sleep)`."""

    def run(definition: Any, *args: Any) -> tuple[State, list[float]]:
        parameters = bind(definition.fn, args, {})
        if isinstance(definition, Flow):
            return drive(flow_lifecycle(FlowExecution.prepare(definition, parameters, parameters, ())))
        return drive(task_lifecycle(make_run(definition, parameters, None, runner=None)))

    return run
