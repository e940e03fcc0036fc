"""Global concurrency limits. Reference pages: rest-api/server/concurrency-limits-v2, concepts/global-concurrency-limits."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson

from penstock._ids import new_id, now_us
from penstock._rules import slots as rules
from penstock._rules.slots import Limit, Request
from penstock._store import show
from penstock._store import slot_decisions as decisions
from penstock._store.core import Core
from penstock._store.filters import invalid
from penstock._store.limit_bodies import (
    ConcurrencyLimitV2Create,
    ConcurrencyLimitV2Update,
    Decrement,
    DecrementWithLease,
    Increment,
    IncrementWithLease,
    Page,
    Renew,
)
from penstock._store.live import from_us
from penstock._store.requests import refusal
from penstock._store.routes.web import Answer, Ask, Route, Text, missing
from penstock._store.slots import Owner
from penstock.settings import get_current_settings

Record = dict[str, Any]


def create(ask: Ask) -> Answer:
    """Make a concurrency limit.

    Raises:
        Refused: 409, its name is taken.
    """
    body = ask.read(ConcurrencyLimitV2Create)

    def make(core: Core) -> Record:
        check_free(core, body.name)
        made = decisions.new_limit(
            core, body.name, body.limit, active=body.active, decay=body.slot_decay_per_second
        )
        if body.active_slots:
            decisions.set_level(core, made.id, body.active_slots)
        return _shown_whole(core, core.slots.limits[made.id])

    return 201, ask.call(make)


def read(ask: Ask) -> Answer:
    """Read a concurrency limit by its id or name."""
    return 200, ask.call(lambda core: shown(core, _find(core, ask)))


def update(ask: Ask) -> Answer:
    """Change the fields that were sent of a concurrency limit."""
    body = ask.read(ConcurrencyLimitV2Update)

    def apply(core: Core) -> None:
        before = _find(core, ask)
        if body.name is not None and body.name != before.name:
            check_free(core, body.name)
        fields: Record = {"name": body.name, "limit": body.limit, "active": body.active}
        fields["decay"] = body.slot_decay_per_second
        given = {name: value for name, value in fields.items() if value is not None}
        if given:
            decisions.put_limit(core, replace(before, **given))
        if body.active_slots is not None:
            decisions.set_active(core, core.slots.limits[before.id], body.active_slots)

    ask.call(apply)
    return 204, None


def delete(ask: Ask) -> Answer:
    """Delete a concurrency limit."""
    ask.call(lambda core: decisions.delete_limit(core, _find(core, ask)))
    return 204, None


def listed(ask: Ask) -> Answer:
    """List concurrency limits by name."""
    page = ask.read(Page)

    def look(core: Core) -> list[Record]:
        found = sorted(core.slots.by_name.values(), key=lambda one: one.name)
        return [shown(core, one) for one in found[page.offset :][: page.limit]]

    return 200, ask.call(look)


def increment(ask: Ask) -> Answer:
    """Take slots of all the limits, or of none; 423 says when to try again."""
    body = ask.read(Increment)

    def take(core: Core) -> Record:
        request = _request(body)
        return _taken_by_hand(core, request)

    return _answer(ask, body, ask.call(take), lambda answer: answer["limits"])


def increment_with_lease(ask: Ask) -> Answer:
    """Take slots of all the limits, or of none, for a time that can be renewed."""
    body = ask.read(IncrementWithLease)
    kind, identity = (body.holder.type, str(body.holder.id)) if body.holder is not None else (None, None)
    owner = Owner(None, kind, identity, body.lease_duration)
    answer = ask.call(lambda core: decisions.acquire(core, _request(body), owner, wait=False))
    return _answer(ask, body, answer, lambda one: {"lease_id": one["lease"], "limits": one["limits"]})


def decrement(ask: Ask) -> Answer:
    """Give slots back that were taken without a lease."""
    body = ask.read(Decrement)

    def give(core: Core) -> list[Record]:
        found = [core.slots.by_name[name] for name in dict.fromkeys(body.names) if name in core.slots.by_name]
        for limit in found:
            decisions.set_level(core, limit.id, rules.level_at(limit, now_us()) - body.slots)
            if body.occupancy_seconds is not None:
                core.slots.note_occupancy(limit.id, body.occupancy_seconds)
        return [{"id": one.id, "name": one.name, "limit": one.limit} for one in found]

    return 200, ask.call(give)


def decrement_with_lease(ask: Ask) -> Answer:
    """End a lease; one that has ended already is no error."""
    lease = str(ask.read(DecrementWithLease).lease_id)
    ask.call(lambda core: decisions.release(core, [lease], "released"))
    return 204, None


def renew(ask: Ask) -> Answer:
    """Let a lease go on; 410 when it has ended."""
    lease, seconds = ask.id("lease_id"), ask.read(Renew).lease_duration
    if not ask.call(lambda core: decisions.renew(core, lease, seconds, time.monotonic())):
        text = f"Lease {lease} has ended; its slots may be somebody else's by now."
        raise refusal(410, text)
    return 204, None


def shown(core: Core, limit: Limit) -> Record:
    """Return a limit as it is answered."""
    return {
        "id": limit.id,
        "created": show.when(from_us(limit.created_us).replace(tzinfo=None)),
        "updated": show.when(from_us(limit.updated_us).replace(tzinfo=None)),
        "active": limit.active,
        "name": limit.name,
        "limit": limit.limit,
        "active_slots": rules.active_slots(limit, core.slots.held_of(limit.id), now_us()),
        # Slots that somebody waits for now.
        "denied_slots": _waiting_for(core, limit),
        "slot_decay_per_second": limit.decay,
    }


def check_free(core: Core, name: str) -> None:
    """Do nothing when no limit has this name.

    Raises:
        Refused: 409, one has.
    """
    if name in core.slots.by_name:
        text = f"There is a concurrency limit named {name!r} already."
        raise refusal(409, text)


def full(core: Core, names: list[str], slots: int) -> Text:
    """Return the answer that says how long to stay away, in its header Retry-After."""
    limits = [core.slots.by_name[name] for name in names if name in core.slots.by_name]
    settings = get_current_settings()
    waits = [
        rules.retry_after(
            limit,
            slots,
            _waiting_for(core, limit),
            core.slots.mean_seconds.get(limit.id, 2.0),
            settings.server_tasks_tag_concurrency_slot_wait_seconds
            if limit.name.startswith(rules.TAG)
            else settings.server_concurrency_maximum_concurrency_slot_wait_seconds,
            random.random(),
        )
        for limit in limits
        if limit.active
    ]
    body = orjson.dumps({"detail": f"All slots of {', '.join(names)} are taken."}).decode()
    headers = ((b"retry-after", f"{max(waits, default=1.0):.3f}".encode()),)
    return Text(body, "application/json", headers)


def _shown_whole(core: Core, limit: Limit) -> Record:
    mean = core.slots.mean_seconds.get(limit.id, 2.0)
    return {**shown(core, limit), "avg_slot_occupancy_seconds": mean}


def _waiting_for(core: Core, limit: Limit) -> int:
    return sum(one.request.slots for one in core.slots.queue if limit.name in one.request.names)


def _find(core: Core, ask: Ask) -> Limit:
    wanted = ask.path["id_or_name"]
    try:
        found = core.slots.limits.get(str(UUID(wanted)))
    except ValueError:
        found = None
    found = found or core.slots.by_name.get(wanted)
    if found is None:
        raise missing(f"concurrency limit {wanted!r}")
    return found


def _request(body: Increment) -> Request:
    return Request(str(new_id()), tuple(dict.fromkeys(body.names)), body.slots, body.mode, now_us())


def _taken_by_hand(core: Core, request: Request) -> Record:
    """Raise the levels, for whoever takes slots without a lease."""
    if (reason := rules.refusal(core.slots.by_name, request)) is not None:
        return {"status": "refused", "reason": reason}
    queue = [one.request for one in core.slots.queue]
    admission = rules.admit(core.slots.by_name, core.slots.held(), [*queue, request], now_us())
    if request not in admission.granted:
        return {"status": "full"}
    limits = [core.slots.by_name[name] for name in request.names if name in core.slots.by_name]
    for limit in limits:
        if limit.active:
            decisions.set_level(core, limit.id, rules.level_at(limit, now_us()) + request.slots)
    return {
        "status": "granted",
        "limits": [{"id": one.id, "name": one.name, "limit": one.limit} for one in limits],
    }


def _answer(ask: Ask, body: Increment, answer: Record, granted: Any) -> Answer:
    if answer["status"] == "granted":
        return 200, granted(answer)
    if answer["status"] == "refused":
        detail = [{"loc": ["body", "slots"], "msg": answer["reason"], "type": "value_error"}]
        raise invalid(detail, ask.body)
    return 423, ask.call(lambda core: full(core, body.names, body.slots))


_MINIMAL = {"type": "array", "items": "MinimalConcurrencyLimitResponse"}
_PATH = "/v2/concurrency_limits"
ROUTES = [
    Route("POST", f"{_PATH}/", create, ConcurrencyLimitV2Create, "ConcurrencyLimitV2", 201),
    Route(
        "POST", f"{_PATH}/filter", listed, Page, {"type": "array", "items": "GlobalConcurrencyLimitResponse"}
    ),
    Route("POST", f"{_PATH}/increment", increment, Increment, _MINIMAL),
    Route(
        "POST",
        f"{_PATH}/increment-with-lease",
        increment_with_lease,
        IncrementWithLease,
        "ConcurrencyLimitWithLeaseResponse",
    ),
    Route("POST", f"{_PATH}/decrement", decrement, Decrement, _MINIMAL),
    Route("POST", f"{_PATH}/decrement-with-lease", decrement_with_lease, DecrementWithLease, status=204),
    Route("POST", f"{_PATH}/leases/{{lease_id}}/renew", renew, Renew, status=204),
    Route("GET", f"{_PATH}/{{id_or_name}}", read, answer="GlobalConcurrencyLimitResponse"),
    Route("PATCH", f"{_PATH}/{{id_or_name}}", update, ConcurrencyLimitV2Update, status=204),
    Route("DELETE", f"{_PATH}/{{id_or_name}}", delete, status=204),
]
