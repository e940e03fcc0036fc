"""What the store process says: lines on stderr, which is the workspace's log file."""

from __future__ import annotations

import contextlib
import io
import os
import sys


def say(text: str) -> None:
    """Write one line to the log."""
    sys.stderr.write(f"store: {text}\n")
    sys.stderr.flush()


class Log(io.TextIOBase):
    """A stream over a descriptor that drops what the disk has no room for.

    The log lies on the disk that is full when there is most to say; an error while saying it ended the writer.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, text: str, /) -> int:
        """Write at once, as far as it goes."""
        with contextlib.suppress(OSError):
            os.write(self._descriptor, text.encode(errors="backslashreplace"))
        return len(text)
