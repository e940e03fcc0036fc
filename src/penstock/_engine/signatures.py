"""Arguments of a call, bound to the names of a function's parameters and back.

Reference pages: how-to-guides/workflows/pass-inputs, api-ref prefect-utilities-callables.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from penstock.exceptions import ParameterBindError, ReservedArgumentError, SignatureMismatchError

RESERVED = ("return_state", "wait_for")
VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
EMPTY = inspect.Parameter.empty


def signature_of(fn: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of a function, remembered when the function can be."""
    return _known(fn).signature


class _Known(NamedTuple):
    signature: inspect.Signature
    #: Parameters that have a `Field(...)` as default.
    fields: tuple[str, ...]
    #: All parameters in order, when each can be given by position and by name.
    plain: tuple[str, ...] | None


def _known(fn: Callable[..., Any]) -> _Known:
    try:
        return _remembered(fn)
    except TypeError:  # a callable that cannot be hashed
        return _looked_up(fn)


def _looked_up(fn: Callable[..., Any]) -> _Known:
    signature = inspect.signature(fn)
    items = signature.parameters.items()
    plain = all(item.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for _, item in items)
    fields = tuple(name for name, item in items if is_field(item.default))
    return _Known(signature, fields, tuple(signature.parameters) if plain else None)


_remembered = lru_cache(maxsize=1024)(_looked_up)


def check_reserved(fn: Callable[..., Any], reserved: Iterable[str] = RESERVED) -> None:
    """Refuse functions with a parameter that the call itself needs.

    Raises:
        ReservedArgumentError: names it.
    """
    for name in reserved:
        if name in signature_of(fn).parameters:
            raise ReservedArgumentError(
                f"{name!r} is a reserved argument name and cannot be used in flows or tasks."
            )


def is_field(default: Any) -> bool:
    """True for the `pydantic.Field(...)` a parameter may have as its default; imports nothing."""
    return type(default).__module__ == "pydantic.fields"


def default_of(parameter: inspect.Parameter) -> Any:
    """Return the value of a parameter that is not given; `EMPTY` when it must be.

    With ``x: int = Field(default=3)`` that is 3, and a factory is called anew each time.
    """
    default = parameter.default
    if not is_field(default):
        return default
    return EMPTY if default.is_required() else default.get_default(call_default_factory=True)


def bind(
    fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], *, defaults: bool = True
) -> dict[str, Any]:
    """Return the arguments of a call by parameter name; variadics stay nested under their own name.

    Raises:
        ParameterBindError: they do not fit the signature.
    """
    signature, fields, plain = _known(fn)
    if plain is not None and not kwargs and len(args) == len(plain):
        return dict(zip(plain, args, strict=True))
    try:
        bound = signature.bind(*args, **kwargs)
        filled = _filled(signature, fields, bound.arguments) if fields else {}
    except TypeError as error:
        raise ParameterBindError.from_bind_failure(fn, error, args, kwargs) from error
    if defaults:
        bound.apply_defaults()
    # Their place is the one that applying the defaults gave them.
    return {**bound.arguments, **filled} if defaults else bound.arguments


def _filled(
    signature: inspect.Signature, fields: tuple[str, ...], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the `Field(...)` defaults of parameters that are not given come to."""
    filled = {name: default_of(signature.parameters[name]) for name in fields if name not in given}
    for name, value in filled.items():
        if value is EMPTY:
            raise TypeError(f"missing a required argument: {name!r}")
    return filled


def unbind(fn: Callable[..., Any], parameters: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return ``(args, kwargs)`` that call `fn` with these parameters."""
    signature, _, plain = _known(fn)
    if plain is not None and len(plain) == len(parameters) and plain == tuple(parameters):
        return tuple(parameters.values()), {}
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    by_position = True
    for name, parameter in signature.parameters.items():
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


def check_names(fn: Callable[..., Any], parameters: Mapping[str, Any]) -> None:
    """Refuse parameters the function does not have.

    Raises:
        SignatureMismatchError: names what is expected and what was given.
    """
    expected = signature_of(fn).parameters
    if not parameters.keys() <= expected.keys():
        raise SignatureMismatchError.from_bad_params(list(expected), list(parameters))


def defaults_of(fn: Callable[..., Any]) -> dict[str, Any]:
    """Return the default of each parameter that has one."""
    found = {name: default_of(parameter) for name, parameter in signature_of(fn).parameters.items()}
    return {name: value for name, value in found.items() if value is not EMPTY}


def variadic_name(fn: Callable[..., Any]) -> str | None:
    """Return the name of the ``**kwargs`` of a function, if it has one."""
    for name, parameter in signature_of(fn).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            return name
    return None


def explode(fn: Callable[..., Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters with what is in ``**kwargs`` lifted to the level of the others."""
    name = variadic_name(fn)
    if name is None or name not in parameters:
        return dict(parameters)
    return {**{key: value for key, value in parameters.items() if key != name}, **parameters[name]}


def collapse(fn: Callable[..., Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters with those the signature does not name put into ``**kwargs``.

    Raises:
        ValueError: there are some, and the function takes none.
    """
    known = signature_of(fn).parameters
    unknown = {key: value for key, value in parameters.items() if key not in known}
    if not unknown:
        return dict(parameters)
    name = variadic_name(fn)
    if name is None:
        raise ValueError(
            f"{fn!r} takes no **kwargs, but was given parameters its signature does not name: {list(unknown)}"
        )
    rest = {key: value for key, value in parameters.items() if key in known}
    return {**rest, name: {**rest.get(name, {}), **unknown}}


def with_owner(fn: Callable[..., Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters with the instance (or class) a method is bound to as the first of them."""
    function = getattr(fn, "__func__", None)
    if function is None or not function.__code__.co_argcount:
        return parameters
    return {function.__code__.co_varnames[0]: fn.__self__, **parameters}  # type: ignore[attr-defined]
