"""What a process may ask about slots, read and checked."""

from __future__ import annotations

from typing import Any

from penstock._rules.slots import Request
from penstock._store.core import Refused
from penstock._store.rows import uuid_text
from penstock._store.slots import Owner


def wanted(body: dict[str, Any]) -> tuple[Request, Owner, bool]:
    """Return the request of `/link/slots/acquire`, whose it is, and whether they wait.

    Raises:
        Refused: 422, a field is missing or of the wrong kind.
    """
    try:
        names = tuple(dict.fromkeys(_text(name) for name in body["names"]))
        request = Request(
            id=uuid_text(body["id"]),
            names=names,
            slots=int(body["slots"]),
            mode="rate_limit" if body.get("mode") == "rate_limit" else "concurrency",
            asked_us=int(body["asked_us"]),
        )
        owner = Owner(
            client=_text(body["client"]),
            holder_type=_optional(body.get("holder_type")),
            holder_id=None if body.get("holder_id") is None else uuid_text(body["holder_id"]),
            task_run_id=None if body.get("task_run_id") is None else uuid_text(body["task_run_id"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(
            422, {"exception_message": f"The request for slots cannot be read: {error!r}"}
        ) from error
    if not names or request.slots < 1:
        raise Refused(422, {"exception_message": "At least one limit and one slot must be asked for."})
    return request, owner, bool(body.get("wait", True))


def ids(body: dict[str, Any], key: str) -> list[str]:
    """Return a list of ids.

    Raises:
        Refused: 422, it is something else.
    """
    try:
        return [uuid_text(one) for one in body.get(key) or ()]
    except (TypeError, ValueError) as error:
        raise Refused(422, {"exception_message": f"{key} must be a list of ids: {error}"}) from error


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"not a name: {value!r}")
    return value


def _optional(value: Any) -> str | None:
    return None if value is None else _text(value)
