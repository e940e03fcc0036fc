"""Give functions that come back from a task the notebook's globals, so that later edits are seen."""

from __future__ import annotations

import builtins
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any

from penstock_kernel._cells.result import CellResult


def rehome(value: object, namespace: dict[str, Any]) -> object:
    """Return `value` with the functions of `__main__` in it reading their globals from `namespace`.

    Looks into lists, tuples, dicts, `CellResult`s and the methods of classes, not deeper. Modules that a function
    uses and the notebook lacks are put into the notebook, as the cell's own `import` would have done. A function
    that would lose any other name keeps the globals it came with.
    """
    match value:
        case types.FunctionType():
            return _rehome_function(value, namespace)
        case type() if value.__module__ == "__main__":
            _rehome_methods(value, namespace)
            return value
        case CellResult():
            return CellResult({name: rehome(item, namespace) for name, item in value.items()})
        case dict() if type(value) is dict:
            return _changed(value, {key: rehome(item, namespace) for key, item in value.items()})
        case list() if type(value) is list:
            return _changed(value, [rehome(item, namespace) for item in value])
        case tuple() if type(value) is tuple:
            return _changed(value, tuple(rehome(item, namespace) for item in value))
        case _:
            return value


def with_globals(function: types.FunctionType, namespace: dict[str, Any]) -> types.FunctionType:
    """Return a copy of a function that reads its globals from `namespace`."""
    copy = types.FunctionType(
        function.__code__, namespace, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    if sys.version_info >= (3, 14):  # reading the annotations would evaluate them
        copy.__annotate__ = function.__annotate__
    else:
        copy.__annotations__ = dict(function.__annotations__)
    if sys.version_info >= (3, 12):
        copy.__type_params__ = function.__type_params__
    copy.__qualname__ = function.__qualname__
    copy.__module__ = function.__module__
    copy.__doc__ = function.__doc__
    copy.__dict__.update(function.__dict__)
    return copy


def global_names(code: types.CodeType) -> Iterator[str]:
    """Yield the names a function's code, with the functions inside it, looks up in its globals."""
    import dis

    for instruction in dis.get_instructions(code):
        if instruction.opname in {"LOAD_GLOBAL", "LOAD_NAME"}:
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from global_names(constant)


def is_of_main(function: types.FunctionType) -> bool:
    """Whether the function was written in the notebook; a decorator's wrapper only carries its name."""
    return (
        function.__module__ == "__main__" and function.__globals__.get("__name__", "__main__") == "__main__"
    )


def would_lose(function: types.FunctionType, namespace: Mapping[str, Any]) -> list[str]:
    """Return the global names a function would no longer find with `namespace` as its globals.

    For a function that was not written in the notebook those are all it has.
    """
    if not is_of_main(function):
        return list(function.__globals__)
    return [
        name
        for name in dict.fromkeys(global_names(function.__code__))
        if name in function.__globals__
        and name not in namespace
        and not hasattr(builtins, name)
        and function.__globals__[name] is not function
    ]


def _rehome_function(function: types.FunctionType, namespace: dict[str, Any]) -> types.FunctionType:
    if not is_of_main(function) or function.__globals__ is namespace:
        return function
    lost = would_lose(function, namespace)
    if not all(isinstance(function.__globals__[name], types.ModuleType) for name in lost):
        return function
    namespace.update({name: function.__globals__[name] for name in lost})
    return with_globals(function, namespace)


def _rehome_methods(cls: type, namespace: dict[str, Any]) -> None:
    for name, member in list(vars(cls).items()):
        function = member.__func__ if isinstance(member, staticmethod | classmethod) else member
        if not isinstance(function, types.FunctionType):
            continue
        home = _rehome_function(function, namespace)
        if home is not function:
            setattr(cls, name, type(member)(home) if function is not member else home)


def _changed(before: Any, after: Any) -> Any:
    """Return the same container when nothing in it had to change: its identity may matter."""
    items = zip(_items(before), _items(after), strict=True)
    return before if all(one is other for one, other in items) else after


def _items(container: Any) -> Iterator[Any]:
    return iter(container.values() if isinstance(container, dict) else container)
