"""What the store decides about slots. Every function here runs on the writer thread."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from penstock._ids import new_id, now_us
from penstock._journal.liveness import is_alive
from penstock._rules import slots as rules
from penstock._rules.slots import Limit, Request
from penstock._store.slots import Lease, Owner, Waiting

if TYPE_CHECKING:
    from penstock._store.core import Core

Answer = dict[str, Any]


def watched(client: str) -> str:
    """Return the name under which a client's polls are woken."""
    return f"slots of {client}"


def acquire(core: Core, request: Request, owner: Owner, *, wait: bool) -> Answer:
    """Take slots, or take a place in the queue.

    Asking again with the same id gives the same answer, so that a request may be sent twice.

    Returns:
        `status`: granted (with `lease`, `limits`, `missing`), waiting, full (only when nobody waits: `wait` is
        False), refused (with `reason`) or gone (it was given up before).
    """
    book = core.slots
    if request.id in book.leases:
        return _granted(core, request)
    if request.id in book.given_up:
        return {"status": "gone"}
    settled = book.settled.get(owner.client or "", {}).get(request.id)
    if settled is not None:
        return settled
    if (reason := rules.refusal(book.by_name, request)) is not None:
        return {"status": "refused", "reason": reason}
    if book.leave(request.id) is None:
        book.changed = True
    waiting = Waiting(request.asked_us, request, owner)
    book.enqueue(waiting)
    answers = _pump(core)
    if request.id in answers:
        book.settled.get(owner.client or "", {}).pop(request.id, None)
        return answers[request.id]
    if not wait:
        book.leave(request.id)
    return {"status": "waiting" if wait else "full", "missing": _missing(core, request)}


def release(core: Core, ids: Iterable[str], why: str) -> list[str]:
    """End leases and give up requests; returns those that were leases. One that fails does not keep the others."""
    ended: list[str] = []
    for identity in ids:
        try:
            core.slots.leave(identity)
            if identity in core.slots.leases:
                core.emit("lease_ended", {"id": identity, "why": why})
                ended.append(identity)
            core.slots.give_up(identity)
        except Exception:
            traceback.print_exc()
    return ended


def look(core: Core, client: str, seen: Iterable[str]) -> Answer:
    """Return what became of a client's requests since it last looked, and which of them still wait.

    `due` is after how many seconds decay may let somebody go, so that a poll looks again in time.
    """
    book = core.slots
    mine = book.settled.get(client, {})
    for identity in seen:
        mine.pop(identity, None)
    if not mine:
        book.settled.pop(client, None)
    if book.queue:
        _pump(core)
    due = rules.seconds_until_due(book.by_name, book.held(), (one.request for one in book.queue), now_us())
    waiting = [one.request.id for one in book.queue if one.owner.client == client]
    return {"settled": dict(book.settled.get(client, {})), "waiting": waiting, "due": due}


def drop_client(core: Core, client: str) -> int:
    """Free what a process held that is gone, and take it out of the queue; returns how many leases it held."""
    book = core.slots
    book.queue = [one for one in book.queue if one.owner.client != client]
    book.settled.pop(client, None)
    book.changed = True
    return len(release(core, _leases_of(core, {client}), "the process that held it ended"))


def drop_dead(core: Core) -> int:
    """Free what processes held that went while no store was there; returns how many leases."""
    owners = {lease.owner.client for lease in core.slots.leases.values()} - {None}
    dead = {client for client in owners if client is not None and not is_alive(core.journals, client)}
    return len(release(core, _leases_of(core, dead), "the process that held it ended"))


def expire(core: Core, now: float) -> int:
    """End timed leases that were not renewed; `now` is on the monotonic clock. Returns how many."""
    late = [one.id for one in core.slots.leases.values() if one.deadline is not None and one.deadline <= now]
    return len(release(core, late, "it was not renewed in time"))


def renew(core: Core, lease_id: str, seconds: float, now: float) -> bool:
    """Let a lease go on; False when it has ended. One that a living process holds needs no renewal."""
    lease = core.slots.leases.get(lease_id)
    if lease is not None and lease.deadline is not None:
        lease.deadline = now + seconds
    return lease is not None


