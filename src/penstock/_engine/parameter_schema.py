"""The JSON schema of a function's parameters. Reference pages: advanced/form-building, prefect-utilities-callables.

Imported when a schema is asked for: it needs pydantic.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from penstock._engine.docstrings import parameter_docstrings
from penstock._engine.hints import hints_of
from penstock._engine.parameter_models import CONFIG, kind_of, usable
from penstock._engine.signatures import VARIADIC, signature_of


class ParameterSchema(BaseModel):
    """What a flow takes, in the words of JSON schema.

    Attributes:
        title: always ``"Parameters"``.
        type: always ``"object"``.
        properties: by parameter: its type and constraints, ``position``, ``title``, ``default``, ``description``.
        required: the parameters without a default.
        definitions: models and enumerations, referred to as ``#/definitions/NAME``.
    """

    title: Literal["Parameters"] = "Parameters"
    type: Literal["object"] = "object"
    properties: dict[str, Any] = Field(default_factory=dict)
    required: list[str] = Field(default_factory=list)
    definitions: dict[str, Any] = Field(default_factory=dict)

    model_config = ConfigDict(extra="forbid")

    def model_dump_for_openapi(self) -> dict[str, Any]:
        """Return the schema as a dict without an empty ``required``, which OpenAPI does not allow."""
        dumped = self.model_dump(mode="python")
        if not dumped["required"]:
            del dumped["required"]
        return dumped


class _Lenient(GenerateJsonSchema):
    """What has no schema may be anything; a default that is not JSON is left out. Neither warns."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        return {}


def parameter_schema(fn: Callable[..., Any]) -> ParameterSchema:
    """Return the schema of the parameters of a function, described as in its docstring.

    Args:
        fn: annotations that pydantic does not know, or that cannot be resolved, allow anything.

    Example:
        >>> def add(x: int, y: int = 2) -> int: return x + y
        >>> parameter_schema(add).properties["y"]
        {'default': 2, 'position': 1, 'title': 'y', 'type': 'integer'}
    """
    hints = hints_of(fn)
    signature = signature_of(fn)
    resolved = [
        parameter.replace(annotation=hints.get(name, inspect.Parameter.empty))
        for name, parameter in signature.parameters.items()
    ]
    return generate_parameter_schema(
        signature.replace(parameters=resolved), parameter_docstrings(inspect.getdoc(fn))
    )


def generate_parameter_schema(signature: inspect.Signature, docstrings: Mapping[str, str]) -> ParameterSchema:
    """Return the schema of a signature whose annotations are types, not text.

    Args:
        signature: what `inspect.signature` gives.
        docstrings: descriptions by parameter.
    """
    fields = {
        f"p{position}": _field(position, parameter, docstrings.get(parameter.name))
        for position, parameter in enumerate(signature.parameters.values())
    }
    try:
        schema = _schema_of(fields)
    except Exception:
        # One type that pydantic cannot use leaves the others as they are.
        schema = _schema_of({n: (kind if usable(kind) else Any, info) for n, (kind, info) in fields.items()})
    definitions = schema.get("$defs", {})
    return ParameterSchema(
        properties=schema.get("properties", {}),
        required=schema.get("required", []),
        definitions={name: _ordered(definition) for name, definition in definitions.items()},
    )


def _schema_of(fields: Mapping[str, tuple[Any, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = dict(fields)
    model = create_model("Parameters", __config__=CONFIG, **made)
    schema: dict[str, Any] = model.model_json_schema(
        by_alias=True, ref_template="#/definitions/{model}", schema_generator=_Lenient
    )
    return schema


def _field(position: int, parameter: inspect.Parameter, description: str | None) -> tuple[Any, Any]:
    """Return the type and the pydantic field of one parameter."""
    kind = kind_of(parameter)
    given = _said(parameter)
    options: dict[str, Any] = {"alias": parameter.name, "title": given.get("title") or parameter.name}
    described = given.get("description") or description
    if described:
        options["description"] = described
    if given.get("examples"):
        options["examples"] = given["examples"]
    extra = given.get("json_schema_extra")
    options["json_schema_extra"] = {"position": position, **(extra if isinstance(extra, dict) else {})}
    if parameter.kind in VARIADIC:
        # They may always be left out, and leaving them out is not a value to show.
        options["default_factory"] = tuple if parameter.kind is inspect.Parameter.VAR_POSITIONAL else dict
    elif isinstance(parameter.default, FieldInfo):
        if parameter.default.default_factory is not None:
            options["default_factory"] = parameter.default.default_factory
        else:
            options["default"] = parameter.default.default
    elif parameter.default is not inspect.Parameter.empty:
        options["default"] = parameter.default
    return kind, Field(**options)


def _said(parameter: inspect.Parameter) -> dict[str, Any]:
    """Return what `Field(...)`, in the annotation or as the default, says about a parameter."""
    infos = [parameter.default] if isinstance(parameter.default, FieldInfo) else []
    if get_origin(parameter.annotation) is Annotated:
        infos += [part for part in get_args(parameter.annotation)[1:] if isinstance(part, FieldInfo)]
    said: dict[str, Any] = {}
    for info in infos:
        for name in ("title", "description", "examples", "json_schema_extra"):
            said[name] = said.get(name) or getattr(info, name)
    return said


def _ordered(definition: dict[str, Any]) -> dict[str, Any]:
    """Put a model's fields in the order in which forms show them.

    By the ``position`` in `json_schema_extra`; those without one follow, those with a default before the
    required ones, each by name.
    """
    properties = definition.get("properties")
    if not properties:
        return definition
    required = definition.get("required", ())

    def place(name: str) -> tuple[Any, ...]:
        position = properties[name].get("position") if isinstance(properties[name], dict) else None
        return (1, name in required, name) if position is None else (0, position, name)

    return {**definition, "properties": {name: properties[name] for name in sorted(properties, key=place)}}
