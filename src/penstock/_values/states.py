"""States: what a run is doing, or how it ended.

The type drives the rules, the name is for people. Reference page: concepts/states.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from types import GenericAlias
from typing import Any, Self
from uuid import UUID

from penstock._ids import new_id
from penstock._values.awaited import call_is_awaited
from penstock._values.documents import Document, read_id, read_time
from penstock._values.outcome import Absent, Referred, read_data, state_result
from penstock._values.state_details import DETAIL_DEFAULTS, plain
from penstock._values.state_details import StateDetails as StateDetails
from penstock._values.state_types import TERMINAL as TERMINAL
from penstock._values.state_types import AnyState
from penstock._values.state_types import Resolvable as Resolvable
from penstock._values.state_types import StateType as StateType
from penstock._values.state_types import is_state_iterable as is_state_iterable
from penstock._values.state_types import utc_now as utc_now

_DEFAULT_NAMES = {kind: kind.value.title() for kind in StateType}


class State(AnyState, Document):
    """One state of one run.

    Args:
        type: a `StateType` or its name.
        name: the label people see; from the type when not given.
        message: a sentence about it.
        data: the result, the exception, or a reference to a stored result. Stays in this process.
        state_details: links, keys and times.
        timestamp: when it was entered; now by default.
        id: identity; a new one by default.
        created, updated: when the store wrote it; None for states it has not seen.

    Example:
        >>> State("COMPLETED", name="Cached", data=3).result()
        3
    """

    _shown = (
        "id",
        "created",
        "updated",
        "type",
        "name",
        "timestamp",
        "message",
        "state_details",
        "data",
    )
    __slots__ = (
        "_details",
        "created",
        "data",
        "digest",
        "id",
        "message",
        "name",
        "timestamp",
        "type",
        "updated",
    )

    def __init__(
        self,
        type: StateType | str,
        name: str | None = None,
        message: str | None = None,
        data: Any = None,
        state_details: StateDetails | dict[str, Any] | None = None,
        timestamp: datetime | None = None,
        id: UUID | None = None,
        created: datetime | None = None,
        updated: datetime | None = None,
    ) -> None:
        self.type = type if isinstance(type, StateType) else StateType(type)
        self.name = name or _DEFAULT_NAMES[self.type]
        self.message = message
        self.data = data
        self._details = (
            StateDetails.from_json(state_details) if isinstance(state_details, dict) else state_details
        )
        self.timestamp = timestamp or utc_now()
        self.id = id or new_id()
        #: Content hash of the value, where it was computed. Stays in this process, like the data.
        self.digest: str | None = None
        self.created = created
        self.updated = updated
        if self.type is StateType.SCHEDULED and self.state_details.scheduled_time is None:
            self.state_details.scheduled_time = self.timestamp

    def __class_getitem__(cls, value: Any) -> GenericAlias:
        """Let annotations say what the value is: ``State[int]``."""
        return GenericAlias(cls, value)

    @property
    def state_details(self) -> StateDetails:
        """Links, keys and times; made on first use, since most states have none."""
        if self._details is None:
            self._details = StateDetails()
        return self._details

    @state_details.setter
    def state_details(self, details: StateDetails) -> None:
        self._details = details

    def is_scheduled(self) -> bool:
        """True for every state of type SCHEDULED."""
        return self.type is StateType.SCHEDULED

    def is_pending(self) -> bool:
        """True for every state of type PENDING."""
        return self.type is StateType.PENDING

    def is_running(self) -> bool:
        """True for every state of type RUNNING."""
        return self.type is StateType.RUNNING

    def is_completed(self) -> bool:
        """True for every state of type COMPLETED."""
        return self.type is StateType.COMPLETED

    def is_failed(self) -> bool:
        """True for type FAILED only; a crash is not a failure."""
        return self.type is StateType.FAILED

    def is_crashed(self) -> bool:
        """True for every state of type CRASHED."""
        return self.type is StateType.CRASHED

    def is_cancelled(self) -> bool:
        """True for every state of type CANCELLED."""
        return self.type is StateType.CANCELLED

    def is_cancelling(self) -> bool:
        """True for every state of type CANCELLING."""
        return self.type is StateType.CANCELLING

    def is_paused(self) -> bool:
        """True for every state of type PAUSED."""
        return self.type is StateType.PAUSED

    def is_suspended(self) -> bool:
        """True for a pause that no process waits in: the run is scheduled again when it is resumed."""
        return self.type is StateType.PAUSED and self.state_details.pause_reschedule

    def is_final(self) -> bool:
        """True when the run has ended."""
        return self.type in TERMINAL

    def result(
        self,
        raise_on_failure: bool = True,
        retry_result_failure: bool = True,
        _sync: bool | None = None,
    ) -> Any:
        """Return the run's value, or raise (or return) its exception.

        A plain call gives the value everywhere, under a running loop too; ``await state.result()`` works as well.

        Args:
            raise_on_failure: when False, the exception of an unsuccessful run is returned instead of raised.
            retry_result_failure: accepted for compatibility; local storage needs no second try.
            _sync: True for the value even where the call is awaited.

        Raises:
            UnfinishedRun: the run has not ended. PausedRun: it is paused.
            MissingResult: it ended but its value is neither in memory nor in storage.
        """
        if _sync is not True and call_is_awaited():
            return self.aresult(raise_on_failure, retry_result_failure)
        return state_result(self, raise_on_failure)

    async def aresult(self, raise_on_failure: bool = True, retry_result_failure: bool = True) -> Any:
        """Async twin of `result`; a value that lies in storage is read without blocking the loop."""
        if not isinstance(self.data, Resolvable):
            return state_result(self, raise_on_failure)
        import asyncio

        return await asyncio.to_thread(state_result, self, raise_on_failure)

    def fresh_copy(self, **changes: Any) -> State:
        """Return the same content with a new id and the present timestamp."""
        details = changes.pop("state_details", None) or (
            replace(self._details, transition_id=None) if self._details is not None else None
        )
        kept = {"type": self.type, "name": self.name, "message": self.message, "data": self.data}
        return State(**{**kept, **changes}, state_details=details)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with some fields replaced; the timestamp is renewed, as documented."""
        kept = {name: getattr(self, name) for name in ("type", "name", "message", "data", "id")}
        kept["state_details"] = replace(self._details) if self._details is not None else None
        if deep:
            from copy import deepcopy

            kept = deepcopy(kept)
        return type(self)(**{**kept, **(update or {})})

    def to_json(self) -> dict[str, Any]:
        """Return the state as the REST API shows it. Data never leave the process, only where they are stored."""
        return {
            "id": str(self.id),
            "type": self.type.value,
            "name": self.name,
            "timestamp": self.timestamp.isoformat(),
            "message": self.message,
            "data": self._details.stored_result if self._details is not None else None,
            "state_details": {name: plain(getattr(self.state_details, name)) for name, _ in DETAIL_DEFAULTS},
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> State:
        """Read a state from REST JSON."""
        when, details = data.get("timestamp"), StateDetails.from_json(data.get("state_details"))
        referred = read_data(data.get("data"))
        if isinstance(referred, Referred):
            details.stored_result = referred.reference
        return cls(
            type=data["type"],
            name=data.get("name"),
            message=data.get("message"),
            data=referred if isinstance(referred, Referred) else None,
            state_details=details,
            timestamp=datetime.fromisoformat(when) if isinstance(when, str) else when,
            id=UUID(data["id"]) if data.get("id") else None,
        )

    @classmethod
    def model_validate(cls, obj: Any) -> Self:
        """Make a state of a dict; one that completed and comes from the API without data says so when asked."""
        made = super().model_validate(obj)
        if made is not obj and made.data is None and made.is_completed() and isinstance(obj.get("id"), str):
            made.data = Absent(
                "The state was read from the API and has no result: results are stored when their run has "
                "persist_result=True."
            )
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and other.id == self.id and other.type is self.type

    def __hash__(self) -> int:
        return hash(self.id)

    def __str__(self) -> str:
        inside = [repr(self.message)] if self.message else []
        if self.name != _DEFAULT_NAMES[self.type]:
            inside.append(f"type={self.type.value}")
        return f"{self.name}({', '.join(inside)})"

    def __repr__(self) -> str:
        shown = "..." if isinstance(self.data, Resolvable) else repr(self.data)
        return f"{self.name}(message={self.message!r}, type={self.type.value}, result={shown})"


State._readers = {
    "id": read_id,
    "type": StateType,
    "state_details": StateDetails.model_validate,
    "data": read_data,
    **dict.fromkeys(("timestamp", "created", "updated"), read_time),
}


class StateGroup:
    """A set of states looked at together. Reference page: api-ref prefect-states."""

    def __init__(self, states: Iterable[State]) -> None:
        self.states = list(states)
        self.total_count = len(self.states)
        self.type_counts = {kind: sum(s.type is kind for s in self.states) for kind in StateType}
        self.not_final_count = sum(not s.is_final() for s in self.states)

    @property
    def fail_count(self) -> int:
        """How many failed or crashed."""
        return self.type_counts[StateType.FAILED] + self.type_counts[StateType.CRASHED]

    def all_completed(self) -> bool:
        """True when every state is COMPLETED."""
        return self.type_counts[StateType.COMPLETED] == self.total_count

    def all_final(self) -> bool:
        """True when every run has ended."""
        return self.not_final_count == 0

    def any_cancelled(self) -> bool:
        """True when one is CANCELLED."""
        return self.type_counts[StateType.CANCELLED] > 0

    def any_failed(self) -> bool:
        """True when one is FAILED or CRASHED."""
        return self.fail_count > 0

    def any_paused(self) -> bool:
        """True when one is PAUSED."""
        return self.type_counts[StateType.PAUSED] > 0

    def counts_message(self) -> str:
        """Return a summary such as ``total=3 'COMPLETED'=2 'FAILED'=1``."""
        counts = [f"{kind.value!r}={n}" for kind, n in self.type_counts.items() if n]
        return " ".join([f"total={self.total_count}", *counts])
