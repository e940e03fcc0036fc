"""Events. Reference pages: concepts/events, api-ref/python/prefect-events."""

from penstock._values.events import Event as Event
from penstock._values.events import ReceivedEvent as ReceivedEvent
from penstock._values.events import RelatedResource as RelatedResource
from penstock._values.events import Resource as Resource
from penstock.events.utilities import emit_event as emit_event

__all__ = ["Event", "ReceivedEvent", "RelatedResource", "Resource", "emit_event"]
