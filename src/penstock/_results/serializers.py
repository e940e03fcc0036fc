"""Values to bytes and back. Reference page: api-ref prefect-serializers.

A serializer is a pydantic model, whose settings are stored beside each result; `type` says which class they are of.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from penstock._results.json_values import object_decoder, object_encoder
from penstock._results.packed import Packed
from penstock._results.pickles import check_version, from_base64, pickled, unpickled
from penstock.exceptions import ConfigurationError, SerializationError

D = TypeVar("D")

_BY_TYPE: dict[str, type[Serializer[Any]]] = {}


class Serializer(BaseModel, Generic[D]):
    """Base of all serializers.

    A class of your own has a `type`, by which it is found, `dumps` and `loads`:

    Example:
        >>> class Upper(Serializer):
        ...     type: Literal["upper"] = "upper"
        ...
        ...     def dumps(self, obj):
        ...         return obj.upper().encode()
        ...
        ...     def loads(self, blob):
        ...         return blob.decode()
        >>> resolve_serializer("upper").dumps("a")
        b'A'
    """

    model_config = ConfigDict(extra="forbid")

    #: What the class is called in the heads of records; a subclass gives it as a `Literal`.
    type: Any

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        name = cls.model_fields["type"].default
        if not isinstance(name, str) or "[" in cls.__name__:
            return  # abstract, or only a parametrised form
        known = _BY_TYPE.get(name)
        if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ConfigurationError(
                f"Serializer {cls.__qualname__} has the type {name!r} of {known.__module__}.{known.__qualname__}, so "
                f"that what it wrote would be read by the other. Give it a type of its own: "
                f'`type: Literal["my-type"] = "my-type"`.'
            )
        _BY_TYPE[name] = cls

    def dumps(self, obj: D) -> bytes:
        """Return `obj` as bytes."""
        raise NotImplementedError

    def loads(self, blob: bytes) -> D:
        """Return the object `dumps` made these bytes of."""
        raise NotImplementedError

    def plain(self, obj: D) -> bytes:
        """Return what `loads` takes, without what `dumps` wraps it in for transport."""
        return self.dumps(obj)

    def described(self) -> dict[str, Any]:
        """Return the settings that are stored beside a result."""
        return self.model_dump(mode="json", exclude_none=True)

    def pack(self, obj: D) -> Packed:
        """Return `obj` as it is stored: the bytes of `dumps`, unless there is something quicker."""
        return Packed(self.dumps(obj))

    def unpack(self, packed: Packed) -> D:
        """Return the object `pack` made this of."""
        return self.loads(bytes(packed.blob))


class PickleSerializer(Serializer[D]):
    """Pickles with cloudpickle, by value what the notebook defined.

    `dumps` wraps the pickle in base64, as documented; results are stored without, and big arrays not even copied.

    Args:
        picklelib: the module whose `dumps` and `loads` are used.
        picklelib_version: that of the module; another one at reading time is warned of.
    """

    type: Literal["pickle"] = "pickle"
    picklelib: str = "cloudpickle"
    picklelib_version: str | None = None

    @field_validator("picklelib")
    @classmethod
    def check_picklelib(cls, value: str) -> str:
        """Refuse a module that is not there, or does not pickle."""
        return _module_with(value, "dumps", "loads")

    def dumps(self, obj: D) -> bytes:
        """Return the pickle in base64.

        Raises:
            SerializationError: something in it cannot be pickled.
        """
        import base64

        return base64.encodebytes(pickled(obj, self._library, whole=True).blob)

    def plain(self, obj: D) -> bytes:
        """Return the pickle without base64."""
        if type(self).dumps is not PickleSerializer.dumps:
            return self.dumps(obj)
        return bytes(pickled(obj, self._library, whole=True).blob)

    def loads(self, blob: bytes) -> D:
        """Unpickle, with base64 around it or without. Only ever called on what the user's own storage holds."""
        check_version(self.described(), _version(self._library))
        value: D = unpickled(Packed(from_base64(blob)), self._library)
        return value

    def described(self) -> dict[str, Any]:
        """Return the settings, with the version of the library."""
        return {
            "type": self.type,
            "picklelib": self.picklelib,
            "picklelib_version": self.picklelib_version or _version(self._library),
        }

    def pack(self, obj: D) -> Packed:
        """Return the pickle without base64."""
        if type(self).dumps is not PickleSerializer.dumps:
            return super().pack(obj)
        return pickled(obj, self._library)

    def unpack(self, packed: Packed) -> D:
        """Return the object that was pickled."""
        if not packed.buffers:
            return self.loads(bytes(packed.blob))
        check_version(self.described(), _version(self._library))
        value: D = unpickled(packed, self._library)
        return value

    @property
    def _library(self) -> ModuleType:
        return import_module(self.picklelib)


