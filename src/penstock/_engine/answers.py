"""Answers to pauses given beforehand, for runs where nobody watches.

A JSON file named by `PENSTOCK_ANSWERS` (or `penstock run --answers`): an object whose keys are pauses, as
``"flow-name/key"``, ``"key"``, the title of the input model, or ``"*"`` for any; the values are the answers.
"""

from __future__ import annotations

from typing import Any

from penstock.exceptions import ConfigurationError
from penstock.settings import get_current_settings


def declared_answer(flow_name: str, key: str, title: str | None) -> dict[str, Any] | None:
    """Return the answer declared for a pause, None when there is none.

    Raises:
        ConfigurationError: the file cannot be read, or does not hold an object of objects.
    """
    path = get_current_settings().answers
    if path is None:
        return None
    import orjson

    try:
        declared = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"The answers file {path} cannot be read: {error}") from error
    if not isinstance(declared, dict):
        raise ConfigurationError(f"The answers file {path} must hold a JSON object, one entry a pause.")
    for name in (f"{flow_name}/{key}", key, title, "*"):
        if name is not None and name in declared:
            answer = declared[name]
            if not isinstance(answer, dict):
                raise ConfigurationError(f"The answer {name!r} in {path} must be an object of fields.")
            return answer
    return None
