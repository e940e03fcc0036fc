"""The filter grammar of the REST API: JSON in, a SQL condition with parameters out.

Reference: api-ref rest-api, "filter" bodies. A filter that is unknown is refused (422), never ignored: ignoring it
would return rows nobody asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from penstock._store.core import Refused

Condition = tuple[str, list[Any]]
TRUE: Condition = ("TRUE", [])


@dataclass(frozen=True, slots=True)
class Field:
    """A filterable column: its SQL expression, the operators it takes and the type of its values."""

    sql: str
    operators: frozenset[str]
    cast: str = "VARCHAR"
    is_list: bool = False


Fields = Mapping[str, "Field | Fields"]


def _field(sql: str, operators: str, cast: str = "VARCHAR", *, is_list: bool = False) -> Field:
    return Field(sql, frozenset(operators.split()), cast, is_list)


_NAME = _field("name", "any_ like_")
_TAGS = _field("tags", "all_ any_ is_null_", is_list=True)
_STATE: Fields = {
    "type": _field("state_type", "any_ not_any_"),
    "name": _field("state_name", "any_ not_any_"),
}
_WHEN = "before_ after_ is_null_"
#: The name of a flow run's queue: a field that has no column.
_QUEUE_NAME = (
    "(SELECT arg_max(c.value, (c.at_us, c.seq))->>'$' FROM raw.changed c"
    " WHERE c.id = runs.id AND c.field = 'work_queue_name')"
)

FLOWS: Fields = {"id": _field("id", "any_", "UUID"), "name": _NAME, "tags": _TAGS}
FLOW_RUNS: Fields = {
    "id": _field("id", "any_ not_any_", "UUID"),
    "name": _NAME,
    "tags": _TAGS,
    "state": _STATE,
    "deployment_id": _field("deployment_id", "any_ is_null_", "UUID"),
    "flow_version": _field("flow_version", "any_"),
    "start_time": _field("start_time", _WHEN, "TIMESTAMP"),
    "end_time": _field("end_time", _WHEN, "TIMESTAMP"),
    "expected_start_time": _field("expected_start_time", "before_ after_", "TIMESTAMP"),
    "next_scheduled_start_time": _field("next_scheduled_start_time", "before_ after_", "TIMESTAMP"),
    "work_queue_name": _field(_QUEUE_NAME, "any_ is_null_"),
    "parent_flow_run_id": _field("parent_flow_run_id", "any_", "UUID"),
    "parent_task_run_id": _field("parent_task_run_id", "any_ is_null_", "UUID"),
    "idempotency_key": _field("idempotency_key", "any_ not_any_"),
}
#: A task run that stands in its flow run for a whole flow run below it.
_WRAPS = "id IN (SELECT parent_task_run_id FROM raw.flow_run WHERE parent_task_run_id IS NOT NULL)"
TASK_RUNS: Fields = {
    "id": _field("id", "any_", "UUID"),
    "name": _NAME,
    "tags": _TAGS,
    "state": _STATE,
    "start_time": _field("start_time", _WHEN, "TIMESTAMP"),
    "expected_start_time": _field("expected_start_time", "before_ after_", "TIMESTAMP"),
    "end_time": _field("end_time", _WHEN, "TIMESTAMP"),
    "flow_run_id": _field("flow_run_id", "any_ is_null_", "UUID"),
    "subflow_runs": _field(f"CASE WHEN {_WRAPS} THEN id END", "exists_"),
}
LOGS: Fields = {
    "level": _field("level", "ge_ le_", "BIGINT"),
    "timestamp": _field('"timestamp"', "before_ after_", "TIMESTAMP"),
    "flow_run_id": _field("flow_run_id", "any_", "UUID"),
    "task_run_id": _field("task_run_id", "any_ is_null_", "UUID"),
    "text": _field("message || ' ' || coalesce(name, '')", "query"),
}
_ABOUT_ARTIFACTS: Fields = {
    "key": _field("key", "any_ like_ exists_"),
    "flow_run_id": _field("flow_run_id", "any_", "UUID"),
    "task_run_id": _field("task_run_id", "any_", "UUID"),
    "type": _field("type", "any_ not_any_"),
}
ARTIFACTS: Fields = {"id": _field("id", "any_", "UUID"), **_ABOUT_ARTIFACTS}
LATEST_ARTIFACTS: Fields = {"latest_id": _field("id", "any_", "UUID"), **_ABOUT_ARTIFACTS}
VARIABLES: Fields = {"id": _field("id", "any_", "UUID"), "name": _NAME, "tags": _TAGS}
#: What is searched for words.
TEXT: Mapping[str, Field] = {
    "event": _field("concat_ws(' ', name, resource, related, payload)", "query"),
}
DEPLOYMENTS_THEMSELVES: Fields = {
    "id": _field("id", "any_ not_any_", "UUID"),
    "name": _NAME,
    "flow_or_deployment_name": _field("flow_name || '/' || name", "like_"),
    "paused": _field("paused", "eq_", "BOOLEAN"),
    "tags": _TAGS,
    "work_queue_name": _field("work_queue_name", "any_"),
}
WORK_POOLS: Fields = {
    "id": _field("id", "any_", "UUID"),
    "name": _field("name", "any_"),
    "type": _field("type", "any_"),
}
WORK_QUEUES: Fields = {"id": _field("id", "any_", "UUID"), "name": _field("name", "any_ startswith_")}
#: Deployments that other objects are selected by.
DEPLOYMENTS: Fields = {"id": _field("deployment_id", "any_ not_any_", "UUID")}

#: The JSON type of the values of an operator, by the type of the column.
_JSON_TYPES: Mapping[str, Mapping[str, Any]] = {
    "UUID": {"type": "string", "format": "uuid"},
    "TIMESTAMP": {"type": "string", "format": "date-time"},
    "BIGINT": {"type": "integer"},
    "BOOLEAN": {"type": "boolean"},
    "VARCHAR": {"type": "string"},
}


def schema_of(fields: Fields) -> dict[str, Any]:
    """Return the JSON schema of a filter object."""
    properties: dict[str, Any] = {"operator": {"enum": ["and_", "or_"], "default": "and_"}}
    for name, field in fields.items():
        inner = _field_schema(field) if isinstance(field, Field) else schema_of(field)
        properties[name] = {"anyOf": [inner, {"type": "null"}]}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _field_schema(field: Field) -> dict[str, Any]:
    one = _JSON_TYPES[field.cast]
    kinds: dict[str, Any] = {
        "is_null_": {"type": "boolean"},
        "exists_": {"type": "boolean"},
        "like_": {"type": "string"},
    }
    kinds["query"] = {"type": "string", "maxLength": 200}
    kinds |= {name: {"type": "array", "items": one} for name in ("any_", "not_any_", "all_", "startswith_")}
    properties: dict[str, Any] = {
        name: {"anyOf": [kinds.get(name, one), {"type": "null"}]} for name in sorted(field.operators)
    }
    properties["operator"] = {"enum": ["and_", "or_"]}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def condition(fields: Fields, body: Any, where: str) -> Condition:
    """Translate one filter object; null and {} match everything.

    Raises:
        Refused: 422, a field, operator or value is not of the grammar.
    """
    if body is None:
        return TRUE
    if not isinstance(body, dict):
        raise _bad(f"{where} must be an object")
    joint = body.get("operator") or "and_"
    if joint not in ("and_", "or_"):
        raise _bad(f"{where}.operator must be and_ or or_")
    parts: list[Condition] = []
    for name, given in body.items():
        if name == "operator" or given is None:
            continue
        field = fields.get(name)
        if field is None:
            raise _bad(f"{where}.{name} is not a filter; known: {', '.join(sorted(fields))}")
        made = _one(field, given, f"{where}.{name}")
        if made != TRUE:
            parts.append(made)
    return _join(parts, " AND " if joint == "and_" else " OR ")


def _one(field: Field | Fields, given: Any, where: str) -> Condition:
    if not isinstance(field, Field):
        return condition(field, given, where)
    if not isinstance(given, dict):
        raise _bad(f"{where} must be an object")
    parts = []
    if given.get("operator") not in (None, "and_", "or_"):
        raise _bad(f"{where}.operator must be and_ or or_")
    for operator, value in given.items():
        if operator == "operator" or value is None:
            continue
        if operator not in field.operators:
            raise _bad(f"{where}.{operator} is not an operator; known: {', '.join(sorted(field.operators))}")
        parts.append(_OPERATORS[operator](field, value, f"{where}.{operator}"))
    return _join(parts, " OR " if given.get("operator") == "or_" else " AND ")


def _join(parts: list[Condition], word: str) -> Condition:
    if not parts:
        return TRUE
    return "(" + word.join(sql for sql, _ in parts) + ")", [value for _, values in parts for value in values]


def _any(field: Field, value: Any, where: str) -> Condition:
    values = _list(field, value, where)
    if field.is_list:
        return f"list_has_any({field.sql}, ?::VARCHAR[])", [values]
    return f"{field.sql} IN (SELECT unnest(?::{field.cast}[]))", [values]


def _not_any(field: Field, value: Any, where: str) -> Condition:
    found, values = _any(field, value, where)
    return f"NOT coalesce({found}, FALSE)", values


def _all(field: Field, value: Any, where: str) -> Condition:
    return f"list_has_all({field.sql}, ?::VARCHAR[])", [_list(field, value, where)]


def _is_null(field: Field, value: Any, where: str) -> Condition:
    _bool(value, where)
    test = f"len({field.sql}) = 0" if field.is_list else f"{field.sql} IS NULL"
    return (test if value else f"NOT ({test})"), []


def _exists(field: Field, value: Any, where: str) -> Condition:
    _bool(value, where)
    return f"{field.sql} IS {'NOT ' if value else ''}NULL", []


def _like(field: Field, value: Any, where: str) -> Condition:
    if not isinstance(value, str):
        raise _bad(f"{where} must be text")
    return f"contains(lower({field.sql}), lower(?))", [value]


def _startswith(field: Field, value: Any, where: str) -> Condition:
    return f"list_any_value([p FOR p IN ?::VARCHAR[] IF starts_with({field.sql}, p)]) IS NOT NULL", [
        _list(field, value, where)
    ]


def _compare(sign: str) -> Callable[[Field, Any, str], Condition]:
    def compare(field: Field, value: Any, where: str) -> Condition:
        return f"{field.sql} {sign} ?::{field.cast}", [_value(field, value, where)]

    return compare


def _query(field: Field, value: Any, where: str) -> Condition:
    return search(field, value, where)


def search(field: Field, value: Any, where: str) -> Condition:
    """Return the condition that a text holds words.

    Words are alternatives, -word and !word exclude, +word requires, quotes make a phrase.

    Raises:
        Refused: 422, it is no text or longer than 200 characters.
    """
    if not isinstance(value, str) or len(value) > 200:
        raise _bad(f"{where} must be text of at most 200 characters")
    words = _words(value)
    wanted: list[Condition] = []
    parts: list[Condition] = []
    for sign, word in words:
        found = _like(field, word, where)
        if sign in ("-", "!"):
            parts.append((f"NOT {found[0]}", found[1]))
        else:
            (parts if sign == "+" else wanted).append(found)
    if wanted and not any(sign == "+" for sign, _ in words):
        parts.append(_join(wanted, " OR "))
    return _join(parts, " AND ")


def _words(text: str) -> list[tuple[str, str]]:
    words, sign, word, quoted, escaped = [], "", "", False, False
    for char in text + " ":
        if escaped:
            word, escaped = word + char, False
        elif char == "\\":
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif char == " " and not quoted:
            if word:
                words.append((sign, word))
            sign = word = ""
        elif not word and not sign and not quoted and char in "+-!":
            sign = char
        else:
            word += char
    if word.strip():
        words.append((sign, word.strip()))
    return words


_OPERATORS: dict[str, Callable[[Field, Any, str], Condition]] = {
    "any_": _any,
    "not_any_": _not_any,
    "all_": _all,
    "is_null_": _is_null,
    "exists_": _exists,
    "like_": _like,
    "startswith_": _startswith,
    "before_": _compare("<="),
    "after_": _compare(">="),
    "eq_": _compare("="),
    "ge_": _compare(">="),
    "le_": _compare("<="),
    "query": _query,
}


def _list(field: Field, value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise _bad(f"{where} must be a list")
    return [_value(field, item, where) for item in value]


def _value(field: Field, value: Any, where: str) -> Any:
    try:
        if field.cast == "UUID":
            return str(UUID(value))
        if field.cast == "TIMESTAMP":
            return to_utc(value)
        if field.cast == "BIGINT" and (type(value) is not int or abs(value) >= 1 << 63):
            raise ValueError("not a whole number of 64 bits")
        if field.cast == "BOOLEAN" and not isinstance(value, bool):
            raise ValueError("not true or false")
        if field.cast == "VARCHAR" and not isinstance(value, str):
            raise ValueError("not text")
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise _bad(f"{where}: {str(value)[:100]!r} is not usable: {error}") from error
    return value


def to_utc(text: str) -> datetime:
    """Read RFC 3339 text as a UTC time without a zone, as the views have them."""
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _bool(value: Any, where: str) -> None:
    if not isinstance(value, bool):
        raise _bad(f"{where} must be true or false")


def _bad(detail: str) -> Refused:
    return invalid([{"msg": detail, "type": "value_error"}])


def invalid(detail: list[dict[str, Any]], body: Any = None) -> Refused:
    """Return the documented answer to a request that does not validate."""
    return Refused(
        422,
        {"exception_message": "Invalid request received.", "exception_detail": detail, "request_body": body},
    )
