"""The answer to a proposed state. Reference page: api-ref client/schemas/responses."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

from penstock._values.documents import Document, Readers
from penstock._values.states import State


class SetStateStatus(str, Enum):
    """What became of a proposal."""

    ACCEPT = "ACCEPT"
    REJECT = "REJECT"
    ABORT = "ABORT"
    WAIT = "WAIT"


@dataclass(slots=True, kw_only=True)
class StateAcceptDetails(Document):
    """The state was written."""

    type: str = "accept_details"


@dataclass(slots=True, kw_only=True)
class StateRejectDetails(Document):
    """Another state was written, or the run stays as it is."""

    type: str = "reject_details"
    reason: str | None = None


@dataclass(slots=True, kw_only=True)
class StateAbortDetails(Document):
    """Nothing was written; the client must stop."""

    type: str = "abort_details"
    reason: str | None = None


@dataclass(slots=True, kw_only=True)
class StateWaitDetails(Document):
    """Nothing was written; the client asks again after `delay_seconds`."""

    delay_seconds: int
    type: str = "wait_details"
    reason: str | None = None


Details = StateAcceptDetails | StateRejectDetails | StateAbortDetails | StateWaitDetails
_DETAILS: dict[str, type[Details]] = {
    "accept_details": StateAcceptDetails,
    "reject_details": StateRejectDetails,
    "abort_details": StateAbortDetails,
    "wait_details": StateWaitDetails,
}


def _details(value: Any) -> Details:
    """Return details by their type: those of a rejection and of an abort have the same fields."""
    if isinstance(value, Document):
        return value  # type: ignore[return-value]  # made by somebody who knows which
    return _DETAILS[value["type"]].model_validate(value)


@dataclass(slots=True, kw_only=True)
class OrchestrationResult(Document):
    """What became of a proposal, and the state the run is in when one was written or kept."""

    _readers: ClassVar[Readers] = {
        "state": State.model_validate,
        "status": SetStateStatus,
        "details": _details,
    }

    state: State | None
    status: SetStateStatus
    details: Details
