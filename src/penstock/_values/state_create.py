"""A state on its way to the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from penstock._values.documents import Document, Readers
from penstock._values.states import State, StateDetails, StateType


@dataclass(slots=True, kw_only=True)
class StateCreate(Document):
    """What is sent to set the state of a run.

    Example:
        >>> StateCreate(type=StateType.COMPLETED, name="Done").model_dump(exclude_none=True)["name"]
        'Done'
    """

    _readers: ClassVar[Readers] = {"type": StateType, "state_details": StateDetails.model_validate}

    type: StateType
    name: str | None = None
    message: str | None = None
    state_details: StateDetails = field(default_factory=StateDetails)
    #: Where the result is stored, as text; local values never leave the process.
    data: dict[str, Any] | None = None

    @classmethod
    def of(cls, state: State, data: dict[str, Any] | None) -> StateCreate:
        """Return a state as it is sent."""
        return cls(
            type=state.type,
            name=state.name,
            message=state.message,
            state_details=state.state_details.model_copy(),
            data=data,
        )
