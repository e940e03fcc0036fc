"""Suspending a flow run: its process ends, and another one goes on with it when somebody answers.

Reference pages: api-ref prefect-flow_runs, advanced/interactive. It runs from the top again then: what its tasks stored
is not computed again, and a pause that was passed is passed at once.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson

from penstock._engine.contexts import FlowRunContext
from penstock._engine.pauses import Gate
from penstock._engine.run_input import keyset_from_base_key, question_of
from penstock._ids import new_id
from penstock._link.client import path_of
from penstock._link.session import current_session
from penstock._values.states import State, StateDetails, StateType, utc_now
from penstock.exceptions import Abort, MissingContextError, Pause


def suspend(wait_for_input: Any, flow_run_id: UUID | None, timeout: float | None, key: str | None) -> Any:
    """Suspend a flow run; see `penstock.flow_runs.suspend_flow_run`."""
    context = FlowRunContext.get()
    if flow_run_id is not None and (context is None or context.flow_run.id != flow_run_id):
        return _suspend_other(flow_run_id, wait_for_input, timeout, key)
    if context is None:
        raise MissingContextError(
            "Which flow run? Call suspend_flow_run inside a flow, or give it a flow_run_id."
        )
    return _Suspension(context, wait_for_input, key or str(context.count_pause()), timeout).leave()


class _Suspension(Gate):
    """A pause that this process does not wait in."""

    def leave(self) -> Any:
        """Return the answer, if there is one by now; end the run's stay in this process otherwise.

        Raises:
            Pause: the run was suspended.
            Abort: it may not be; says why.
        """
        given = self._response()
        if given is not None:
            return self._value(given)
        if not self._enter_paused():
            return self._value(self._response()) if self._question else None
        raise Pause(
            f"Flow run {self._context.flow_run.name!r} was suspended; it goes on when it is resumed.",
            state=self._context.flow_run.state,
        )

    def _pausing(self, details: StateDetails) -> State:
        details.pause_reschedule = True
        return State(StateType.PAUSED, name="Suspended", state_details=details)


def _suspend_other(run_id: UUID, kind: Any, timeout: float | None, key: str | None) -> None:
    """Suspend a run of another process, which leaves it where its next task would begin."""
    store, name = current_session().store, key or str(new_id())
    question = question_of(kind) if kind is not None else None
    keys = keyset_from_base_key(f"paused-{name}") if question is not None else None
    if question is not None and keys is not None:
        path = path_of("api", "flow_runs", run_id, "input")
        store.request("POST", path, {"key": keys["schema"], "value": orjson.dumps(question.schema).decode()})
        if question.description:
            store.request("POST", path, {"key": keys["description"], "value": question.description})
    details = StateDetails(
        flow_run_id=run_id,
        pause_key=name,
        pause_reschedule=True,
        pause_timeout=utc_now() + timedelta(seconds=timeout) if timeout is not None else None,
        run_input_keyset=keys,
    )
    state = State(StateType.PAUSED, name="Suspended", state_details=details)
    answer = store.request(
        "POST", path_of("link", "flow_runs", run_id, "propose"), {"state": state.to_json()}
    )
    if answer["status"] == "ABORT" or not State.from_json(answer["state"]).is_paused():
        raise Abort(
            f"Flow run {run_id} cannot be suspended: {answer.get('reason') or 'the store refused it'}"
        )
