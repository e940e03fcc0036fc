"""Reading journals: of this process for shipping, of dead processes for sweeping."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from penstock._journal.line import Line, TornLine, decode


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines read from a journal, and the offset behind them."""

    data: bytes
    end: int


def read_chunk(fd: int, offset: int, limit: int = 1 << 20) -> Chunk:
    """Read whole lines from `offset`; a line that is still being written is left for the next call."""
    data = os.pread(fd, limit, offset)
    cut = data.rfind(b"\n") + 1
    while cut == 0 and len(data) == limit:
        limit *= 4
        data = os.pread(fd, limit, offset)
        cut = data.rfind(b"\n") + 1
    return Chunk(data[:cut], offset + cut)


def parse(data: bytes) -> Iterator[Line]:
    """Yield the lines of a chunk.

    Raises:
        TornLine: a line is damaged; lines before it have been yielded.
    """
    for raw in data.split(b"\n"):
        if raw:
            yield decode(raw)


def read_all(path: Path) -> Iterator[Line]:
    """Yield every whole line of a journal, stopping silently at a torn tail."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        offset = 0
        while True:
            chunk = read_chunk(fd, offset)
            if not chunk.data:
                return
            offset = chunk.end
            try:
                yield from parse(chunk.data)
            except TornLine:
                return
    finally:
        os.close(fd)


def last_seq(path: Path) -> int:
    """Return the sequence number of the last whole line, -1 when there is none. Reads the end of the file only."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        span = 1 << 16
        while True:
            file.seek(max(0, size - span))
            for raw in reversed(file.read().split(b"\n")):
                try:
                    return decode(raw).seq
                except TornLine:
                    continue
            if span >= size:
                return -1
            span *= 8
