"""What a return value or an exception makes of a run. Reference: concepts/states, api-ref prefect-states."""

from __future__ import annotations

import traceback
from inspect import isgenerator
from typing import Any

from penstock._engine.futures import PenstockFuture, resolve_futures_to_states
from penstock._values.annotations import quote
from penstock._values.collections import find
from penstock._values.states import State, StateGroup, StateType, is_state_iterable

#: State messages go into every view and event; a traceback belongs into the log.
_MAX_MESSAGE = 2000
_ENGINE = __file__.rpartition("outcomes")[0]
#: Of a generator that nobody asked for its next value.
CLOSED = "Its consumer stopped before the end."


#: Values that hold no futures and no states.
PLAIN = (type(None), bool, int, float, str, bytes)


def from_return_value(value: Any) -> State:
    """Return the final state of a run whose function returned `value`.

    A state made by hand is used as it is; one upstream state, or a set, list or tuple of nothing but states, is
    summed up; anything else completes the run. Futures are waited for first.
    """
    if isgenerator(value):
        value = list(value)
    if isinstance(value, quote):
        return State(StateType.COMPLETED, data=value.unquote())
    if isinstance(value, PenstockFuture) or find(value, PenstockFuture):
        value = resolve_futures_to_states(value)
    if isinstance(value, State):
        details = value.state_details
        if details.flow_run_id is None and details.task_run_id is None:
            return value
        return _aggregate([value], value)
    if is_state_iterable(value):
        return _aggregate(list(value), value)
    return State(StateType.COMPLETED, data=value)


def _aggregate(states: list[State], data: Any) -> State:
    group = StateGroup(states)
    if group.all_completed():
        return State(StateType.COMPLETED, message="All states completed.", data=data)
    broken = group.total_count - group.type_counts[StateType.COMPLETED]
    if group.total_count == 1:
        message = states[0].message or f"The state is {states[0].name}."
    elif group.fail_count == broken:
        message = f"{broken}/{group.total_count} states failed."
    else:
        message = f"{broken}/{group.total_count} states are not completed: {group.counts_message()}"
    return State(StateType.FAILED, message=message, data=data)


def from_exception(error: BaseException, what: str) -> State:
    """Return the Failed state of a run whose function raised; its traceback begins in that function."""
    _without_engine(error)
    text = "".join(traceback.format_exception_only(error)).strip()
    return State(
        StateType.FAILED, message=f"{what} encountered an exception: {text}"[:_MAX_MESSAGE], data=error
    )


def _without_engine(error: BaseException) -> None:
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_ENGINE):
        trace = trace.tb_next
    if trace is not None:
        error.__traceback__ = trace


def from_timeout(what: str, seconds: float, error: BaseException) -> State:
    """Return the TimedOut state of a run that took too long."""
    return State(
        StateType.FAILED,
        name="TimedOut",
        message=f"{what} exceeded timeout of {seconds} second(s)",
        data=error,
    )


def from_interruption(error: BaseException, what: str) -> State:
    """Return the Crashed state of a run that was stopped from outside."""
    why = type(error).__name__
    text = f"{what} was interrupted by {why}"
    return State(StateType.CRASHED, message=f"{text}: {error}." if str(error) else f"{text}.", data=error)
