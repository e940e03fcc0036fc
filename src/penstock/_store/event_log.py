"""Events: taking them in, and reading them in pages. Reference pages: rest-api/server/events.

A page names the next one by a token that holds the filter and the position, signed: it cannot be made up, and it ends
with this store process.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence
from typing import Any

import orjson

from penstock._store.bodies import Event
from penstock._store.core import Core, Refused
from penstock._store.database import Database
from penstock._store.event_filter import EventFilter, source_of
from penstock._store.live import from_us, to_us
from penstock._store.show import when

#: The default and the most events of one page.
PAGE = 50
#: Bytes of one event as JSON.
LARGEST = 1_500_000
_KEY = os.urandom(32)


def line_of(event: Event) -> dict[str, Any]:
    """Return the body of an `event` line.

    Raises:
        Refused: 413, it is too large.
    """
    shown = event.model_dump(mode="json", by_alias=True)
    if len(orjson.dumps(shown)) > LARGEST:
        text = f"Event {event.id} is larger than {LARGEST} bytes."
        raise Refused(413, {"detail": text, "exception_message": text})
    return {**shown, "occurred": to_us(event.occurred)}


def record(core: Core, lines: list[dict[str, Any]]) -> None:
    """Journal events."""
    for line in lines:
        core.emit("event", line)


def show(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of `raw.all_event` as a ReceivedEvent."""
    documents = {name: orjson.loads(row[name]) for name in ("resource", "related", "payload")}
    return {
        "id": str(row["id"]),
        "occurred": when(from_us(row["occurred_us"]).replace(tzinfo=None)),
        "event": row["name"],
        **documents,
        "follows": str(row["follows"]) if row["follows"] else None,
        "received": when(from_us(row["received_us"]).replace(tzinfo=None)),
    }


def page(database: Database, wanted: EventFilter, limit: int, offset: int, base: str) -> dict[str, Any]:
    """Return an EventPage."""
    source, values = source_of(wanted)
    total = database.read(f"SELECT count(*) FROM {source}", values)[0][0]
    order = f"ORDER BY occurred_us {wanted.order}, id {wanted.order}"
    keys = database.read(f"SELECT id, run_id FROM {source} {order} LIMIT {limit} OFFSET {offset}", values)
    rows = _whole(database, keys, order)
    after = offset + len(rows)
    more = bool(rows) and after < total
    address = f"{base}/api/events/filter/next?page-token={token(wanted, limit, after)}" if more else None
    return {"events": [show(row) for row in rows], "total": total, "next_page": address}


def _whole(database: Database, keys: Sequence[tuple[Any, ...]], order: str) -> list[dict[str, Any]]:
    """Return the rows of events by their ids. With the ids of their runs, only the states of those are put together."""
    if not keys:
        return []
    ids, runs = [key[0] for key in keys], sorted({key[1] for key in keys if key[1] is not None})
    of_runs = f"run_id IN ({', '.join('?' * len(runs))}) OR " if runs else ""
    sql = (
        f"FROM raw.all_event WHERE id IN ({', '.join('?' * len(ids))}) AND ({of_runs}run_id IS NULL) {order}"
    )
    return database.records(sql, [*ids, *runs])


def token(wanted: EventFilter, limit: int, offset: int) -> str:
    """Return the token of a page."""
    data = orjson.dumps([wanted.model_dump(mode="json"), limit, offset])
    return base64.urlsafe_b64encode(_signature(data) + data).decode().rstrip("=")


def from_token(text: str) -> tuple[EventFilter, int, int]:
    """Return filter, limit and offset of a token.

    Raises:
        Refused: 403, it is not one of this process.
    """
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise _forbidden() from error
    signature, data = raw[:32], raw[32:]
    if not hmac.compare_digest(signature, _signature(data)):
        raise _forbidden()
    given, limit, offset = orjson.loads(data)
    return EventFilter.model_validate(given), limit, offset


def _signature(data: bytes) -> bytes:
    return hmac.digest(_KEY, data, hashlib.sha256)


def _forbidden() -> Refused:
    text = "This page token is not valid any more; ask for the first page again."
    return Refused(403, {"detail": text})
