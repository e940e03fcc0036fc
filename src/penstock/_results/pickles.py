"""Pickles whose big buffers stay where they are (protocol 5), and the plainest codec that makes them."""

from __future__ import annotations

import base64
import pickle
import warnings
from collections.abc import Mapping
from types import ModuleType
from typing import Any, ClassVar

from penstock._results.packed import Packed
from penstock.exceptions import SerializationError

#: Buffers of at least so many bytes are kept out of the pickle; below, one more piece costs more than a copy.
BIG_BUFFER = 1 << 16


def pickled(obj: Any, library: ModuleType, *, whole: bool = False) -> Packed:
    """Return a pickle of `obj`; big buffers are views of the object itself where the library can do that.

    Args:
        obj: the value.
        library: `pickle`, `cloudpickle` or another one with a `dumps`.
        whole: copy big buffers into the pickle all the same.

    Raises:
        SerializationError: something in it cannot be pickled.
    """
    buffers: list[memoryview] = []

    def keep(buffer: pickle.PickleBuffer) -> bool:
        try:
            raw = buffer.raw()
        except BufferError:  # with gaps in it
            return True
        if raw.nbytes < BIG_BUFFER:
            return True
        buffers.append(raw)
        return False

    try:
        if library.__name__ in {"cloudpickle", "pickle"}:
            blob: bytes = library.dumps(obj, protocol=5, buffer_callback=None if whole else keep)
        else:
            blob = library.dumps(obj)
    except Exception as error:
        raise SerializationError(
            f"A result of type {type(obj).__module__}.{type(obj).__qualname__} cannot be pickled: {error}. "
            "Return plain data, or use persist_result=False."
        ) from error
    return Packed(blob, buffers)


def unpickled(packed: Packed, library: Any = pickle) -> Any:
    """Return the object a pickle was made of. Only ever called on what the user's own storage holds."""
    if packed.buffers:
        return library.loads(packed.blob, buffers=packed.buffers)
    return library.loads(packed.blob)


def from_base64(blob: bytes | bytearray) -> bytes | bytearray:
    """Return a pickle that may be wrapped in base64 without it; no pickle of protocol 2 or above looks like that."""
    return blob if blob.startswith(b"\x80") else base64.decodebytes(blob)


def check_version(settings: Mapping[str, Any], present: str | None) -> None:
    """Warn when a pickle is of another version of its library than the present one."""
    written = settings.get("picklelib_version")
    if written and present and written != present:
        warnings.warn(
            f"This result was pickled with {settings.get('picklelib')} {written}, and {present} is installed here: "
            "it may not be readable, or not be the same.",
            RuntimeWarning,
            stacklevel=3,
        )


class PlainPickle:
    """What `PickleSerializer()` stands for, without pydantic: most results need no more."""

    settings: ClassVar[dict[str, Any]] = {"type": "pickle", "picklelib": "cloudpickle"}

    def described(self) -> dict[str, Any]:
        """Return the settings that are stored beside a result."""
        import cloudpickle

        return {**self.settings, "picklelib_version": cloudpickle.__version__}

    def pack(self, obj: Any) -> Packed:
        """Return `obj` pickled."""
        import cloudpickle

        return pickled(obj, cloudpickle)

    def unpack(self, packed: Packed) -> Any:
        """Return the object that was pickled."""
        return unpickled(packed)
