"""States and their constructors. Reference page: api-ref/python/prefect-states."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from penstock._engine.state_making import exception_to_crashed_state as exception_to_crashed_state
from penstock._engine.state_making import exception_to_failed_state as exception_to_failed_state
from penstock._engine.state_making import format_exception as format_exception
from penstock._engine.state_making import get_state_exception as get_state_exception
from penstock._engine.state_making import raise_state_exception as raise_state_exception
from penstock._engine.state_making import return_value_to_state as return_value_to_state
from penstock._engine.state_making import to_state_create as to_state_create
from penstock._values.awaited import call_is_awaited
from penstock._values.states import State as State
from penstock._values.states import StateDetails as StateDetails
from penstock._values.states import StateGroup as StateGroup
from penstock._values.states import StateType as StateType
from penstock._values.states import is_state_iterable as is_state_iterable
from penstock._values.states import utc_now


def _make(cls: type[State], type: StateType, **kwargs: Any) -> State:
    return cls(type, **kwargs)


def _details(kwargs: dict[str, Any]) -> StateDetails:
    """Take the details out of the fields: the caller's object stays as it is."""
    details = kwargs.pop("state_details", None)
    return details.model_copy() if isinstance(details, StateDetails) else StateDetails.from_json(details)


def _scheduled(cls: type[State], when: datetime | None, name: str | None, kwargs: dict[str, Any]) -> State:
    details = _details(kwargs)
    if details.scheduled_time is not None and when is not None:
        raise ValueError("An extra scheduled_time was provided in state_details")
    details.scheduled_time = when or details.scheduled_time or utc_now()
    if name is not None:
        kwargs.setdefault("name", name)
    return cls(StateType.SCHEDULED, state_details=details, **kwargs)


def Scheduled(  # noqa: N802  # documented name
    cls: type[State] = State, scheduled_time: datetime | None = None, **kwargs: Any
) -> State:
    """Return a state of a run that will start at `scheduled_time` (now when not given)."""
    return _scheduled(cls, scheduled_time, None, kwargs)


def Late(cls: type[State] = State, scheduled_time: datetime | None = None, **kwargs: Any) -> State:  # noqa: N802
    """Return a Scheduled state named Late."""
    return _scheduled(cls, scheduled_time, "Late", kwargs)


def AwaitingRetry(cls: type[State] = State, scheduled_time: datetime | None = None, **kwargs: Any) -> State:  # noqa: N802
    """Return a Scheduled state named AwaitingRetry."""
    return _scheduled(cls, scheduled_time, "AwaitingRetry", kwargs)


def AwaitingConcurrencySlot(  # noqa: N802
    cls: type[State] = State, scheduled_time: datetime | None = None, **kwargs: Any
) -> State:
    """Return a Scheduled state named AwaitingConcurrencySlot."""
    return _scheduled(cls, scheduled_time, "AwaitingConcurrencySlot", kwargs)


def Pending(cls: type[State] = State, **kwargs: Any) -> State:  # noqa: N802
    """Return a Pending state."""
    return _make(cls, StateType.PENDING, **kwargs)


def Running(cls: type[State] = State, **kwargs: Any) -> State:  # noqa: N802
    """Return a Running state."""
    return _make(cls, StateType.RUNNING, **kwargs)


def Retrying(cls: type[State] = State, **kwargs: Any) -> State:  # noqa: N802
    """Return a Running state named Retrying."""
    return _make(cls, StateType.RUNNING, **{"name": "Retrying", **kwargs})


def Completed(cls: type[State] = State, **kwargs: Any) -> State:  # noqa: N802
    """Return a Completed state."""
    return _make(cls, StateType.COMPLETED, **kwargs)


def Failed(cls: type[State] = State, **kwargs: Any) -> State:  # noqa: N802
    """Return a Failed state."""
    return _make(cls, StateType.FAILED, **kwargs)


