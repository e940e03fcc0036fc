"""Bodies of requests: read without losing anything, refused where the store could not keep them.

orjson turns integers above 64 bits into floats and DuckDB's JSON functions stop at NUL characters and at deep
nesting, so what has these is answered with 422 before anybody looks at it.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from penstock._store.filters import invalid

if TYPE_CHECKING:
    from pydantic import BaseModel

    M = TypeVar("M", bound=BaseModel)

#: Objects and lists within each other. Documents gain a few levels on their way into a journal line.
DEPTH = 100
_LONG_NUMBER = re.compile(rb"\d{19}")


def read_json(data: bytes) -> Any:
    """Return the value of a body; `{}` when there is none.

    Raises:
        Refused: 422, it is not JSON, or JSON the store cannot keep.
    """
    if not data:
        return {}
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _bad("json_invalid", f"not JSON: {error}") from error
    if b"\\u0000" in data and _any_text(value, "\0"):
        raise _bad("value_error", "text must not contain NUL characters")
    if data.count(b"[") + data.count(b"{") > DEPTH and _depth(value) > DEPTH:
        raise _bad("value_error", f"nested more than {DEPTH} levels deep")
    if _LONG_NUMBER.search(data):
        json.loads(data, parse_int=_whole)
    return value


def model_of(model: type[M], body: Any) -> M:
    """Return the body as its model.

    Raises:
        Refused: 422, it does not fit; the detail says where.
    """
    from pydantic import ValidationError

    try:
        return model.model_validate(body)
    except ValidationError as error:
        detail = [
            {"loc": ["body", *one["loc"]], "msg": one["msg"], "type": one["type"]}
            for one in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise invalid(detail, body) from error


def models_of(model: type[M], body: Any) -> list[M]:
    """Return a body that is a list of models.

    Raises:
        Refused: 422, it is no list, or one of them does not fit.
    """
    if not isinstance(body, list):
        raise invalid([{"loc": ["body"], "msg": "must be a list", "type": "list_type"}], body)
    return [model_of(model, one) for one in body]


def _whole(text: str) -> int:
    # The length first: Python refuses to read thousands of digits.
    if len(text) > 20 or not -(2**63) <= int(text) < 2**63:
        raise _bad("int_parsing_size", f"the number {text[:25]} does not fit into 64 bits")
    return 0


def _any_text(value: Any, part: str) -> bool:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            if part in item:
                return True
        elif isinstance(item, dict):
            waiting += [*item, *item.values()]
        elif isinstance(item, list):
            waiting += item
    return False


def _depth(value: Any) -> int:
    level, deep = [value], 0
    while level:
        nested = [item for item in level if isinstance(item, (dict, list))]
        level = [child for item in nested for child in (item.values() if isinstance(item, dict) else item)]
        deep += bool(nested)
    return deep


def _bad(kind: str, message: str) -> Exception:
    return invalid([{"loc": ["body"], "msg": message, "type": kind}])
