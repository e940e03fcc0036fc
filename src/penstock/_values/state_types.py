"""The types of states, and what can be said of a state without knowing its fields."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from operator import attrgetter
from typing import TYPE_CHECKING, Any


class StateType(str, Enum):
    """The nine state types; the rules look at nothing else."""

    SCHEDULED = "SCHEDULED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    CRASHED = "CRASHED"
    PAUSED = "PAUSED"
    CANCELLING = "CANCELLING"

    def __str__(self) -> str:
        return self.value

    # Looked up several times a task run; what an enumeration does by itself is a call of Python code.
    __hash__ = str.__hash__
    if not TYPE_CHECKING:
        value = property(attrgetter("_value_"))


#: A run in one of these has ended.
TERMINAL = frozenset({StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED, StateType.CRASHED})


def utc_now() -> datetime:
    """Return the present moment, with the UTC time zone."""
    return datetime.now(UTC)


class Resolvable:
    """Base of what stands in a state's data for a value that is not in memory and knows how to fetch itself."""

    __slots__ = ()

    def get(self) -> Any:
        """Return the value, or raise `MissingResult`."""
        raise NotImplementedError


class AnyState:
    """Base of states: what deciding their outcome needs to know."""

    __slots__ = ()

    type: StateType
    name: str
    message: str | None
    data: Any


def is_state_iterable(obj: Any) -> bool:
    """True for a non-empty set, list or tuple that holds nothing but states."""
    return type(obj) in (set, list, tuple) and bool(obj) and all(isinstance(item, AnyState) for item in obj)
