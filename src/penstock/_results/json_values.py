"""JSON of values that JSON has no form for, and back. Reference page: api-ref prefect-serializers.

A value becomes `{"__class__": "module.Name", "data": ...}`; models of pydantic, dataclasses, exceptions, dates, sets,
bytes and other types pydantic knows come back as they were.
"""

from __future__ import annotations

import dataclasses
import os
from typing import Any

_CLASS, _DATA = "__class__", "data"


def object_encoder(obj: Any) -> Any:
    """Return a JSON form of `obj`, for `json.dumps(default=...)`.

    Raises:
        TypeError: there is none.
    """
    kind = type(obj)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if kind.__module__ == "numpy":
        return obj.tolist()
    if "<locals>" in name:
        raise TypeError(f"{name} is defined inside a function, where no reader finds it")
    if isinstance(obj, BaseException):
        return {_CLASS: name, _DATA: {"args": list(obj.args), "message": str(obj)}}
    if dataclasses.is_dataclass(obj) and not isinstance(obj, type):
        return {_CLASS: name, _DATA: {f.name: getattr(obj, f.name) for f in dataclasses.fields(obj)}}
    if isinstance(obj, (set, frozenset)):
        return {_CLASS: name, _DATA: list(obj)}
    if isinstance(obj, (bytes, bytearray)):
        import base64

        return {_CLASS: name, _DATA: base64.b64encode(obj).decode()}
    if isinstance(obj, os.PathLike):
        return {_CLASS: name, _DATA: str(obj)}
    return {_CLASS: name, _DATA: _by_pydantic(kind, obj)}


def _by_pydantic(kind: type, obj: Any) -> Any:
    """Return the JSON form pydantic has for models, and for the types it knows; none is made up for others."""
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticSchemaGenerationError
    from pydantic_core import PydanticSerializationError

    try:
        return TypeAdapter(kind).dump_python(obj, mode="json")
    except PydanticSchemaGenerationError as error:
        raise TypeError(f"nothing is known of {kind.__module__}.{kind.__qualname__}") from error
    except (PydanticSerializationError, ValueError) as error:
        raise TypeError(f"a {kind.__module__}.{kind.__qualname__} cannot be written: {error}") from error


def object_decoder(result: dict[str, Any]) -> Any:
    """Return the value an object of JSON stands for, for `json.loads(object_hook=...)`; others stay as they are.

    Only classes that are data are made again: nothing a file says is called.

    Raises:
        ValueError: the class is not there, or its values do not fit it.
    """
    if set(result) != {_CLASS, _DATA}:
        return result
    kind, data = _class(result[_CLASS]), result[_DATA]
    if issubclass(kind, BaseException):
        return _exception(kind, data)
    if dataclasses.is_dataclass(kind):
        made = object.__new__(kind)
        for name, value in data.items():
            object.__setattr__(made, name, value)
        return made
    if issubclass(kind, (set, frozenset)):
        return kind(data)
    if issubclass(kind, (bytes, bytearray)):
        import base64

        return kind(base64.b64decode(data))
    from pathlib import PurePath

    if issubclass(kind, PurePath):
        return kind(data)
    from pydantic import TypeAdapter

    return TypeAdapter(kind).validate_python(data, strict=False)


def _exception(kind: type[BaseException], data: dict[str, Any]) -> BaseException:
    """Make an exception without its `__init__`, which may want other arguments than it kept."""
    made = kind.__new__(kind, *data["args"])
    made.args = tuple(data["args"])
    return made


def _class(name: str) -> type:
    """Return the class of a dotted name.

    Raises:
        ValueError: there is none, or it is no class.
    """
    import importlib

    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        for part in parts[cut:]:
            found = getattr(found, part, None)
        if isinstance(found, type):
            return found
    raise ValueError(
        f"there is no class {name} here to read the result with; import the module that defines it"
    )
