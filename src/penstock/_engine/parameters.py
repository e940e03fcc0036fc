"""Parameters of a run: coerced to their annotations, and written as JSON.

Reference pages: how-to-guides/workflows/pass-inputs, api-ref prefect-flows (validate_parameters,
serialize_parameters). pydantic is imported when a value is met that needs it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from penstock._engine.futures import PenstockFuture
from penstock._engine.hints import hints_of, unbound
from penstock._engine.hints import keep_local_names as keep_local_names
from penstock._engine.signatures import bind as bind
from penstock._engine.signatures import check_names, is_field, signature_of
from penstock._engine.signatures import check_reserved as check_reserved
from penstock._engine.signatures import unbind as unbind
from penstock._engine.signatures import with_owner as with_owner
from penstock._values.annotations import BaseAnnotation
from penstock._values.collections import find
from penstock._values.states import State
from penstock.exceptions import ParameterTypeError

#: Values of exactly these types need no validator when the annotation is the same type.
_PLAIN = (str, int, float, bool, bytes, list, dict, tuple, set, type(None))
#: The documented limit on what a run keeps of its parameters, in bytes of JSON.
_MAX_JSON = 512 * 1024
#: By function: the annotations a model was made of, the model, and its fields by parameter.
_models: weakref.WeakKeyDictionary[Any, tuple[dict[str, Any], Any, dict[str, str]]] = (
    weakref.WeakKeyDictionary()
)


def validate(fn: Callable[..., Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters coerced to their annotations (pydantic's lax rules: ``"5"`` to int, not 1 to str).

    What cannot be judged is left alone: parameters without an annotation that means something here, and those
    that hold futures or states, whose values do not exist yet.

    Args:
        fn: the function.
        parameters: what was given, by name; defaults are not checked, so leave them out.

    Raises:
        ParameterTypeError: says which parameter is wrong and why, for each of them.
        SignatureMismatchError: the function has no such parameter.
    """
    check_names(fn, parameters)
    hints = hints_of(fn)
    specs = signature_of(fn).parameters
    waiting = [
        name
        for name, value in parameters.items()
        if (name in hints or is_field(specs[name].default))
        and not (
            type(value) in _PLAIN and hints.get(name) is type(value) and not is_field(specs[name].default)
        )
        and not find(value, (PenstockFuture, State))
    ]
    if not waiting:
        return dict(parameters)
    from pydantic import ValidationError

    model, fields = _model(fn, hints)
    try:
        checked = model.model_validate({name: parameters[name] for name in waiting})
    except ValidationError as error:
        raise ParameterTypeError.from_validation_error(error) from error
    return {**parameters, **{name: getattr(checked, fields[name]) for name in waiting}}


def _model(fn: Callable[..., Any], hints: dict[str, Any]) -> tuple[Any, dict[str, str]]:
    """Return a pydantic model of the annotated parameters, and the field that stands for each of them."""
    key = unbound(fn)
    if not isinstance(key, FunctionType):
        return _made_model(key, hints)
    known = _models.get(key)
    # The hints are another dict as long as some annotation could not be resolved.
    if known is None or known[0] != hints:
        known = _models[key] = (hints, *_made_model(key, hints))
    return known[1], known[2]


def _made_model(fn: Callable[..., Any], hints: dict[str, Any]) -> tuple[Any, dict[str, str]]:
    from penstock._engine.parameter_models import model_of

    return model_of(
        {
            name: parameter.replace(annotation=hints.get(name, Any))
            for name, parameter in signature_of(fn).parameters.items()
            if name in hints or is_field(parameter.default)
        }
    )


def to_json(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters as plain JSON values; what has no JSON form is described instead."""
    import orjson

    out: dict[str, Any] = {}
    size = 0
    for name, value in parameters.items():
        try:
            blob = orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS)
        except TypeError:
            blob = orjson.dumps(describe(value))
        size += len(blob)
        out[name] = orjson.loads(blob) if size <= _MAX_JSON else "<left out: parameters are over 512 kB>"
    return out


def _plain(value: Any) -> Any:
    if isinstance(value, BaseAnnotation):
        return value.unwrap()
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, (set, frozenset)):
        return list(value)
    if hasattr(value, "__fspath__"):
        return str(value)
    return describe(value)


def describe(value: Any) -> str:
    """Return one short line about a value that has no JSON form: its type, and its shape if it has one."""
    kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    shape = getattr(value, "shape", None)
    return f"<{kind} {shape}>" if isinstance(shape, tuple) else f"<{kind}>"
