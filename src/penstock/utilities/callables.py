"""Functions and their parameters. Reference page: api-ref prefect-utilities-callables.

`ParameterSchema` and what makes one are loaded when first asked for: they need pydantic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from penstock._engine.docstrings import parameter_docstrings as parameter_docstrings
from penstock._engine.mapping import expand_parameters
from penstock._engine.signatures import (
    bind,
    check_names,
    check_reserved,
    collapse,
    defaults_of,
    explode,
    unbind,
)

if TYPE_CHECKING:
    from penstock._engine.parameter_schema import ParameterSchema as ParameterSchema
    from penstock._engine.parameter_schema import generate_parameter_schema as generate_parameter_schema
    from penstock._engine.parameter_schema import parameter_schema as parameter_schema
    from penstock._loading.source import parameter_schema_from_entrypoint as parameter_schema_from_entrypoint

R = TypeVar("R")
_WHERE = {
    "ParameterSchema": "penstock._engine.parameter_schema",
    "generate_parameter_schema": "penstock._engine.parameter_schema",
    "parameter_schema": "penstock._engine.parameter_schema",
    "parameter_schema_from_entrypoint": "penstock._loading.source",
}
_MISSING = object()


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)


def get_call_parameters(
    fn: Callable[..., Any],
    call_args: tuple[Any, ...],
    call_kwargs: dict[str, Any],
    apply_defaults: bool = True,
) -> dict[str, Any]:
    """Return the arguments of a call by parameter name.

    Args:
        fn: the function; what its attribute ``__prefect_self__`` holds becomes its first parameter.
        call_args, call_kwargs: what it would be called with.
        apply_defaults: add the defaults of parameters that are not given.

    Raises:
        ParameterBindError: they do not fit the signature.

    Example:
        >>> get_call_parameters(lambda x, y=2, **more: 0, (1,), {"z": 3})
        {'x': 1, 'y': 2, 'more': {'z': 3}}
    """
    owner = getattr(fn, "__prefect_self__", _MISSING)
    if owner is not _MISSING:
        call_args = (owner, *call_args)
    return bind(fn, call_args, call_kwargs, defaults=apply_defaults)


def get_parameter_defaults(fn: Callable[..., Any]) -> dict[str, Any]:
    """Return the default of each parameter that has one."""
    return defaults_of(fn)


def explode_variadic_parameter(fn: Callable[..., Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """Lift what is stored under the name of ``**kwargs`` to the top level.

    Example:
        >>> explode_variadic_parameter(lambda a, **kwargs: 0, {"a": 1, "kwargs": {"c": 3}})
        {'a': 1, 'c': 3}
    """
    return explode(fn, parameters)


def collapse_variadic_parameters(fn: Callable[..., Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """Move parameters the signature does not name into the ``**kwargs`` of the function.

    Raises:
        ValueError: there are some and the function has no ``**kwargs``.

    Example:
        >>> collapse_variadic_parameters(lambda a, **kwargs: 0, {"a": 1, "c": 3})
        {'a': 1, 'kwargs': {'c': 3}}
    """
    return collapse(fn, parameters)


def parameters_to_args_kwargs(
    fn: Callable[..., Any], parameters: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return ``(args, kwargs)`` that call a function with parameters bound to the same signature.

    Raises:
        SignatureMismatchError: the function has no such parameter.
    """
    check_names(fn, parameters)
    return unbind(fn, parameters)


def call_with_parameters(fn: Callable[..., R], parameters: dict[str, Any]) -> R:
    """Call a function with parameters from `get_call_parameters`, bound to the same signature.

    Raises:
        SignatureMismatchError: the function has no such parameter.
    """
    args, kwargs = parameters_to_args_kwargs(fn, parameters)
    return fn(*args, **kwargs)


def cloudpickle_wrapped_call(__fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[[], bytes]:
    """Return a picklable function that makes this call and returns its value pickled.

    For libraries that pickle with the standard library only, such as `multiprocessing`: what is called may be a
    lambda or come from a notebook.

    Example:
        >>> import cloudpickle
        >>> cloudpickle.loads(cloudpickle_wrapped_call(lambda x: x + 1, 1)())
        2
    """
    import cloudpickle

    return partial(_call_pickled, cloudpickle.dumps((__fn, args, kwargs)))


def _call_pickled(call: bytes) -> bytes:
    import cloudpickle

    fn, args, kwargs = cloudpickle.loads(call)
    pickled: bytes = cloudpickle.dumps(fn(*args, **kwargs))
    return pickled


def raise_for_reserved_arguments(fn: Callable[..., Any], reserved_arguments: Iterable[str]) -> None:
    """Refuse a function that has a parameter with one of these names.

    Raises:
        ReservedArgumentError: names it.
    """
    check_reserved(fn, reserved_arguments)


def expand_mapping_parameters(func: Callable[..., Any], parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the arguments of each run that a map over `parameters` makes.

    Args:
        func: the function; its defaults are added and never iterated over.
        parameters: iterables of one length; everything else, and what is in `unmapped`, goes to every run.

    Raises:
        MappingMissingIterable, MappingLengthMismatch: there is nothing to iterate over, or the lengths differ.
    """
    return expand_parameters(func, parameters)


__all__ = [
    "ParameterSchema",
    "call_with_parameters",
    "cloudpickle_wrapped_call",
    "collapse_variadic_parameters",
    "expand_mapping_parameters",
    "explode_variadic_parameter",
    "generate_parameter_schema",
    "get_call_parameters",
    "get_parameter_defaults",
    "parameter_docstrings",
    "parameter_schema",
    "parameter_schema_from_entrypoint",
    "parameters_to_args_kwargs",
    "raise_for_reserved_arguments",
]
