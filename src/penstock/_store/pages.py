"""Sort, limit and offset of list requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock._store.filters import invalid

#: The default and the most rows one request returns.
PAGE = 200
#: The most objects one bulk request touches.
BULK = 50
BULK_LIMIT = {"type": "integer", "minimum": 0, "maximum": BULK, "default": BULK}

FLOW_SORTS = {
    "CREATED_DESC": "created DESC, id DESC",
    "UPDATED_DESC": "updated DESC, id DESC",
    "NAME_ASC": "name, id",
    "NAME_DESC": "name DESC, id DESC",
}
VARIABLE_SORTS = FLOW_SORTS
DEPLOYMENT_SORTS = FLOW_SORTS
POOL_SORTS = {"NAME_ASC": "name, id"}
QUEUE_SORTS = {"PRIORITY_ASC": "priority, name, id"}
FLOW_RUN_SORTS = {
    "ID_DESC": "id DESC",
    "START_TIME_ASC": "coalesce(start_time, expected_start_time), id",
    "START_TIME_DESC": "coalesce(start_time, expected_start_time) DESC, id DESC",
    "EXPECTED_START_TIME_ASC": "expected_start_time, id",
    "EXPECTED_START_TIME_DESC": "expected_start_time DESC, id DESC",
    "NAME_ASC": "name, id",
    "NAME_DESC": "name DESC, id DESC",
    "NEXT_SCHEDULED_START_TIME_ASC": "next_scheduled_start_time NULLS LAST, id",
    "END_TIME_DESC": "end_time DESC NULLS LAST, id DESC",
}
TASK_RUN_SORTS = {
    **{name: sql for name, sql in FLOW_RUN_SORTS.items() if not name.startswith("START_TIME")},
    "NEXT_SCHEDULED_START_TIME_ASC": "expected_start_time, id",
}
LOG_SORTS = {"TIMESTAMP_ASC": "at_us, client, seq", "TIMESTAMP_DESC": "at_us DESC, client, seq DESC"}
ARTIFACT_SORTS = {
    "CREATED_DESC": "created DESC, id DESC",
    "UPDATED_DESC": "updated DESC, id DESC",
    "ID_DESC": "id DESC",
    "KEY_ASC": "key, id",
    "KEY_DESC": "key DESC, id DESC",
}


def order(body: Mapping[str, Any], sorts: Mapping[str, str], default: str) -> str:
    """Return the ORDER BY of a request.

    Raises:
        Refused: 422, an unknown sort.
    """
    sort = body.get("sort") or default
    if not isinstance(sort, str) or sort not in sorts:
        raise _refused("sort", f"must be one of {', '.join(sorts)}", body)
    return f" ORDER BY {sorts[sort]}"


def whole(body: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    """Return a whole number of a body.

    Raises:
        Refused: 422, it is none, or out of range.
    """
    value = default if body.get(name) is None else body[name]
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise _refused(name, f"must be a whole number between {least} and {most}", body)
    return value


def page(body: Mapping[str, Any], sorts: Mapping[str, str], default: str) -> str:
    """Return the end of a query: ORDER BY, LIMIT and OFFSET.

    Raises:
        Refused: 422, an unknown sort, or a limit or offset out of range.
    """
    end = order(body, sorts, default)
    limit, offset = whole(body, "limit", PAGE, 0, PAGE), whole(body, "offset", 0, 0, 1 << 40)
    return f"{end} LIMIT {limit} OFFSET {offset}"


def _refused(name: str, message: str, body: Any) -> Exception:
    return invalid([{"loc": ["body", name], "msg": message, "type": "value_error"}], body)
