"""Where what workers print and display is shown: under the cell that their runs were started from."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from penstock._engine.observers import Observer
from penstock._values.runs import TaskRun
from penstock._values.states import State, StateType
from penstock_kernel._cells.recorder import OUTPUT
from penstock_kernel.background import Background
from penstock_kernel.cell_output import CellOutput
from penstock_kernel.panels import PanelObserver


class WorkerOutputs(Observer):
    """Hears what workers tell of the output of runs.

    Args:
        shell: of the kernel.
        background: whose task cells know their places.
        panels: which know the place of everything inside a flow run.
    """

    def __init__(self, shell: Any, background: Background, panels: PanelObserver) -> None:
        self._shell = shell
        self._background = background
        self._panels = panels
        #: The places of other runs, by id: of tasks that a plain cell hands to a runner of its own.
        self._places: dict[UUID, CellOutput] = {}

    def task_run_state(self, task_run: TaskRun, state: State) -> None:
        """Note where a run is started that works elsewhere; told in the thread that starts it."""
        if state.is_final():
            self._places.pop(task_run.id, None)
        elif state.type is StateType.PENDING and task_run.runner not in (None, "threads"):
            self._places[task_run.id] = self._panels.place_of(task_run) or CellOutput(self._shell)

    def artifact(self, body: dict[str, Any]) -> None:
        """Show the output of a run."""
        if body["type"] != OUTPUT or self._background.take_output(body):
            return
        place = self._places.get(body["task_run_id"])
        if place is not None:
            for event in body["data"]:
                if event["kind"] not in ("error", "outputs"):
                    place.put(event)

    def log(self, body: dict[str, Any], at: int) -> None:
        """Hand on what is said about the cache."""
        self._background.log(body)
