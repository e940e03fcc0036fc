"""Signs of life of flow runs, as events. Reference: advanced/detect-zombie-flows."""

from __future__ import annotations

from penstock._ids import new_id, now_us
from penstock._link.session import Session

EVENT = "prefect.flow-run.heartbeat"


def beat(session: Session, run_id: str) -> None:
    """Say that the process of a flow run is there."""
    resource = {"prefect.resource.id": f"prefect.flow-run.{run_id}"}
    body = {"id": str(new_id()), "occurred": now_us(), "event": EVENT, "resource": resource}
    session.emit("event", {**body, "related": [], "payload": {}, "follows": None})