class JSONSerializer(Serializer[D]):
    """JSON text; what JSON has no form for is written with its class, and comes back as it was.

    Args:
        jsonlib: the module whose `dumps` and `loads` are used.
        object_encoder: path of the function for objects of other types; None leaves them to the module.
        object_decoder: path of the function that turns them back.
        dumps_kwargs: further arguments of `dumps`, but not `default`.
        loads_kwargs: further arguments of `loads`, but not `object_hook`.
    """

    type: Literal["json"] = "json"
    jsonlib: str = "json"
    object_encoder: str | None = "penstock.serializers.prefect_json_object_encoder"
    object_decoder: str | None = "penstock.serializers.prefect_json_object_decoder"
    dumps_kwargs: dict[str, Any] = Field(default_factory=dict)
    loads_kwargs: dict[str, Any] = Field(default_factory=dict)

    @field_validator("dumps_kwargs")
    @classmethod
    def dumps_kwargs_cannot_contain_default(cls, value: dict[str, Any]) -> dict[str, Any]:
        """Refuse the argument `object_encoder` is for."""
        if "default" in value:
            raise ValueError("`default` cannot be in `dumps_kwargs`. Use `object_encoder` instead.")
        return value

    @field_validator("loads_kwargs")
    @classmethod
    def loads_kwargs_cannot_contain_object_hook(cls, value: dict[str, Any]) -> dict[str, Any]:
        """Refuse the argument `object_decoder` is for."""
        if "object_hook" in value:
            raise ValueError("`object_hook` cannot be in `loads_kwargs`. Use `object_decoder` instead.")
        return value

    def dumps(self, obj: D) -> bytes:
        """Return the JSON.

        Raises:
            SerializationError: the value has no JSON form.
        """
        given = dict(self.dumps_kwargs)
        if self.object_encoder:
            given["default"] = _function(self.object_encoder, object_encoder)
        try:
            text = import_module(self.jsonlib).dumps(obj, **given)
        except (TypeError, ValueError, OverflowError) as error:
            raise SerializationError(
                f"A result of type {type(obj).__name__} has no JSON form: {error}. Return plain data, or use "
                "result_serializer='pickle'."
            ) from error
        return text.encode() if isinstance(text, str) else bytes(text)

    def loads(self, blob: bytes) -> D:
        """Read the JSON."""
        given = dict(self.loads_kwargs)
        if self.object_decoder:
            given["object_hook"] = _function(self.object_decoder, object_decoder)
        value: D = import_module(self.jsonlib).loads(blob.decode(), **given)
        return value


class CompressedSerializer(Serializer[D]):
    """Another serializer, whose bytes are compressed.

    Args:
        serializer: the other one, or its type.
        compressionlib: the module whose `compress` and `decompress` are used.
    """

    type: Any = "compressed"
    serializer: Any = "pickle"
    compressionlib: str = "lzma"

    @field_validator("serializer", mode="before")
    @classmethod
    def validate_serializer(cls, value: Any) -> Serializer[Any]:
        """Find the other serializer by its type or its settings."""
        return serializer_from(value) if isinstance(value, Mapping) else resolve_serializer(value)

    @field_validator("compressionlib")
    @classmethod
    def check_compressionlib(cls, value: str) -> str:
        """Refuse a module that is not there, or does not compress."""
        return _module_with(value, "compress", "decompress")

    def model_post_init(self, context: Any) -> None:
        """Find the other serializer where it was left to the default."""
        if isinstance(self.serializer, str):
            self.serializer = resolve_serializer(self.serializer)

    def dumps(self, obj: D) -> bytes:
        """Return the compressed bytes of the other serializer."""
        blob: bytes = import_module(self.compressionlib).compress(self.serializer.plain(obj))
        return blob

    def loads(self, blob: bytes) -> D:
        """Decompress, and hand it to the other serializer."""
        value: D = self.serializer.loads(import_module(self.compressionlib).decompress(blob))
        return value

    def described(self) -> dict[str, Any]:
        """Return the settings, with those of the other serializer."""
        return {
            "type": self.type,
            "serializer": self.serializer.described(),
            "compressionlib": self.compressionlib,
        }


class CompressedPickleSerializer(CompressedSerializer[D]):
    """Compressed pickles."""

    type: Literal["compressed/pickle"] = "compressed/pickle"
    serializer: Any = "pickle"


class CompressedJSONSerializer(CompressedSerializer[D]):
    """Compressed JSON."""

    type: Literal["compressed/json"] = "compressed/json"
    serializer: Any = "json"


def resolve_serializer(serializer: Serializer[Any] | str) -> Serializer[Any]:
    """Return a serializer by instance or by type (``"pickle"``, ``"json"``, ``"compressed/json"``).

    Raises:
        ConfigurationError: there is none of that type.
    """
    if isinstance(serializer, Serializer):
        return serializer
    return serializer_from({"type": serializer})


def serializer_from(settings: Mapping[str, Any]) -> Serializer[Any]:
    """Return the serializer of some settings.

    Args:
        settings: its `type`, and what else there is.

    Raises:
        ConfigurationError: there is none of that type, or it has no such settings.
    """
    name = settings.get("type")
    found = _BY_TYPE.get(name) if isinstance(name, str) else None
    if found is None:
        raise ConfigurationError(
            f"No serializer is called {name!r}; there are {', '.join(_BY_TYPE)}. Import the module that defines it."
        )
    try:
        return found(**settings)
    except ValidationError as error:
        raise ConfigurationError(
            f"Serializer {name!r} cannot be made of {dict(settings)}: {error}"
        ) from error


def _module_with(name: str, *functions: str) -> str:
    try:
        module = import_module(name)
    except ImportError as error:
        raise ValueError(f"Failed to import {name!r}: {error}.") from error
    missing = [function for function in functions if not callable(getattr(module, function, None))]
    if missing:
        raise ValueError(f"Module {name!r} has no function {' and no function '.join(missing)}.")
    return name


def _function(path: str, ours: Any) -> Any:
    """Return the function of a dotted path; ours by its documented path without looking it up."""
    if path.startswith(
        ("penstock.serializers.prefect_json_object_", "prefect.serializers.prefect_json_object_")
    ):
        return ours
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def _version(library: ModuleType) -> str | None:
    found = getattr(library, "__version__", None)
    return found if isinstance(found, str) else None