def Crashed(cls: type[State] = State, **kwargs: Any) -> State:  # noqa: N802
    """Return a Crashed state."""
    return _make(cls, StateType.CRASHED, **kwargs)


def Cancelling(cls: type[State] = State, **kwargs: Any) -> State:  # noqa: N802
    """Return a Cancelling state."""
    return _make(cls, StateType.CANCELLING, **kwargs)


def Cancelled(cls: type[State] = State, **kwargs: Any) -> State:  # noqa: N802
    """Return a Cancelled state."""
    return _make(cls, StateType.CANCELLED, **kwargs)


def Paused(  # noqa: N802
    cls: type[State] = State,
    timeout_seconds: float | None = None,
    pause_expiration_time: datetime | None = None,
    reschedule: bool = False,
    pause_key: str | None = None,
    **kwargs: Any,
) -> State:
    """Return a Paused state.

    Args:
        cls: the class to make.
        timeout_seconds: how long the pause may last.
        pause_expiration_time: until when, instead of `timeout_seconds`.
        reschedule: True for a run whose process ends meanwhile (suspended).
        pause_key: the pause within the run; a random one by default.
        kwargs: further fields of the state.

    Raises:
        ValueError: both forms of the time limit are given.
    """
    if timeout_seconds is not None and pause_expiration_time is not None:
        raise ValueError("Cannot set both timeout_seconds and pause_expiration_time")
    details = _details(kwargs)
    limit = pause_expiration_time
    if timeout_seconds is not None:
        limit = utc_now() + timedelta(seconds=timeout_seconds)
    if limit is not None and details.pause_timeout is not None:
        raise ValueError("An extra pause timeout was provided in state_details")
    details.pause_timeout = limit or details.pause_timeout
    details.pause_reschedule = reschedule or details.pause_reschedule
    details.pause_key = pause_key or details.pause_key or str(uuid4())
    return cls(StateType.PAUSED, state_details=details, **kwargs)


def Suspended(  # noqa: N802
    cls: type[State] = State,
    timeout_seconds: float | None = None,
    pause_expiration_time: datetime | None = None,
    pause_key: str | None = None,
    **kwargs: Any,
) -> State:
    """Return a Paused state named Suspended: the run's process ends and is started again to go on."""
    return Paused(
        cls=cls,
        reschedule=True,
        timeout_seconds=timeout_seconds,
        pause_expiration_time=pause_expiration_time,
        pause_key=pause_key,
        **{"name": "Suspended", **kwargs},
    )


def get_state_result(state: State, raise_on_failure: bool = True, retry_result_failure: bool = True) -> Any:
    """Return the value of a state; see `State.result`. May be awaited."""
    if call_is_awaited():
        return state.aresult(raise_on_failure, retry_result_failure)
    return state.result(raise_on_failure, retry_result_failure)


async def aget_state_exception(state: State) -> BaseException:
    """Async twin of `get_state_exception`; an exception that lies in storage is read without blocking the loop."""
    import asyncio

    return await asyncio.to_thread(get_state_exception, state)


async def araise_state_exception(state: State) -> None:
    """Async twin of `raise_state_exception`."""
    if state.is_failed() or state.is_crashed() or state.is_cancelled():
        raise await aget_state_exception(state)


__all__ = [
    "AwaitingConcurrencySlot",
    "AwaitingRetry",
    "Cancelled",
    "Cancelling",
    "Completed",
    "Crashed",
    "Failed",
    "Late",
    "Paused",
    "Pending",
    "Retrying",
    "Running",
    "Scheduled",
    "State",
    "StateDetails",
    "StateGroup",
    "StateType",
    "Suspended",
    "aget_state_exception",
    "araise_state_exception",
    "exception_to_crashed_state",
    "exception_to_failed_state",
    "format_exception",
    "get_state_exception",
    "get_state_result",
    "is_state_iterable",
    "raise_state_exception",
    "return_value_to_state",
    "to_state_create",
]
