"""Snapshots of a run as plain JSON, and deep-merging of patches into them.

The rules are the same in `js/src/merge.ts`: dictionaries are merged by key, everything else is replaced.
Two exceptions, because merging could never take anything away:

- `errors`, `values` and `schema` of a pause are replaced whole, so that `{"errors": {}}` clears them;
- `logs.append` adds lines to `logs.lines`, of which the last `LOG_LIMIT` are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: How many log lines a panel keeps.
LOG_LIMIT = 200

_WHOLE = frozenset({"errors", "values", "schema"})


def empty_snapshot() -> dict[str, Any]:
    """Return a snapshot of a run of which nothing is known yet."""
    return {
        "run": {
            "id": "",
            "name": "",
            "flow_name": "",
            "state_type": "PENDING",
            "state_name": "Pending",
            "message": "",
            "runner": "",
            "started": None,
            "ended": None,
        },
        "tasks": {},
        "artifacts": {},
        "pauses": {},
        "logs": {"lines": [], "dropped": 0},
    }


def json_copy(value: Any) -> Any:
    """Copy the containers of a JSON value; tuples become lists, keys become strings."""
    if isinstance(value, Mapping):
        return {str(key): json_copy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_copy(item) for item in value]
    return value


def merge(base: dict[str, Any], patch: Mapping[str, Any], path: tuple[str, ...] = ()) -> None:
    """Merge `patch` into `base` in place, sharing no container with it; log lines are not treated here."""
    for raw, value in patch.items():
        key = str(raw)
        whole = len(path) == 2 and path[0] == "pauses" and key in _WHOLE
        old = base.get(key)
        if isinstance(value, Mapping) and isinstance(old, dict) and not whole:
            merge(old, value, (*path, key))
        else:
            base[key] = json_copy(value)


def apply_patch(snapshot: dict[str, Any], patch: Mapping[str, Any]) -> None:
    """Merge a patch into a whole snapshot, adding appended log lines and counting those that fall out."""
    logs = patch.get("logs") or {}
    merge(snapshot, {**patch, "logs": {key: value for key, value in logs.items() if key != "append"}})
    added = logs.get("append")
    if added:
        kept = snapshot["logs"]
        lines = [*kept["lines"], *json_copy(added)]
        kept["dropped"] += max(0, len(lines) - LOG_LIMIT)
        kept["lines"] = lines[-LOG_LIMIT:]


def join_patches(pending: dict[str, Any], patch: Mapping[str, Any]) -> None:
    """Merge a patch into patches not sent yet; appended log lines follow one another.

    Lines appended after a replacement of `logs.lines` belong to the replacement, else they would be sent twice.
    """
    logs = patch.get("logs") or {}
    merge(pending, {key: value for key, value in patch.items() if key != "logs"})
    if not logs:
        return
    waiting = pending.setdefault("logs", {})
    merge(waiting, {key: value for key, value in logs.items() if key != "append"})
    if "lines" in logs:
        waiting.pop("append", None)
    lines = json_copy(logs.get("append") or [])
    if lines:
        where = "lines" if "lines" in waiting else "append"
        waiting[where] = [*waiting.get(where, ()), *lines][-LOG_LIMIT:]
