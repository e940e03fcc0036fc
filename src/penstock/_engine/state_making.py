"""States made of values and exceptions, on request. Reference page: api-ref prefect-states.

What a run's end becomes by itself is in `outcomes`; these are the documented functions, with storage.
"""

from __future__ import annotations

import sys
import traceback
from datetime import datetime
from types import TracebackType
from typing import Any

from penstock._engine.outcomes import from_return_value
from penstock._results.store import ResultStore, StoredResult
from penstock._values.awaited import awaitable_too
from penstock._values.outcome import state_exception
from penstock._values.state_create import StateCreate
from penstock._values.states import State, StateType
from penstock.exceptions import TerminationSignal

#: Why a run crashed, by what was raised outside user code.
_CRASHES: tuple[tuple[type[BaseException], str], ...] = (
    (KeyboardInterrupt, "Execution was aborted by an interrupt signal."),
    (TerminationSignal, "Execution was aborted by a termination signal."),
    (SystemExit, "Execution was aborted by Python system exit call."),
)


def format_exception(exc: BaseException, tb: TracebackType | None = None) -> str:
    """Return an exception as text, with its traceback when one is given.

    Args:
        exc: the exception.
        tb: its traceback.

    Example:
        >>> format_exception(ValueError("no"))
        'ValueError: no'
    """
    lines = traceback.format_exception(type(exc), exc, tb) if tb else traceback.format_exception_only(exc)
    return "".join(lines).strip()


@awaitable_too
def exception_to_crashed_state(exc: BaseException, result_store: ResultStore | None = None) -> State:
    """Return the Crashed state of a run that was ended by something outside the user's code.

    Args:
        exc: what was raised.
        result_store: where to keep the exception; in memory only by default.

    Example:
        >>> exception_to_crashed_state(KeyboardInterrupt()).message
        'Execution was aborted by an interrupt signal.'
    """
    found = [text for kind, text in _CRASHES if isinstance(exc, kind)]
    if (
        type(exc).__name__ == "CancelledError"
    ):  # asyncio's or that of concurrent.futures; none is loaded for this
        found = ["Execution was cancelled by the runtime environment."]
    found.append(f"Execution was interrupted by an unexpected exception: {format_exception(exc)}")
    message = found[0]
    return _kept(State(StateType.CRASHED, message=message, data=exc), result_store)


@awaitable_too
def exception_to_failed_state(
    exc: BaseException | None = None,
    result_store: ResultStore | None = None,
    write_result: bool = False,
    **kwargs: Any,
) -> State:
    """Return the Failed state of a run whose code raised.

    Args:
        exc: what was raised; the exception that is being handled by default.
        result_store: where to keep the exception, with `write_result`.
        write_result: keep it there.
        kwargs: further fields of the state; a `message` goes before the exception's text.

    Raises:
        ValueError: no exception is given and none is being handled.
    """
    error = exc or sys.exc_info()[1]
    if error is None:
        raise ValueError(
            "No exception was given and none is being handled: pass one, or call this in `except`."
        )
    before = kwargs.pop("message", None)
    message = f"{before} {format_exception(error)}" if before else format_exception(error)
    state = State(StateType.FAILED, message=message, data=error, **kwargs)
    return _kept(state, result_store if write_result else None)


@awaitable_too
def return_value_to_state(
    retval: Any,
    result_store: ResultStore | None = None,
    key: str | None = None,
    expiration: datetime | None = None,
    write_result: bool = False,
) -> State:
    """Return the final state of a run whose function returned `retval`.

    A state made by hand is used as it is; upstream states, one or a list, tuple or set of nothing else, are summed
    up: Completed when all are, else Failed. Anything else completes the run.

    Args:
        retval: the value; futures in it are waited for.
        result_store: where to keep the value, with `write_result`.
        key: under which key; the state's id by default.
        expiration: until when the result may be used.
        write_result: keep it there.

    Raises:
        SerializationError: the value cannot be kept.

    Example:
        >>> return_value_to_state(3).result()
        3
    """
    state = from_return_value(retval)
    return _kept(state, result_store if write_result and state.data is not None else None, key, expiration)


def _kept(
    state: State, store: ResultStore | None, key: str | None = None, expiration: datetime | None = None
) -> State:
    if store is not None:
        key = key or str(state.id)
        store.write(state.data, key, expiration)
        state.data = store.stored(key)
        state.state_details.stored_result = store.reference(key)
        state.state_details.cache_expiration = expiration
    return state


def get_state_exception(state: State) -> BaseException:
    """Return the exception of a FAILED, CRASHED or CANCELLED state.

    That of the first failure when several states were returned; a `FailedRun`, `CrashedRun` or `CancelledRun` with
    the state's message when none is attached; a `TypeError` when its data is none.

    Raises:
        ValueError: the state is of another type.

    Example:
        >>> get_state_exception(State("FAILED", message="no water"))
        FailedRun('no water')
    """
    return state_exception(state)


def raise_state_exception(state: State) -> None:
    """Raise the exception of a FAILED, CRASHED or CANCELLED state; do nothing for any other."""
    if state.is_failed() or state.is_crashed() or state.is_cancelled():
        raise state_exception(state)


def to_state_create(state: State) -> StateCreate:
    """Return a state as it is sent to the API: without its data, unless that is a reference to a stored result.

    Args:
        state: of any run.
    """
    data = state.data
    reference = None
    if isinstance(data, StoredResult):
        reference = data.store.reference(data.key, data.run)
    return StateCreate.of(state, reference)
