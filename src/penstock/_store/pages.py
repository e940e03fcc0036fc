"""Sort, limit and offset of list requests."""

from __future__ import annotations

from typing import Any

from penstock._store.filters import invalid

#: The default and the most rows one request returns.
PAGE = 200

FLOW_SORTS = {
    "CREATED_DESC": "created DESC, id DESC",
    "UPDATED_DESC": "created DESC, id DESC",
    "NAME_ASC": "name, id",
    "NAME_DESC": "name DESC, id DESC",
}
FLOW_RUN_SORTS = {
    "ID_DESC": "id DESC",
    "START_TIME_ASC": "coalesce(start_time, expected_start_time), id",
    "START_TIME_DESC": "coalesce(start_time, expected_start_time) DESC, id DESC",
    "EXPECTED_START_TIME_ASC": "expected_start_time, id",
    "EXPECTED_START_TIME_DESC": "expected_start_time DESC, id DESC",
    "NAME_ASC": "name, id",
    "NAME_DESC": "name DESC, id DESC",
    "NEXT_SCHEDULED_START_TIME_ASC": "expected_start_time, id",
    "END_TIME_DESC": "end_time DESC NULLS LAST, id DESC",
}
TASK_RUN_SORTS = {
    name: FLOW_RUN_SORTS[name]
    for name in (
        "ID_DESC",
        "EXPECTED_START_TIME_ASC",
        "EXPECTED_START_TIME_DESC",
        "NAME_ASC",
        "NAME_DESC",
        "NEXT_SCHEDULED_START_TIME_ASC",
        "END_TIME_DESC",
    )
}
LOG_SORTS = {"TIMESTAMP_ASC": "at_us, client, seq", "TIMESTAMP_DESC": "at_us DESC, client, seq DESC"}
ARTIFACT_SORTS = {
    "CREATED_DESC": "created DESC, id DESC",
    "UPDATED_DESC": "created DESC, id DESC",
    "ID_DESC": "id DESC",
    "KEY_ASC": "key, id",
    "KEY_DESC": "key DESC, id DESC",
}


def page(body: dict[str, Any], sorts: dict[str, str], default: str) -> str:
    """Return the end of a query: ORDER BY, LIMIT and OFFSET.

    Raises:
        Refused: 422, an unknown sort, or a limit or offset out of range.
    """
    sort = body.get("sort") or default
    if sort not in sorts:
        raise invalid([{"loc": ["body", "sort"], "msg": f"must be one of {', '.join(sorts)}"}], body)
    limit = PAGE if body.get("limit") is None else body["limit"]
    offset = body.get("offset") or 0
    for name, value, most in (("limit", limit, PAGE), ("offset", offset, 1 << 40)):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            raise invalid([{"loc": ["body", name], "msg": f"must be between 0 and {most}"}], body)
    return f" ORDER BY {sorts[sort]} LIMIT {limit} OFFSET {offset}"
