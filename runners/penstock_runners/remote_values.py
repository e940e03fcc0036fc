"""Results that stay on the cluster until somebody asks, and what the driver makes of a summary."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

from penstock._engine.futures import PenstockFuture
from penstock._engine.observers import tell
from penstock._engine.remote import Outcome, Summary, state_of
from penstock._values.states import Resolvable, State


class RemoteValue(Resolvable):
    """The data of a state whose value lies on a worker; fetched once, when asked for."""

    def __init__(self, fetch: Callable[[], Outcome]) -> None:
        self._fetch = fetch
        self._outcome: Outcome | None = None

    def get(self) -> Any:
        """Return the value."""
        if self._outcome is None:
            self._outcome = self._fetch()
        data = self._outcome.data
        return data.get() if isinstance(data, Resolvable) else data


def settle(future: PenstockFuture[Any], summary: Summary, fetch: Callable[[], Outcome]) -> State:
    """Give a future the state its worker reported, and tell who watches."""
    data: Any = pickle.loads(summary.inline) if summary.inline is not None else RemoteValue(fetch)
    state = state_of(summary, data)
    run = future.task_run
    run.run_count = summary.run_count
    run.name = summary.run_name
    run.state = state
    run.end_time = state.timestamp if state.is_final() else None
    for body in summary.artifacts:
        tell("artifact", body)
    for body, at in summary.logs:
        tell("log", {**body, "task_name": run.task_name}, at)
    tell("task_run_state", run, state)
    future.set_state(state)
    return state


__all__ = ["RemoteValue", "settle"]
