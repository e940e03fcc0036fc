"""Records: a value and what is known of it. Reference page: api-ref prefect-results.

A record is one line of JSON, the head, and the serialized value behind it. The head holds the length and the
checksum of the value, so that a record of which a part is missing is never taken for a whole one, wherever it lies.
Big buffers of a value (arrays, columns of frames) follow its pickle as they are, and are never copied on the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import UUID

from penstock._results.packed import Packed
from penstock._values.states import utc_now
from penstock.exceptions import SerializationError

if TYPE_CHECKING:
    from penstock._results.serializers import Serializer

#: Of this layout.
VERSION = 2
#: The longest head, in bytes: a file of somebody else's may be one endless line.
_LONGEST_HEAD = 1 << 24
#: As much as most heads are shorter than, in bytes.
_HEAD = 1 << 13
#: How much is read at once, in bytes; some file systems copy what they hand out.
_CHUNK = 1 << 24


@dataclass(frozen=True, slots=True)
class ResultRecordMetadata:
    """What is known of a result without reading it."""

    storage_key: str
    #: The type of the serializer and its settings, so that any reader can load the value.
    settings: dict[str, Any]
    expiration: datetime | None = None
    version: int = VERSION
    storage_block_id: UUID | None = None
    #: Content hash of the value, so that what consumes it need not hash it again.
    digest: str | None = None
    #: Bytes of the serialized value, their CRC-32, and how many of them belong to which buffer.
    length: int = 0
    checksum: int = 0
    buffers: tuple[int, ...] = ()

    @property
    def expired(self) -> bool:
        """True when it must not be used any more."""
        return self.expiration is not None and self.expiration <= utc_now()

    @property
    def serializer(self) -> Serializer[Any]:
        """What wrote the value and can read it.

        Raises:
            ConfigurationError: nothing of this type is known here.
        """
        from penstock._results.serializers import serializer_from

        return serializer_from(self.settings)

    def head(self) -> bytes:
        """Return the line the record starts with."""
        import orjson

        fields = {
            "storage_key": self.storage_key,
            "serializer": self.settings,
            "expiration": self.expiration.isoformat() if self.expiration else None,
            "version": self.version,
            "storage_block_id": self.storage_block_id,
            "digest": self.digest,
            "length": self.length,
            "checksum": self.checksum,
            "buffers": self.buffers,
        }
        return orjson.dumps(fields) + b"\n"

    @classmethod
    def from_head(cls, line: bytes) -> ResultRecordMetadata:
        """Read the line a record starts with.

        Raises:
            SerializationError: it is none.
        """
        import orjson

        try:
            data = orjson.loads(line)
            when, block = data["expiration"], data["storage_block_id"]
            return cls(
                data["storage_key"],
                data["serializer"],
                datetime.fromisoformat(when) if when else None,
                data["version"],
                UUID(block) if block else None,
                data["digest"],
                data["length"],
                data["checksum"],
                tuple(data["buffers"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise SerializationError(f"it does not start like a record: {error!r}") from error


@dataclass(frozen=True, slots=True)
class ResultRecord:
    """A result and its metadata."""

    result: Any
    metadata: ResultRecordMetadata

    @property
    def expiration(self) -> datetime | None:
        """Until when it may be used; None is for ever."""
        return self.metadata.expiration

    @property
    def serializer(self) -> Serializer[Any]:
        """What makes bytes of the result."""
        return self.metadata.serializer


def read_head(file: BinaryIO) -> tuple[ResultRecordMetadata, int]:
    """Return what a record says of itself, and how many bytes follow.

    Raises:
        SerializationError: it is no record.
    """
    total = file.seek(0, 2)
    file.seek(0)
    start = file.read(_HEAD)
    while b"\n" not in start and _HEAD <= len(start) < _LONGEST_HEAD:
        more = file.read(len(start))
        if not more:
            break
        start += more
    size = start.find(b"\n") + 1
    file.seek(size)
    return ResultRecordMetadata.from_head(start[:size]), total - size


def read_packed(file: BinaryIO, about: ResultRecordMetadata) -> Packed:
    """Read a serialized value whole.

    Raises:
        SerializationError: a part of it is missing, or it is not what was written.
    """
    try:
        blob = _read(file, about.length - sum(about.buffers))
        packed = Packed(blob, [memoryview(_read(file, size)) for size in about.buffers])
    except EOFError as error:
        raise SerializationError(f"{error} of {about.length} bytes") from error
    if packed.checksum() != about.checksum:
        raise SerializationError("its checksum is wrong: it was damaged after it was written")
    return packed


def _read(file: BinaryIO, size: int) -> bytearray:
    room = bytearray(size)
    view, done = memoryview(room), 0
    while done < size:
        count = file.readinto(view[done : done + _CHUNK])  # type: ignore[attr-defined]  # every binary file has it
        if not count:
            raise EOFError(f"it ends after {done}")
        done += count
    return room
