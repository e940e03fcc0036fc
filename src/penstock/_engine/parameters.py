"""Arguments of a call: bound to names, coerced to their annotations, written as JSON.

Reference pages: how-to-guides/workflows/pass-inputs, api-ref prefect-utilities-callables.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from penstock._values.annotations import BaseAnnotation
from penstock.exceptions import ParameterBindError, ParameterTypeError, ReservedArgumentError

RESERVED = ("return_state", "wait_for")
#: Values of exactly these types need no validator when the annotation is the same type.
_PLAIN = (str, int, float, bool, bytes, list, dict, tuple, set, type(None))
#: The documented limit on what a run keeps of its parameters, in bytes of JSON.
_MAX_JSON = 512 * 1024
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@lru_cache(maxsize=1024)
def _signature(fn: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(fn)


def signature_of(fn: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of a function, remembered when the function can be."""
    try:
        return _signature(fn)
    except TypeError:
        return inspect.signature(fn)


def check_reserved(fn: Callable[..., Any]) -> None:
    """Refuse functions with a parameter that the call itself needs.

    Raises:
        ReservedArgumentError: names it.
    """
    taken = [name for name in signature_of(fn).parameters if name in RESERVED]
    if taken:
        raise ReservedArgumentError(
            f"{taken[0]!r} is a reserved argument name and cannot be used in flows or tasks."
        )


def bind(
    fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], *, defaults: bool = True
) -> dict[str, Any]:
    """Return the arguments of a call by parameter name; variadics stay nested under their own name.

    Raises:
        ParameterBindError: they do not fit the signature.
    """
    signature = signature_of(fn)
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise ParameterBindError.from_bind_failure(fn, error, args, kwargs) from error
    if defaults:
        bound.apply_defaults()
    return dict(bound.arguments)


def unbind(fn: Callable[..., Any], parameters: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return ``(args, kwargs)`` that call `fn` with these parameters."""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    by_position = True
    for name, parameter in signature_of(fn).parameters.items():
        if name not in parameters:
            by_position = False
            continue
        value = parameters[name]
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            args.extend(value)
            by_position = False
        elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
            kwargs.update(value)
        elif parameter.kind is inspect.Parameter.POSITIONAL_ONLY or (
            by_position and parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        ):
            args.append(value)
        else:
            kwargs[name] = value
    return tuple(args), kwargs


def with_owner(fn: Callable[..., Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters with the instance (or class) a method is bound to as the first of them."""
    function = getattr(fn, "__func__", None)
    if function is None or not function.__code__.co_argcount:
        return parameters
    return {function.__code__.co_varnames[0]: fn.__self__, **parameters}  # type: ignore[attr-defined]


@lru_cache(maxsize=512)
def _hints(fn: Callable[..., Any]) -> dict[str, Any]:
    inner = getattr(fn, "__func__", fn)
    try:
        return typing.get_type_hints(inner, include_extras=True)
    except Exception:
        raw = getattr(inner, "__annotations__", {})
        return {name: hint for name, hint in raw.items() if not isinstance(hint, str)}


def validate(fn: Callable[..., Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters coerced to their annotations (pydantic's lax rules: ``"5"`` to int, not 1 to str).

    Raises:
        ParameterTypeError: says which parameter is wrong and why.
    """
    hints = _hints(fn)
    if all(
        name not in hints or (hints[name] in _PLAIN and type(value) is hints[name])
        for name, value in parameters.items()
    ):
        return parameters
    from pydantic import ValidationError

    model, names = _model(fn)
    try:
        checked = model.model_validate(
            {names[name]: value for name, value in parameters.items() if name in names}
        )
    except ValidationError as error:
        back = {alias: name for name, alias in names.items()}
        raise ParameterTypeError(_readable(error, back)) from error
    return {
        name: getattr(checked, names[name]) if name in names else value for name, value in parameters.items()
    }


def _readable(error: Any, back: dict[str, str]) -> str:
    lines = []
    for item in error.errors(include_url=False):
        first, *rest = item["loc"]
        lines.append(f"{'.'.join(str(part) for part in (back.get(first, first), *rest))}: {item['msg']}")
    return "Flow run received invalid parameters:\n - " + "\n - ".join(lines)


@lru_cache(maxsize=256)
def _model(fn: Callable[..., Any]) -> tuple[Any, dict[str, str]]:
    """Return a pydantic model of the annotated parameters, and the field that stands for each of them."""
    from pydantic import ConfigDict, create_model

    hints = _hints(fn)
    fields: dict[str, Any] = {}
    names: dict[str, str] = {}
    for number, (name, parameter) in enumerate(signature_of(fn).parameters.items()):
        if name not in hints:
            continue
        kind: Any = hints[name]
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            kind = types.GenericAlias(tuple, (kind, ...))
        elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
            kind = types.GenericAlias(dict, (str, kind))
        names[name] = f"p{number}"
        fields[names[name]] = (kind, ...)
    config = ConfigDict(arbitrary_types_allowed=True, protected_namespaces=())
    # Parameters that are not given keep their defaults unvalidated, so every field may be missing.
    optional: dict[str, Any] = {field: (spec[0], None) for field, spec in fields.items()}
    return create_model("Parameters", __config__=config, **optional), names


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
