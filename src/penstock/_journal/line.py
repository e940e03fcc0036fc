"""The line format: ``crc32 in 8 hex digits, space, JSON [sequence, kind, microseconds, body]``.

Sequence numbers are contiguous within a journal and start at 0 with a `hello` line, so a reader can tell a gap
from an end and a torn tail from a whole line.

Kinds of events and the keys of their bodies (times are microseconds since 1970 UTC, ids are UUID text):

    hello          pid start host role parent version          role is "driver" or "worker"
    bye            (none)                                      the process ended in good order
    flow           id name tags                                a flow made by itself, over REST
    flow_run       id flow_id flow_name name parameters tags flow_version parent_task_run_id runner client
                   deployment_id; with adopted: true when a run changes its owner
    task_run       id flow_run_id task_key task_name name dynamic_key tags runner inputs
                   state_id state_type state_name              created together with its first state
    state          run ("flow" | "task") id flow_run_id state_id type name message details run_count
    renamed        run id flow_run_id name
    log            flow_run_id task_run_id level logger message
    artifact       id key type description data flow_run_id task_run_id
    input          flow_run_id key value sender
    input_deleted  flow_run_id key
    cache_key      task_run_id flow_run_id task_key key outcome reason parts
                   outcome is "hit", "miss", "expired", "refresh" or "unkeyed"
    fence          task_run_id                                 later states of it by others do not count
    variable       id name value tags; with deleted: true when it is gone
    changed        what id fields                              fields of a flow, run or artifact that REST changed
    deleted        what id
    event          id occurred event resource related payload follows
    limit          id name limit active decay                  a concurrency limit, whole; deleted: true when gone
    level          limit_id level                              its slots that are taken without a lease, at this time
    lease          id slots client holder_type holder_id seconds task_run_id      slots: by the limit's id
    lease_ended    id why
"""

from __future__ import annotations

from typing import Any, NamedTuple
from zlib import crc32

import orjson


class Line(NamedTuple):
    """One journalled event."""

    seq: int
    kind: str
    at: int
    body: dict[str, Any]


class TornLine(ValueError):
    """The bytes are not a whole, unharmed line."""


def encode(seq: int, kind: str, at: int, body: dict[str, Any]) -> bytes:
    """Return one line, newline included. What JSON has no form for is written as text."""
    payload = to_json((seq, kind, at, body))
    return b"%08x %b\n" % (crc32(payload), payload)


def to_json(value: Any) -> bytes:
    """Return `value` as JSON, whatever users put into messages and names.

    UUIDs and datetimes become text; so do lone surrogates (file names with undecodable bytes), integers over 64
    bits and keys that are not text, which would otherwise be refused.
    """
    try:
        return orjson.dumps(value, default=str)
    except TypeError:
        return orjson.dumps(printable(value), default=str)


def printable(value: Any) -> Any:
    """Return nested data with what JSON refuses written as text."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {str(printable(key)): printable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [printable(item) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return str(value)
    return value


def decode(raw: bytes) -> Line:
    """Read one line without its newline.

    Raises:
        TornLine: the checksum or the shape is wrong.
    """
    try:
        payload = raw[9:]
        if int(raw[:8], 16) != crc32(payload):
            raise TornLine(f"checksum does not match: {raw[:60]!r}")
        return Line(*orjson.loads(payload))
    except (ValueError, TypeError) as error:
        raise TornLine(str(error)) from error
