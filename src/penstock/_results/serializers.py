"""Values to bytes and back. Reference page: api-ref prefect-serializers."""

from __future__ import annotations

import pickle
from typing import Any, ClassVar

from penstock.exceptions import ConfigurationError, SerializationError


class Serializer:
    """Base of all serializers."""

    type: ClassVar[str] = ""

    def dumps(self, obj: Any) -> bytes:
        """Return `obj` as bytes."""
        raise NotImplementedError

    def loads(self, blob: bytes) -> Any:
        """Return the object `dumps` made these bytes of."""
        raise NotImplementedError


class PickleSerializer(Serializer):
    """Pickles by value what the notebook defined, everything else as usual (cloudpickle)."""

    type = "pickle"

    def dumps(self, obj: Any) -> bytes:
        """Return the pickle.

        Raises:
            SerializationError: something in it cannot be pickled.
        """
        import cloudpickle

        try:
            blob: bytes = cloudpickle.dumps(obj, protocol=5)
        except Exception as error:
            raise SerializationError(
                f"A result of type {type(obj).__module__}.{type(obj).__qualname__} cannot be pickled: {error}. "
                "Return plain data, or use persist_result=False."
            ) from error
        return blob

    def loads(self, blob: bytes) -> Any:
        """Unpickle. Only ever called on files of the user's own workspace."""
        return pickle.loads(blob)


class JSONSerializer(Serializer):
    """JSON text; pydantic models, dataclasses, dates and UUIDs are written as plain values."""

    type = "json"

    def dumps(self, obj: Any) -> bytes:
        """Return the JSON.

        Raises:
            SerializationError: the value has no JSON form.
        """
        import orjson

        def plain(value: Any) -> Any:
            if hasattr(value, "model_dump"):
                return value.model_dump(mode="json")
            if isinstance(value, (set, frozenset)):
                return list(value)
            raise TypeError(type(value).__name__)

        try:
            return orjson.dumps(obj, default=plain, option=orjson.OPT_SERIALIZE_NUMPY)
        except TypeError as error:
            raise SerializationError(
                f"A result of type {type(obj).__name__} has no JSON form: {error}"
            ) from error

    def loads(self, blob: bytes) -> Any:
        """Read the JSON."""
        import orjson

        return orjson.loads(blob)


_BY_NAME: dict[str, type[Serializer]] = {"pickle": PickleSerializer, "json": JSONSerializer}


def resolve_serializer(serializer: Serializer | str) -> Serializer:
    """Return a serializer by instance or by name (``"pickle"``, ``"json"``).

    Raises:
        ConfigurationError: there is none of that name.
    """
    if isinstance(serializer, Serializer):
        return serializer
    if serializer not in _BY_NAME:
        raise ConfigurationError(f"No serializer is called {serializer!r}; there are {', '.join(_BY_NAME)}.")
    return _BY_NAME[serializer]()
