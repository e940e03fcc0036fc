"""From journal lines to table rows.

A line that cannot be understood becomes a row of `raw.rejected`: it keeps its place in the sequence and nothing
a client sends can stop the store.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from penstock._journal.line import Line

Row = tuple[Any, ...]
Rows = dict[str, list[Row]]
_MAX = (1 << 63) - 1


def uuid_text(value: Any) -> str:
    """Return the text of a UUID.

    Raises:
        ValueError: it is not one.
    """
    text = str(value)
    if len(text) != 36 or len(bytes.fromhex(text.replace("-", ""))) != 16:
        raise ValueError(f"not a UUID: {text[:60]!r}")
    return text


def _uuid(value: Any) -> str | None:
    return None if value is None else uuid_text(value)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value, default=str).decode()


def _int(value: Any, default: int | None = None) -> int | None:
    if value is None:
        return default
    number = int(value)
    if not -_MAX <= number <= _MAX:
        raise ValueError(f"number out of range: {number}")
    return number


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value, default=str).decode()


def _tags(value: Any) -> list[str]:
    return [str(tag) for tag in value or ()]


def _hello(key: Row, body: dict[str, Any], out: Rows) -> None:
    get = body.get
    row = (
        _int(get("pid")),
        _text(get("host")),
        _text(get("role")),
        _text(get("parent")),
        _text(get("version")),
    )
    _add(out, "client", key + row)


def _flow(key: Row, body: dict[str, Any], out: Rows) -> None:
    _add(out, "flow", (*key, uuid_text(body["id"]), str(body["name"]), _tags(body.get("tags"))))


def _flow_run(key: Row, body: dict[str, Any], out: Rows) -> None:
    get = body.get
    if get("adopted"):
        _add(out, "owner", (*key, uuid_text(body["id"]), _text(get("client"))))
        return
    ids = (uuid_text(body["id"]), _uuid(get("flow_id")), _text(get("flow_name")), _text(get("name")))
    about = (_json(get("parameters") or {}), _tags(get("tags")), _text(get("flow_version")))
    origin = (_uuid(get("parent_task_run_id")), _text(get("runner")), _text(get("client")))
    _add(
        out,
        "flow_run",
        key + ids + about + origin + (_uuid(get("deployment_id")), _text(get("idempotency_key"))),
    )


def _task_run(key: Row, body: dict[str, Any], out: Rows) -> None:
    get = body.get
    task_run, flow_run, inputs = uuid_text(body["id"]), _uuid(get("flow_run_id")), get("inputs") or {}
    edges = [
        (*key, task_run, flow_run, str(name), uuid_text(source["id"]), str(source["input_type"]))
        for name, sources in inputs.items()
        for source in sources
        if source.get("input_type") in ("task_run", "flow_run") and source.get("id")
    ]
    names = (_text(get("task_key")), _text(get("task_name")), _text(get("name")), _text(get("dynamic_key")))
    row = (*key, task_run, flow_run, *names, _tags(get("tags")), _text(get("runner")), _json(inputs))
    state: Row | None = None
    if get("state_id"):
        kind = str(get("state_type") or "PENDING")
        name = str(get("state_name") or kind.title())
        state = (*key, uuid_text(body["state_id"]), task_run, flow_run, kind, name, None, None, 0)
    _add(out, "task_run", row)
    if state is not None:
        _add(out, "task_state", state)
    for edge in edges:
        _add(out, "edge", edge)


def _state(key: Row, body: dict[str, Any], out: Rows) -> None:
    get = body.get
    kind = str(body["type"])
    what = (kind, str(get("name") or kind.title()), _text(get("message")), _json(get("details")))
    count = (_int(get("run_count"), 0),)
    if body["run"] == "flow":
        ids: Row = (uuid_text(body["state_id"]), uuid_text(body["id"]))
        _add(out, "flow_state", key + ids + what + count)
    else:
        ids = (uuid_text(body["state_id"]), uuid_text(body["id"]), _uuid(get("flow_run_id")))
        _add(out, "task_state", key + ids + what + count)


def _renamed(key: Row, body: dict[str, Any], out: Rows) -> None:
    _add(out, "renamed", (*key, str(body["run"]), uuid_text(body["id"]), str(body["name"])))


def _log(key: Row, body: dict[str, Any], out: Rows) -> None:
    ids = (_uuid(body.get("flow_run_id")), _uuid(body.get("task_run_id")))
    level = _int(body.get("level"), 20)
    _add(out, "log", (*key, *ids, level, _text(body.get("logger")), _text(body.get("message")) or ""))


def _artifact(key: Row, body: dict[str, Any], out: Rows) -> None:
    get = body.get
    about = (uuid_text(body["id"]), _text(get("key")), _text(get("type")), _text(get("description")))
    owner = (_uuid(get("flow_run_id")), _uuid(get("task_run_id")))
    _add(out, "artifact", key + about + (_json(get("data")),) + owner)


def _input(key: Row, body: dict[str, Any], out: Rows) -> None:
    what = (
        uuid_text(body["flow_run_id"]),
        str(body["key"]),
        _text(body.get("value")),
        _text(body.get("sender")),
    )
    _add(out, "input", (*key, *what, False))


def _input_deleted(key: Row, body: dict[str, Any], out: Rows) -> None:
    _add(out, "input", (*key, uuid_text(body["flow_run_id"]), str(body["key"]), None, None, True))


def _fence(key: Row, body: dict[str, Any], out: Rows) -> None:
    _add(out, "fence", (*key, uuid_text(body["task_run_id"])))


def _cache_key(key: Row, body: dict[str, Any], out: Rows) -> None:
    get = body.get
    ids = (uuid_text(body["task_run_id"]), _uuid(get("flow_run_id")))
    about = (_text(get("task_key")), _text(get("key")), str(body["outcome"]), _text(get("reason")))
    _add(out, "cache_key", (*key, *ids, *about, _json(get("parts") or {})))


def _variable(key: Row, body: dict[str, Any], out: Rows) -> None:
    # A value may be null, so that a variable is gone has to be said.
    value = None if body.get("deleted") else orjson.dumps(body.get("value"), default=str).decode()
    _add(out, "variable", (*key, str(body["name"]), value, _tags(body.get("tags")), uuid_text(body["id"])))


def _changed(key: Row, body: dict[str, Any], out: Rows) -> None:
    what, identity = str(body["what"]), uuid_text(body["id"])
    rows = [
        (*key, what, identity, str(field), orjson.dumps(value, default=str).decode())
        for field, value in body["fields"].items()
    ]
    for row in rows:
        _add(out, "changed", row)


def _deleted(key: Row, body: dict[str, Any], out: Rows) -> None:
    _add(out, "deleted", (*key, str(body["what"]), uuid_text(body["id"])))


def _event(key: Row, body: dict[str, Any], out: Rows) -> None:
    get = body.get
    resource = {str(name): str(value) for name, value in body["resource"].items()}
    about = (
        uuid_text(body["id"]),
        int(body["occurred"]),
        str(body["event"]),
        resource["prefect.resource.id"],
    )
    documents = (_json(resource), _json(get("related") or []), _json(get("payload") or {}))
    _add(out, "event", (*key, *about, *documents, _uuid(get("follows"))))


def _claim(key: Row, body: dict[str, Any], out: Rows) -> None:
    task_run_id = uuid_text(body["task_run_id"])
    _add(out, "claim", (*key, task_run_id, str(body["task_key"]), _text(body.get("worker"))))


def _document(key: Row, body: dict[str, Any], out: Rows) -> None:
    _add(out, "document", (*key, str(body["what"]), uuid_text(body["id"]), _json(body.get("body"))))


def _limit(key: Row, body: dict[str, Any], out: Rows) -> None:
    about = (uuid_text(body["id"]), str(body["name"]), _int(body["limit"]))
    rate = (bool(body["active"]), float(body["decay"]), bool(body.get("deleted")))
    _add(out, "slot_limit", (*key, *about, *rate))


def _level(key: Row, body: dict[str, Any], out: Rows) -> None:
    _add(out, "slot_level", (*key, uuid_text(body["limit_id"]), float(body["level"])))


def _lease(key: Row, body: dict[str, Any], out: Rows) -> None:
    get = body.get
    seconds = None if get("seconds") is None else float(body["seconds"])
    owner = (_text(get("client")), _text(get("holder_type")), _uuid(get("holder_id")), seconds)
    rows = [
        (*key, uuid_text(body["id"]), uuid_text(limit), _int(slots), *owner, _uuid(get("task_run_id")))
        for limit, slots in body["slots"].items()
    ]
    for row in rows:
        _add(out, "lease", row)


def _lease_ended(key: Row, body: dict[str, Any], out: Rows) -> None:
    _add(out, "lease_ended", (*key, uuid_text(body["id"]), str(body["why"])))


def _nothing(key: Row, body: dict[str, Any], out: Rows) -> None:
    """Say nothing: the end of a journal has no table."""


def add_all(out: Rows, more: Rows) -> None:
    """Add rows to others, table by table; the lists may be shared afterwards."""
    for table, rows in more.items():
        if table in out:
            out[table] += rows
        else:
            out[table] = rows


def _add(out: Rows, table: str, row: Row) -> None:
    out.setdefault(table, []).append(row)


_KINDS: dict[str, Callable[[Row, dict[str, Any], Rows], None]] = {
    "hello": _hello,
    "bye": _nothing,
    "flow": _flow,
    "flow_run": _flow_run,
    "task_run": _task_run,
    "state": _state,
    "renamed": _renamed,
    "log": _log,
    "artifact": _artifact,
    "input": _input,
    "input_deleted": _input_deleted,
    "cache_key": _cache_key,
    "fence": _fence,
    "variable": _variable,
    "changed": _changed,
    "deleted": _deleted,
    "event": _event,
    "claim": _claim,
    "document": _document,
    "limit": _limit,
    "level": _level,
    "lease": _lease,
    "lease_ended": _lease_ended,
}


def add_rows(client: str, line: Line, out: Rows) -> bool:
    """Add the rows of one line to `out`; False when it was not understood and is kept as rejected."""
    make = _KINDS.get(line.kind)
    key: Row = (client, line.seq, line.at)
    try:
        if make is None:
            raise ValueError(f"unknown kind {line.kind!r}")
        make(key, line.body, out)
    except (ValueError, TypeError, KeyError, AttributeError, orjson.JSONEncodeError) as error:
        at = line.at if isinstance(line.at, int) and abs(line.at) < _MAX else 0
        _add(out, "rejected", (client, line.seq, at, str(line.kind), repr(error)[:500], _json(line.body)))
        return False
    return True
