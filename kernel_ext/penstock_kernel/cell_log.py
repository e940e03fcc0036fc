"""The cells that have run in this kernel, each with its newest text, in the order they were first run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class CellLog:
    """Told by IPython before and after each cell.

    A cell that is run again takes its old place. Front ends that do not say which cell it is (nbclient, consoles)
    make every text a cell of its own.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        #: The cell that runs now.
        self.key = ""
        self._text = ""

    def before(self, info: Any) -> None:
        """Note which cell begins."""
        text = str(getattr(info, "raw_cell", "") or "")
        self._text = text
        self.key = str(getattr(info, "cell_id", None) or hashlib.sha256(text.encode()).hexdigest()[:16])

    def after(self, result: Any) -> None:
        """Keep a cell that has succeeded."""
        told = getattr(result, "info", None)
        kept = told is None or getattr(told, "store_history", True)
        if getattr(result, "success", False) and kept and self._text.strip():
            self._texts[self.key] = self._text

    @contextmanager
    def as_cell(self, key: str) -> Iterator[None]:
        """Let what is run in the block count as a run of another cell."""
        before, self.key = self.key, key
        try:
            yield
        finally:
            self.key = before

    def texts(self) -> tuple[str, ...]:
        """Return the texts in order."""
        return tuple(self._texts.values())
