"""The task runs of one flow run, counted by task."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from penstock._values.runs import TaskRun
from penstock._values.states import State


class TaskRows:
    """Counts of states by task name, kept up to date run by run."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Any]] = {}
        self._last: dict[UUID, str] = {}
        self._names: dict[str, str] = {}

    def enter(self, run: TaskRun, state: State) -> dict[str, Any]:
        """Count a state of a run; return the changed row, ready to be a patch."""
        row = self._rows.get(run.task_name)
        if row is None:
            row = self._rows[run.task_name] = {
                "name": run.task_name,
                "total": 0,
                "counts": {},
                "cached": 0,
                "retries": 0,
                "order": len(self._rows),
                "upstream": [],
                "seconds": 0.0,
            }
        before = self._last.get(run.id)
        if before is None:
            row["total"] += 1
            self._names[str(run.id)] = run.task_name
            self._link(row, run)
        else:
            row["counts"][before] -= 1
        kind = state.type.value
        row["counts"][kind] = row["counts"].get(kind, 0) + 1
        self._last[run.id] = kind
        if state.name == "Cached":
            row["cached"] += 1
        elif state.name in ("Retrying", "AwaitingRetry") and before != "SCHEDULED":
            row["retries"] += 1
        if state.is_final() and run.start_time is not None and run.end_time is not None:
            row["seconds"] += (run.end_time - run.start_time).total_seconds()
        return {run.task_name: {**row, "counts": dict(row["counts"]), "upstream": list(row["upstream"])}}

    def _link(self, row: dict[str, Any], run: TaskRun) -> None:
        for edges in run.task_inputs.values():
            for edge in edges:
                name = self._names.get(edge["id"])
                if name is not None and name != run.task_name and name not in row["upstream"]:
                    row["upstream"].append(name)
