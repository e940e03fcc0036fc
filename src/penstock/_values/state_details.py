"""What a state carries beside type and name."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from penstock._values.documents import Document, read_id, read_time
from penstock._values.run_inputs import FlowRunResult, RunType, TaskRunResult


@dataclass(slots=True, eq=True)
class StateDetails(Document):
    """What a state carries beside type and name. Reference: api-ref client/schemas/objects."""

    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None
    child_flow_run_id: UUID | None = None
    scheduled_time: datetime | None = None
    cache_key: str | None = None
    cache_expiration: datetime | None = None
    deferred: bool | None = False
    untrackable_result: bool = False
    pause_timeout: datetime | None = None
    pause_reschedule: bool = False
    pause_key: str | None = None
    run_input_keyset: dict[str, str] | None = None
    refresh_cache: bool | None = None
    retriable: bool | None = None
    transition_id: UUID | None = None
    task_parameters_id: UUID | None = None
    traceparent: str | None = None
    deployment_concurrency_lease_id: UUID | None = None
    #: Where the run's result lies, as JSON; shown as the `data` of its state.
    stored_result: dict[str, Any] | None = None

    @classmethod
    def _stored(cls) -> tuple[str, ...]:
        return tuple(name for name, _ in DETAIL_DEFAULTS)

    def to_json(self) -> dict[str, Any]:
        """Return the fields that differ from their defaults, ready for JSON."""
        out: dict[str, Any] = {}
        for name, default in DETAIL_DEFAULTS:
            value = getattr(self, name)
            if value != default:
                out[name] = plain(value)
        if self.stored_result is not None:
            out["stored_result"] = self.stored_result
        return out

    @classmethod
    def from_json(cls, data: dict[str, Any] | None) -> StateDetails:
        """Read what `to_json` (or the REST API) wrote; unknown keys are ignored."""
        details = cls(stored_result=(data or {}).get("stored_result"))
        for name, value in (data or {}).items():
            if value is not None and name in _DETAIL_NAMES:
                reader = cls._readers.get(name)
                setattr(details, name, value if reader is None else reader(value))
        return details

    def to_run_result(self, run_type: RunType) -> FlowRunResult | TaskRunResult | None:
        """Return the run this state is of as an input of another run, None when there is no such run.

        Args:
            run_type: whether its flow run or its task run is meant.
        """
        if run_type is RunType.FLOW_RUN and self.flow_run_id is not None:
            return FlowRunResult(id=self.flow_run_id)
        if run_type is RunType.TASK_RUN and self.task_run_id is not None:
            return TaskRunResult(id=self.task_run_id)
        return None


#: The documented fields of `StateDetails` with their defaults, in order.
DETAIL_DEFAULTS = tuple((f.name, f.default) for f in fields(StateDetails) if f.name != "stored_result")
_DETAIL_NAMES = frozenset(name for name, _ in DETAIL_DEFAULTS)
_IDS = ("flow_run_id", "task_run_id", "child_flow_run_id", "transition_id", "task_parameters_id")
StateDetails._readers = {
    **dict.fromkeys((*_IDS, "deployment_concurrency_lease_id"), read_id),
    **dict.fromkeys(("scheduled_time", "cache_expiration", "pause_timeout"), read_time),
}


def plain(value: Any) -> Any:
    """Return the value of a field as JSON has it."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return value