def put_limit(core: Core, limit: Limit, level: float | None = None) -> Limit:
    """Make or change a limit, and set the slots taken without a lease when `level` is given."""
    before = core.slots.limits.get(limit.id)
    now = now_us()
    if before is not None and before.decay != limit.decay and level is None:
        level = rules.level_at(before, now) if limit.decay > 0 else 0.0
    about = {"id": limit.id, "name": limit.name, "limit": limit.limit}
    core.emit("limit", {**about, "active": limit.active, "decay": limit.decay}, now)
    if level is not None:
        set_level(core, limit.id, level)
    core.slots.write_index()
    return core.slots.limits[limit.id]


def delete_limit(core: Core, limit: Limit) -> None:
    """Forget a limit; whoever waits for it alone goes on."""
    about = {"id": limit.id, "name": limit.name, "limit": limit.limit}
    core.emit("limit", {**about, "active": limit.active, "decay": limit.decay, "deleted": True})
    core.slots.write_index()


def new_limit(core: Core, name: str, limit: int, *, active: bool = True, decay: float = 0.0) -> Limit:
    """Make a limit."""
    return put_limit(core, Limit(str(new_id()), name, limit, active, decay))


def set_level(core: Core, limit_id: str, level: float) -> None:
    """Say how many slots are taken without a lease, from now on."""
    core.emit("level", {"limit_id": limit_id, "level": max(0.0, level)})


def set_active(core: Core, limit: Limit, slots: int) -> None:
    """Make the slots taken this many: leases end, oldest first, when they are more than that."""
    held = core.slots.held_of(limit.id)
    for lease in list(core.slots.holders(limit.id)):
        if held <= slots:
            break
        held -= lease.slots[limit.id]
        release(core, [lease.id], "the slots in use were set by hand")
    set_level(core, limit.id, max(0, slots - held))


def settle(core: Core) -> None:
    """Do what follows from what changed; the writer calls it before each commit."""
    book = core.slots
    if book.ending:
        for identity, why in list(book.ending.items()):
            core.emit("lease_ended", {"id": identity, "why": why})
        book.ending.clear()
    _pump(core)
    book.changed = False


def _pump(core: Core) -> dict[str, Answer]:
    """Let those go whose turn it is; returns the answers to them, which wait for their polls too."""
    book = core.slots
    if book.changed:
        gone = {client for client in _waiting_clients(core) if not is_alive(core.journals, client)}
        book.queue = [one for one in book.queue if one.owner.client not in gone]
    now = now_us()
    admission = rules.admit(book.by_name, book.held(), (one.request for one in book.queue), now)
    answers: dict[str, Answer] = {}
    for request, reason in admission.refused:
        answers[request.id] = {"status": "refused", "reason": reason}
    for request in admission.granted:
        waiting = next(one for one in book.queue if one.request.id == request.id)
        answers[request.id] = _grant(core, request, waiting.owner)
    for identity, answer in answers.items():
        waiting_now = book.leave(identity)
        client = waiting_now.owner.client if waiting_now is not None else None
        if client is not None:
            book.settled.setdefault(client, {})[identity] = answer
            core.touch(watched(client))
    return answers


def _waiting_clients(core: Core) -> set[str]:
    return {one.owner.client for one in core.slots.queue if one.owner.client is not None}


def _grant(core: Core, request: Request, owner: Owner) -> Answer:
    limits = [core.slots.by_name[name] for name in request.names if name in core.slots.by_name]
    held: dict[str, int] = {}
    for limit in (one for one in limits if one.active):
        if limit.decay > 0 or request.mode == "rate_limit":
            set_level(core, limit.id, rules.level_at(limit, now_us()) + request.slots)
        else:
            held[limit.id] = request.slots
    if held:
        who = {"client": owner.client, "holder_type": owner.holder_type, "holder_id": owner.holder_id}
        more = {"seconds": owner.seconds, "task_run_id": owner.task_run_id}
        core.emit("lease", {"id": request.id, "slots": held, **who, **more})
    return _granted(core, request)


def _granted(core: Core, request: Request) -> Answer:
    limits = [core.slots.by_name[name] for name in request.names if name in core.slots.by_name]
    shown = [{"id": one.id, "name": one.name, "limit": one.limit} for one in limits]
    answer = {"status": "granted", "lease": request.id, "limits": shown}
    return {**answer, "missing": _missing(core, request)}


def _missing(core: Core, request: Request) -> list[str]:
    return [name for name in request.names if name not in core.slots.by_name]


def _leases_of(core: Core, clients: set[str]) -> list[str]:
    found: list[Lease] = [one for one in core.slots.leases.values() if one.owner.client in clients]
    return [one.id for one in found]
