"""Keeps the lineage of a notebook up to date as its task cells run, and marks the cells that have become stale."""

from __future__ import annotations

from typing import Any

from penstock_kernel._cells import CompiledCell
from penstock_kernel.cell_log import CellLog
from penstock_kernel.cell_run import CellRun
from penstock_kernel.lineage import CellRecord, Lineage
from penstock_kernel.notices import stale_notice


class Tracking:
    """Between the magics, which start runs, and the lineage, which knows what they mean for others."""

    def __init__(self, shell: Any, cells: CellLog) -> None:
        self._cells = cells
        self.lineage = Lineage(shell.user_ns)

    def begin(self, name: str, line: str, body: str, compiled: CompiledCell) -> CellRecord:
        """Return the record of a run that is about to begin; a cell without a name is known by its place."""
        versions = {one: self.lineage.version_of(one) for one in compiled.bound.values}
        function = compiled.function
        return CellRecord(
            key=name or self._cells.key,
            name=function.name,
            line=line,
            body=body,
            source_key=function.source_key,
            inputs=versions,
            outputs=dict.fromkeys(function.outputs, 0),
            cell=self._cells.key,
        )

    def started(self, record: CellRecord, run: CellRun) -> None:
        """Take in that a run has begun in the background."""
        record.run, record.output = run, run.output
        self.lineage.note(record)
        if run.published:  # it was quick
            self.published(run)

    def published(self, run: CellRun) -> None:
        """Take in that a run in the background has ended."""
        for record in self.lineage.records.values():
            if record.run is run:
                self.lineage.ended(record, run.state.name)
        self._mark()

    def ended(self, record: CellRecord, state: str) -> None:
        """Take in a run that its cell has waited for."""
        self.lineage.note(record)
        self.lineage.ended(record, state)
        self._mark()

    def _mark(self) -> None:
        """Say under the cells that have become stale that they are."""
        for key, why in self.lineage.reasons(lambda record: record.source_key).items():
            record = self.lineage.records[key]
            if (
                why
                and record.output is not None
                and not record.marked
                and record.state in ("Completed", "Cached")
            ):
                record.marked = True
                record.output.say(stale_notice(record.name, why))
