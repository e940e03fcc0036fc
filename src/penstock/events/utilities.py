"""Emitting events. Reference pages: advanced/use-custom-event-grammar, api-ref prefect-events-utilities."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from penstock._engine.contexts import FlowRunContext, TaskRunContext
from penstock._ids import new_id
from penstock._link.session import current_session
from penstock._values.events import Event, RelatedResource, Resource
from penstock._values.state_types import utc_now
from penstock.exceptions import EventTooLarge

#: An event follows another only when both happened within this time.
TIGHT_TIMING = timedelta(minutes=5)
#: Bytes of one event as JSON.
LARGEST = 1_500_000


def emit_event(
    event: str,
    resource: dict[str, str],
    occurred: datetime | None = None,
    related: list[dict[str, str]] | list[RelatedResource] | None = None,
    payload: dict[str, Any] | None = None,
    id: UUID | None = None,
    follows: Event | None = None,
    **kwargs: Any,
) -> Event | None:
    """Record that something happened. It is journalled at once; whatever goes wrong is logged, never raised.

    Args:
        event: what happened, such as ``"ticket.opened"``.
        resource: what it happened to: labels with ``prefect.resource.id``.
        occurred: when; now by default.
        related: resources that have to do with it, each with ``prefect.resource.id`` and ``prefect.resource.role``.
            The flow run and task run that are active here are added.
        payload: anything else, as JSON.
        id: identity; a new one by default.
        follows: the event it came after; forgotten when more than 5 minutes lie between them.
        **kwargs: accepted for compatibility.

    Returns:
        the event, None when it could not be recorded.

    Example:
        >>> emit_event("ticket.opened", {"prefect.resource.id": "ticket.7"}).resource.id
        'ticket.7'
    """
    try:
        made = Event(
            event=event,
            resource=Resource(resource),
            occurred=occurred or utc_now(),
            related=[RelatedResource(dict(one)) for one in related or ()] + _of_this_run(resource),
            payload=payload or {},
            id=id or new_id(),
        )
        if follows is not None and abs(made.occurred - follows.occurred) < TIGHT_TIMING:
            made.follows = follows.id
        if (size := made.size_bytes) > LARGEST:
            raise EventTooLarge(size)
        body = made.model_dump(mode="json") | {"occurred": int(made.occurred.timestamp() * 1e6)}
        current_session().emit("event", body)
    except Exception:
        logging.getLogger("penstock.events").exception("Event %r could not be recorded.", event)
        return None
    return made


def _of_this_run(resource: dict[str, str]) -> list[RelatedResource]:
    """Return the runs that are active here, unless the event is about them."""
    flow, task = FlowRunContext.get(), TaskRunContext.get()
    found = []
    if flow is not None:
        found.append(("flow-run", flow.flow_run.id, flow.flow_run.name))
        found.append(("flow", flow.flow_run.flow_id, flow.flow_run.flow_name))
    if task is not None:
        found.append(("task-run", task.task_run.id, task.task_run.name))
    labels = [
        {
            "prefect.resource.id": f"prefect.{kind}.{identity}",
            "prefect.resource.role": kind,
            "prefect.resource.name": name,
        }
        for kind, identity, name in found
    ]
    about = resource.get("prefect.resource.id")
    return [RelatedResource(one) for one in labels if one["prefect.resource.id"] != about]


__all__ = ["emit_event"]
