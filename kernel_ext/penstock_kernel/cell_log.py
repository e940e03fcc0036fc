"""The cells that have run in this kernel, with the texts they had."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from penstock_kernel.cell_order import in_order


class CellLog:
    """Told by IPython before and after each cell.

    Front ends that do not say which cell it is (nbclient, consoles) make every text a cell of its own.
    """

    def __init__(self) -> None:
        #: Cell and text of each run that succeeded; only the newest of several in a row.
        self._runs: list[tuple[str, str]] = []
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
            self._keep(self._text)

    @contextmanager
    def as_cell(self, key: str) -> Iterator[None]:
        """Let what is run in the block count as a run of another cell, with the text it has."""
        before, self.key = self.key, key
        try:
            yield
            if text := next((text for cell, text in reversed(self._runs) if cell == key), ""):
                self._keep(text)
        finally:
            self.key = before

    def texts(self) -> tuple[str, ...]:
        """Return the texts in the order in which a script has to run them."""
        return in_order(self._runs)

    def _keep(self, text: str) -> None:
        if self._runs and self._runs[-1][0] == self.key:
            self._runs.pop()
        self._runs.append((self.key, text))
