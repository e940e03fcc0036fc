"""From a state to a value or an exception. Reference page: api-ref prefect-states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from penstock._values.state_types import TERMINAL, AnyState, Resolvable, StateType, is_state_iterable
from penstock.exceptions import (
    CancelledRun,
    CrashedRun,
    FailedRun,
    MissingResult,
    PausedRun,
    UnfinishedRun,
)

_WRAPPERS = {
    StateType.FAILED: (FailedRun, "Run failed."),
    StateType.CRASHED: (CrashedRun, "Run crashed."),
    StateType.CANCELLED: (CancelledRun, "Run cancelled."),
}


class Absent(Resolvable):
    """Data of a state whose value was never kept: says why, when asked."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        self.why = why

    def get(self) -> Any:
        """Raise `MissingResult` with the reason."""
        raise MissingResult(self.why)


class Referred(Resolvable):
    """Data of a state that comes from the store: where the result lies. Read where somebody asks for it."""

    __slots__ = ("reference",)

    #: Reads what a reference stands for; set by `penstock._results.references`, which knows storages.
    read: ClassVar[Callable[[dict[str, Any]], Any] | None] = None

    def __init__(self, reference: dict[str, Any]) -> None:
        self.reference = reference

    def get(self) -> Any:
        """Return the value.

        Raises:
            MissingResult: it is gone, or lies where this process does not read from.
        """
        if Referred.read is None:
            raise MissingResult("Results are not read in this process.")
        return Referred.read(self.reference)

    def __repr__(self) -> str:
        return f"Referred({self.reference!r})"


def read_data(data: Any) -> Any:
    """Return the data of a state as it comes from the API."""
    return Referred(data) if isinstance(data, dict) and data.get("type") == "reference" else data


def state_result(state: AnyState, raise_on_failure: bool = True) -> Any:
    """Return the value of a completed state; raise or return the exception of another."""
    if state.type is StateType.PAUSED:
        if raise_on_failure:
            raise PausedRun("Run is paused, its result is not available.", state=state)
        return PausedRun("Run is paused, its result is not available.", state=state)
    if state.type not in TERMINAL:
        why = f" {state.message}" if state.message else ""
        raise UnfinishedRun(f"Run is in {state.name} state, its results are not available.{why}")
    if state.type is StateType.COMPLETED:
        if is_state_iterable(state.data):
            return state.data
        return state.data.get() if isinstance(state.data, Resolvable) else state.data
    if raise_on_failure:
        raise state_exception(state)
    return state_exception(state)


def state_exception(state: AnyState) -> BaseException:
    """Return the exception of an unsuccessful state.

    Raises:
        ValueError: the state is not FAILED, CRASHED or CANCELLED.
    """
    if state.type not in _WRAPPERS:
        raise ValueError(f"Expected failed or crashed state got {state!r}.")
    wrapper, default = _WRAPPERS[state.type]
    data = state.data
    if isinstance(data, Resolvable):
        data = data.get()
    if isinstance(data, BaseException):
        return data
    if isinstance(data, AnyState):
        return state_exception(data) if data.type in _WRAPPERS else wrapper(state.message or default)
    if is_state_iterable(data):
        failed = [member for member in data if member.type in (StateType.FAILED, StateType.CRASHED)]
        ended = failed or [member for member in data if member.type in _WRAPPERS]
        return state_exception(ended[0]) if ended else wrapper(state.message or default)
    if isinstance(data, str):
        return wrapper(data)
    if data is None:
        return wrapper(state.message or default)
    return TypeError(f"Unexpected result for failed state: {data!r} is not an exception")
