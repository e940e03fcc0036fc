"""Waiting for a flow run of any process. Reference page: api-ref prefect-flow_runs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from uuid import UUID

from penstock._link.client import path_of, store
from penstock._values.runs import FlowRun
from penstock._values.states import State
from penstock.exceptions import FlowRunWaitTimeout

#: How long the store is asked to keep a question open, in seconds.
_POLL = 20.0
_logger = logging.getLogger("penstock.flow_runs")


def follow(run_id: UUID, timeout: float | None, see: Callable[[State], None] | None = None) -> State:
    """Wait until a flow run has ended or the time is up, and return its state.

    Args:
        run_id: which run.
        timeout: seconds to wait; None waits for ever.
        see: is given each state that is seen.

    Raises:
        ObjectNotFound: there is no such run.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    path, after = path_of("link", "flow_runs", run_id, "wait"), ""
    while True:
        left = _POLL if deadline is None else max(0.0, min(_POLL, deadline - time.monotonic()))
        found = store().request("GET", path, query={"after": after, "timeout": left}, timeout=left + 30)
        state = State.from_json(found["state"])
        if see is not None and str(state.id) != after:
            see(state)
        if state.is_final() or (deadline is not None and time.monotonic() >= deadline):
            return state
        after = str(state.id)


def wait_for_end(run_id: UUID, timeout: float | None, *, log_states: bool = False) -> FlowRun:
    """Wait until a flow run has ended, and return it.

    Args:
        run_id: which run.
        timeout: seconds to wait; None waits for ever.
        log_states: log each state that is seen.

    Raises:
        FlowRunWaitTimeout: it has not ended in time. ObjectNotFound: there is no such run.
    """

    def say(state: State) -> None:
        _logger.info("Flow run %s is in state %r", run_id, state.name)

    state = follow(run_id, timeout, say if log_states else None)
    if not state.is_final():
        raise FlowRunWaitTimeout(
            f"Flow run {run_id} is still {state.name} after {timeout:g} s; it goes on. Wait longer, or cancel it with: "
            f"penstock flow-run cancel {run_id}"
        )
    return FlowRun.model_validate(store().request("GET", path_of("api", "flow_runs", run_id)))
