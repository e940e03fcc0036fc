"""Pydantic models that stand for the parameters of a function. Imported when one is needed: pydantic is heavy."""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.fields import FieldInfo

CONFIG = ConfigDict(arbitrary_types_allowed=True, protected_namespaces=())


def kind_of(parameter: inspect.Parameter) -> Any:
    """Return the type of what a parameter holds: of all values together, for a variadic one.

    A `Field(...)` given as default adds its constraints.
    """
    kind = Any if parameter.annotation is inspect.Parameter.empty else parameter.annotation
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return types.GenericAlias(tuple, (kind, ...))
    if parameter.kind is inspect.Parameter.VAR_KEYWORD:
        return types.GenericAlias(dict, (str, kind))
    marks: list[Any] = []
    if get_origin(kind) is Annotated:
        kind, *marks = get_args(kind)
    if isinstance(parameter.default, FieldInfo):
        marks.append(parameter.default)
    constraints = [part for mark in marks for part in _constraints(mark)]
    return Annotated[kind, *constraints] if constraints else kind


def _constraints(mark: Any) -> list[Any]:
    """Return what a mark on a type asks of values; a `Field(...)` also says other things, which have their place."""
    if not isinstance(mark, FieldInfo):
        return [mark]
    chosen = [Field(discriminator=mark.discriminator)] if mark.discriminator else []
    return [*mark.metadata, *chosen]


def model_of(parameters: Mapping[str, inspect.Parameter]) -> tuple[type[BaseModel], dict[str, str]]:
    """Return a model with a field for each parameter, and the field's name by that of the parameter.

    Fields have names of their own and the parameter's as alias: a parameter may be called ``keys``, ``self`` or
    ``model_fields``, which a model's field may not. All may be missing: defaults are not validated.
    """
    names = {name: f"p{number}" for number, name in enumerate(parameters)}
    kinds = {name: kind_of(parameter) for name, parameter in parameters.items()}
    try:
        model = _create(names, kinds)
    except Exception:
        # One annotation that pydantic cannot use must not cost the others their validation.
        model = _create(names, {name: kind if usable(kind) else Any for name, kind in kinds.items()})
    return model, names


def _create(names: dict[str, str], kinds: dict[str, Any]) -> type[BaseModel]:
    fields: dict[str, Any] = {
        field: (kinds[name], Field(default=None, alias=name)) for name, field in names.items()
    }
    model: type[BaseModel] = create_model("Parameters", __config__=CONFIG, **fields)
    model.model_rebuild()
    return model


def usable(kind: Any) -> bool:
    """True when pydantic can make a validator for this type."""
    try:
        create_model("Probe", __config__=CONFIG, it=(kind, None)).model_rebuild()
    except Exception:
        return False
    return True
