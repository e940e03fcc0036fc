"""Magics about what is to be done: ``%plan``, ``%run_stale``, ``%replay``, ``%export``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.display import display

from penstock._engine.cache_keys import foresee
from penstock.exceptions import PenstockException
from penstock_kernel._cells import CellError
from penstock_kernel._cells.task_line import parse_task_line
from penstock_kernel.cell_log import CellLog
from penstock_kernel.cell_tasks import compile_task, make_task
from penstock_kernel.export import ExportError, script
from penstock_kernel.lineage import CellRecord, Lineage
from penstock_kernel.notices import info
from penstock_kernel.options import Penstock
from penstock_kernel.pending import run_behind
from penstock_kernel.plan import Plan, PlanRow
from penstock_kernel.records import literal, rows, run_meant
from penstock_kernel.replay import replay_text

_SECONDS = """
select task_name, median(duration) as seconds from task_runs where state_name = 'Completed' and task_name in ({names})
group by task_name
"""


@magics_class
class PlanMagics(Magics):  # type: ignore[misc]  # IPython is untyped to mypy here
    """Magics over the task cells of one notebook."""

    def __init__(self, shell: Any, lineage: Lineage, cells: CellLog, options: Penstock) -> None:
        super().__init__(shell)
        self._options = options
        self._shell = shell
        self._lineage = lineage
        self._cells = cells

    @line_magic  # type: ignore[untyped-decorator]  # IPython is untyped to mypy here
    def plan(self, line: str) -> Plan:
        """Say which task cells are stale and why, what the cache would find, and about how long they take; nothing runs.

        ``%plan NAME`` says it of one cell.
        """
        word = line.strip()
        reasons = self._reasons()
        names = ", ".join(literal(record.name) for record in self._lineage.records.values()) or "''"
        seconds = {row["task_name"]: row["seconds"] for row in rows(_SECONDS.format(names=names))}
        return Plan(
            tuple(
                PlanRow(
                    record.name,
                    record.state or "Running",
                    why,
                    self._cache(record, reasons),
                    seconds.get(record.name),
                )
                for (key, why) in reasons.items()
                if (record := self._lineage.records[key]) and word in ("", record.name)
            )
        )

    def _cache(self, record: CellRecord, reasons: Mapping[str, tuple[str, ...]]) -> str:
        """Say what the cache would find if the cell ran now."""
        options = parse_task_line(record.line, self._options.defaults())
        try:
            compiled = compile_task(options, record.name, record.body, "", self._shell.user_ns)
        except (CellError, SyntaxError) as error:
            return f"cannot be asked: {error}"
        for name, value in compiled.bound.values.items():
            run, giver = run_behind(value), self._lineage.version_of(name).by
            if run is not None:
                return f"cannot be asked: {name} {run.phrase()}"
            if giver is not None and giver != record.key and reasons.get(giver):
                return f"cannot be asked before {self._lineage.records[giver].name} has run"
        outcome, why = foresee(make_task(options, compiled.function), compiled.bound.values)
        return {"hit": "has it", "off": "is not used"}.get(outcome, f"has nothing: {why}")

    @line_magic  # type: ignore[untyped-decorator]  # IPython is untyped to mypy here
    def run_stale(self, line: str) -> None:
        """Run the stale task cells again, in their order; what depends on them gets their new values."""
        del line
        again = [self._lineage.records[key] for key, why in self._reasons().items() if why]
        display(
            info("%run_stale", f"runs {', '.join(r.name for r in again)}" if again else "has nothing to run")
        )
        for record in again:
            with self._cells.as_cell(record.cell):
                self._shell.run_cell_magic("task", record.line, record.body)

    @line_magic  # type: ignore[untyped-decorator]  # IPython is untyped to mypy here
    def replay(self, line: str) -> None:
        """Put a failed task into a fresh cell with the inputs it had: ``%replay RUN``.

        RUN is a run's name or id, or the name of a task, whose newest failed run is meant. The fresh cell is plain
        code, so `%debug` and prints help; of a plain task it holds the function and its call.
        """
        found = run_meant("replay", line, "task", failed=True)
        try:
            text = replay_text(found)
        except PenstockException as error:
            raise UsageError(f"%replay: {error}") from error
        self._shell.set_next_input(text)

    @line_magic  # type: ignore[untyped-decorator]  # IPython is untyped to mypy here
    def export(self, line: str) -> None:
        """Write the notebook as a script with the same tasks: ``%export flow.py``."""
        target = Path(line.strip())
        if target.suffix != ".py":
            raise UsageError("%export: name a Python file, such as flow.py")
        try:
            text = script(self._cells.texts(), target.stem)
        except ExportError as error:
            raise UsageError(f"%export: {error}") from error
        target.write_text(text)
        display(info(str(target), "holds this notebook as a flow; run it with python"))

    def _reasons(self) -> dict[str, tuple[str, ...]]:
        return self._lineage.reasons(self._source_key)

    def _source_key(self, record: CellRecord) -> str:
        options = parse_task_line(record.line)
        try:
            compiled = compile_task(options, record.name, record.body, "", self._shell.user_ns)
        except (CellError, SyntaxError):
            return ""
        return compiled.function.source_key
