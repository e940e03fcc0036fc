"""Concurrency limits of tags. Reference pages: rest-api/server/concurrency-limits, concepts/tag-based-concurrency-limits.

The limit of tag X is the global limit named ``tag:X``; who holds its slots are task runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from penstock._ids import new_id, now_us
from penstock._rules.slots import TAG, Limit, Request
from penstock._store import slot_decisions as decisions
from penstock._store.core import Core, Refused
from penstock._store.limit_bodies import ConcurrencyLimitCreate, Page, Reset, TagSlots
from penstock._store.routes import limits
from penstock._store.routes.web import Answer, Ask, Route, missing
from penstock._store.slots import Owner

Record = dict[str, Any]
Finder = Callable[[Core, Ask], Limit]


def create(ask: Ask) -> Answer:
    """Set the limit of a tag, making it when there is none."""
    body = ask.read(ConcurrencyLimitCreate)

    def put(core: Core) -> Answer:
        known = core.slots.by_name.get(TAG + body.tag)
        if known is None:
            made = decisions.new_limit(core, TAG + body.tag, body.concurrency_limit)
        else:
            made = decisions.put_limit(core, replace(known, limit=body.concurrency_limit, active=True))
        return 200 if known else 201, _shown(core, made)

    return ask.call(put)


def listed(ask: Ask) -> Answer:
    """List the limits of tags by tag."""
    page = ask.read(Page)

    def look(core: Core) -> list[Record]:
        found = sorted(
            (one for one in core.slots.by_name.values() if one.name.startswith(TAG)), key=lambda one: one.name
        )
        return [_shown(core, one) for one in found[page.offset :][: page.limit]]

    return 200, ask.call(look)


def reset(ask: Ask) -> Answer:
    """Free the slots of a tag, or give them to other task runs."""
    wanted = [str(one) for one in ask.read(Reset).slot_override or ()]

    def apply(core: Core) -> None:
        limit = _of_tag(core, ask)
        held = {lease.owner.task_run_id: lease.id for lease in core.slots.holders(limit.id)}
        decisions.release(core, [held[run] for run in held if run not in wanted], "the tag was reset")
        for run in wanted:
            if run not in held:
                core.emit("lease", {"id": str(new_id()), "slots": {limit.id: 1}, **_holder(run)})

    ask.call(apply)
    return 200, None


def increment(ask: Ask) -> Answer:
    """Take one slot of each of these tags for a task run, or none; 423 says when to try again."""
    body = ask.read(TagSlots)
    run = str(body.task_run_id)
    names = [TAG + tag for tag in dict.fromkeys(body.names)]
    request = Request(str(new_id()), tuple(names), 1, asked_us=now_us())
    owner = Owner(holder_type="task_run", holder_id=run, task_run_id=run)
    answer = ask.call(lambda core: decisions.acquire(core, request, owner, wait=False))
    if answer["status"] == "granted":
        return 200, answer["limits"]
    if answer["status"] == "refused":
        raise Refused(423, {"detail": answer["reason"]})
    return 423, ask.call(lambda core: limits.full(core, names, 1))


def decrement(ask: Ask) -> Answer:
    """Give back the slots that a task run holds by these tags."""
    body = ask.read(TagSlots)
    run, names = str(body.task_run_id), {TAG + tag for tag in body.names}

    def give(core: Core) -> list[Record]:
        found = [core.slots.by_name[name] for name in sorted(names) if name in core.slots.by_name]
        held = [
            lease.id
            for limit in found
            for lease in core.slots.holders(limit.id)
            if lease.owner.task_run_id == run
        ]
        decisions.release(core, dict.fromkeys(held), "released")
        return [{"id": one.id, "name": one.name, "limit": one.limit} for one in found]

    return 200, ask.call(give)


def _of_tag(core: Core, ask: Ask) -> Limit:
    found = core.slots.by_name.get(TAG + ask.path["tag"])
    if found is None:
        raise missing(f"concurrency limit of tag {ask.path['tag']!r}")
    return found


def _of_id(core: Core, ask: Ask) -> Limit:
    found = core.slots.limits.get(ask.id())
    if found is None or not found.name.startswith(TAG):
        raise missing(f"concurrency limit of a tag with id {ask.id()}")
    return found


def _read(find: Finder) -> Any:
    def read(ask: Ask) -> Answer:
        """Read the limit of a tag, with the task runs that hold its slots."""
        return 200, ask.call(lambda core: _shown(core, find(core, ask)))

    return read


def _delete(find: Finder) -> Any:
    def delete(ask: Ask) -> Answer:
        """Delete the limit of a tag."""
        ask.call(lambda core: decisions.delete_limit(core, find(core, ask)))
        return 200, None

    return delete


def _holder(task_run_id: str) -> Record:
    return {"holder_type": "task_run", "holder_id": task_run_id, "task_run_id": task_run_id}


def _shown(core: Core, limit: Limit) -> Record:
    whole = limits.shown(core, limit)
    holders = [lease.owner.task_run_id for lease in core.slots.holders(limit.id)]
    return {
        **{name: whole[name] for name in ("id", "created", "updated")},
        "tag": limit.name.removeprefix(TAG),
        "concurrency_limit": limit.limit,
        "active_slots": [run for run in holders if run is not None],
    }


_MINIMAL = {"type": "array", "items": "MinimalConcurrencyLimitResponse"}
_PATH = "/concurrency_limits"
ROUTES = [
    Route("POST", f"{_PATH}/", create, ConcurrencyLimitCreate, "ConcurrencyLimit", 201),
    Route("POST", f"{_PATH}/filter", listed, Page, {"type": "array", "items": "ConcurrencyLimit"}),
    Route("POST", f"{_PATH}/increment", increment, TagSlots, _MINIMAL),
    Route("POST", f"{_PATH}/decrement", decrement, TagSlots, _MINIMAL),
    Route("POST", f"{_PATH}/tag/{{tag}}/reset", reset, Reset, {"type": "null"}),
    *[
        route
        for find, path in ((_of_tag, f"{_PATH}/tag/{{tag}}"), (_of_id, f"{_PATH}/{{id}}"))
        for route in (
            Route("GET", path, _read(find), answer="ConcurrencyLimit"),
            Route("DELETE", path, _delete(find), answer={"type": "null"}),
        )
    ],
]
