"""The JSON schema of a function's parameters. Reference page: advanced/form-building."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from penstock._engine.parameters import _hints, signature_of


def parameter_schema(fn: Callable[..., Any]) -> dict[str, Any]:
    """Return ``{title, type, properties, required, definitions}`` with a `position` for each parameter."""
    from pydantic import ConfigDict, Field, create_model

    hints = _hints(fn)
    fields: dict[str, Any] = {}
    for position, (name, parameter) in enumerate(signature_of(fn).parameters.items()):
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            default = None
        field = Field(default, title=name, alias=name, json_schema_extra={"position": position})
        fields[f"p{position}"] = (hints.get(name, Any), field)
    config = ConfigDict(arbitrary_types_allowed=True, protected_namespaces=())
    schema = create_model("Parameters", __config__=config, **fields).model_json_schema(by_alias=True)
    return {
        "title": "Parameters",
        "type": "object",
        "properties": schema.get("properties", {}),
        "required": schema.get("required", []),
        "definitions": schema.get("$defs", {}),
    }
