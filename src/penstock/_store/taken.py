"""Lines of a client, made ready for the writer: their rows, and which of them its memory has to know.

Made on the thread of whoever brings the lines, so that the writer is free for others meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence

from penstock._journal.line import Line, TornLine
from penstock._journal.reader import parse
from penstock._store.requests import Refused
from penstock._store.rows import Rows, add_rows

#: Kinds that the writer keeps no memory of.
_PAPER = frozenset({"hello", "bye", "task_run", "log", "artifact", "cache_key", "event", "variable"})


class Taken:
    """Lines in order, and what follows from them.

    Args:
        client: who wrote them.
        lines: with rising numbers.
    """

    __slots__ = ("client", "lines", "notable", "rows", "states")

    def __init__(self, client: str, lines: Sequence[Line]) -> None:
        self.client = client
        self.lines = lines
        self.rows: Rows = {}
        #: What memory is kept of, without the states of task runs.
        self.notable: list[Line] = []
        #: The same with them: only background runs and slots want them.
        self.states: list[Line] = []
        for line in lines:
            if add_rows(client, line, self.rows) and line.kind not in _PAPER:
                self.states.append(line)
                if line.kind != "state" or line.body["run"] != "task":
                    self.notable.append(line)

    def above(self, mark: int) -> Taken:
        """Return what is new to somebody who has all lines up to `mark`."""
        if not self.lines or self.lines[0].seq > mark:
            return self
        return Taken(self.client, [line for line in self.lines if line.seq > mark])

    def hole(self, mark: int) -> tuple[int, int] | None:
        """Return the number that is missing behind `mark` and the one that came instead, None when all are there."""
        for expected, line in enumerate(self.lines, mark + 1):
            if line.seq != expected:
                return expected, line.seq
        return None


def read_lines(data: bytes, mark: int) -> list[Line]:
    """Read the raw lines of a request.

    Raises:
        Refused: 400, one is damaged; none is taken.
    """
    try:
        return list(parse(data))
    except TornLine as error:
        raise Refused(400, {"hwm": mark, "exception_message": str(error)}) from error
