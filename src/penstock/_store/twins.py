"""Telling two processes apart that write under one name: one of them was copied past Python's own fork."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from penstock._journal.line import Line

#: So many lines of a client are known again when they are sent again.
_KNOWN = 2_000


class Twins:
    """Times of the newest lines of each client; a line that comes again under its number must have its time."""

    def __init__(self) -> None:
        self._times: dict[str, deque[int]] = {}

    def add(self, client: str, lines: Sequence[Line]) -> None:
        """Remember lines that were taken, the newest last."""
        self._times.setdefault(client, deque(maxlen=_KNOWN)).extend(line.at for line in lines)

    def stranger(self, client: str, lines: Sequence[Line], mark: int) -> Line | None:
        """Return a line that differs from the one that was taken under its number; `mark` was the newest."""
        times = self._times.get(client, ())
        for line in lines:
            back = mark - line.seq
            if 0 <= back < len(times) and times[-1 - back] != line.at:
                return line
        return None
