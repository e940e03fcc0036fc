"""Serialized values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32


@dataclass(frozen=True, slots=True)
class Packed:
    """A serialized value: its bytes, and the buffers that go with them."""

    blob: bytes | bytearray
    buffers: Sequence[Any] = ()

    @property
    def length(self) -> int:
        """How many bytes it takes."""
        return len(self.blob) + sum(self.sizes)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many of them belong to which buffer."""
        return tuple(buffer.nbytes for buffer in self.buffers)

    def checksum(self) -> int:
        """Return the CRC-32 of all of it."""
        found = crc32(self.blob)
        for buffer in self.buffers:
            found = crc32(buffer, found)
        return found
