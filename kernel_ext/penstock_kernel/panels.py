"""From what the engine tells to what the panel shows: one panel for each top-level flow run."""

from __future__ import annotations

import sys
import threading
from typing import Any
from uuid import UUID

from penstock._engine.cancellation import current_token
from penstock._engine.contexts import FlowRunContext
from penstock._engine.observers import Observer
from penstock._engine.open_pause import OpenPause
from penstock._values.runs import FlowRun, TaskRun
from penstock._values.states import State, StateType
from penstock_kernel._cells.recorder import OUTPUT, recorder
from penstock_kernel.cell_output import CellOutput, KernelRecorder
from penstock_kernel.session import NotebookSession
from penstock_kernel.task_rows import TaskRows

_LEVELS = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}


class RunView:
    """One top-level run on display."""

    def __init__(self, panel: Any, flow_run: FlowRun, output: CellOutput) -> None:
        self.panel = panel
        self.flow_run = flow_run
        self.rows = TaskRows()
        self.output = output
        self.pauses: dict[str, OpenPause] = {}
        self.artifacts = 0


class PanelObserver(Observer):
    """Shows runs of this kernel as they happen."""

    def __init__(self, shell: Any, session: NotebookSession) -> None:
        self._shell = shell
        self._session = session
        self._lock = threading.RLock()
        self._views: dict[UUID, RunView] = {}

    @property
    def is_idle(self) -> bool:
        """True when no flow runs in this kernel."""
        with self._lock:
            return not self._views

    def close(self) -> None:
        """Finish every panel; what is on display becomes static."""
        from penstock_widgets.feed import feed

        with self._lock:
            views = {id(view): view for view in self._views.values()}
            self._views.clear()
        for view in views.values():
            feed.finish(view.panel)
        if "penstock_widgets.panel" in sys.modules:
            from penstock_widgets.panel import retire_panels

            retire_panels()

    def flow_run_state(self, flow_run: FlowRun, state: State) -> None:
        """Open a panel for a new top-level run; show the state; let the panel rest when the run has ended."""
        if self._is_session(flow_run):
            return
        view = self._views.get(flow_run.id)
        if view is None:
            view = self._open(flow_run)
        if view.flow_run.id != flow_run.id:
            return
        self._update(view, {"run": run_entry(flow_run, state)})
        if state.is_final():
            self._finish(view)

    def task_run_state(self, task_run: TaskRun, state: State) -> None:
        """Count the run in the row of its task."""
        view = self._view(task_run.flow_run_id)
        if view is not None:
            with self._lock:
                patch = view.rows.enter(task_run, state)
            self._update(view, {"tasks": patch})

    def place_of(self, task_run: TaskRun) -> CellOutput | None:
        """Return where the output of a task run inside a flow run is shown."""
        view = self._view(task_run.flow_run_id)
        return view.output if view is not None else None

    def artifact(self, body: dict[str, Any]) -> None:
        """Show an artifact, or its new content."""
        view = self._view(_uuid(body.get("flow_run_id")))
        if view is None or body["type"] == OUTPUT:  # what a task has printed is no part of the panel
            return
        entry = {name: body[name] for name in ("key", "type", "description", "data")}
        entry["id"] = str(body["id"])
        with self._lock:
            if entry["id"] not in view.panel.current["artifacts"]:
                view.artifacts += 1
                entry["order"] = view.artifacts
        self._update(view, {"artifacts": {entry["id"]: entry}})

    def log(self, body: dict[str, Any], at: int) -> None:
        """Add a line to the run's log."""
        view = self._view(_uuid(body.get("flow_run_id")))
        if view is not None:
            line = {
                "at": at,
                "level": _LEVELS.get(body["level"], str(body["level"])),
                "text": body["message"],
                "task": body.get("task_name"),
            }
            self._update(view, {"logs": {"append": [line]}})

    def pause_opened(self, pause: OpenPause) -> None:
        """Show the form of a pause, or what is wrong with the last answer."""
        view = self._view(pause.flow_run.id)
        if view is None:
            return
        first = pause.id not in view.pauses
        view.pauses[pause.id] = pause
        entry: dict[str, Any] = {"errors": pause.errors, "state": "waiting"}
        if first:
            question = pause.question
            entry |= {
                "id": pause.id,
                "key": pause.key,
                "title": question.title if question else "Resume?",
                "description": question.description if question else "The run waits to be resumed.",
                "schema": question.schema if question else {"type": "object", "properties": {}},
                "values": {},
                "answered_via": None,
            }
        self._update(view, {"pauses": {pause.id: entry}})

    def pause_closed(self, pause: OpenPause) -> None:
        """Disable the form and say how the pause ended."""
        view = self._view(pause.flow_run.id)
        if view is None:
            return
        view.pauses.pop(pause.id, None)
        entry: dict[str, Any] = {"state": "closed", "errors": {}}
        if pause.values is not None:
            entry |= {"state": "answered", "values": pause.values, "answered_via": pause.answered_via}
        self._update(view, {"pauses": {pause.id: entry}})

    def _open(self, flow_run: FlowRun) -> RunView:
        parent = FlowRunContext.get()
        if flow_run.parent_task_run_id is not None and parent is not None:
            view = self._view(parent.flow_run.id)
            if view is not None:  # a child run is part of its parent's panel
                self._views[flow_run.id] = view
                return view
        from penstock_widgets.feed import feed
        from penstock_widgets.panel import RunPanel

        panel = RunPanel({"run": run_entry(flow_run, flow_run.state)})
        mine = recorder.get()
        place = mine.place if isinstance(mine, KernelRecorder) else None
        view = RunView(panel, flow_run, place or CellOutput(self._shell))
        token = current_token.get()
        panel.on_answer(lambda pause_id, values: self._answer(view, pause_id, values))
        if token is not None:
            panel.on_cancel(lambda: token.set("cancelled"))
        with self._lock:
            self._views[flow_run.id] = view
        panel.show(None if place is None else place.put)
        feed.start(panel)
        return view

    def _answer(self, view: RunView, pause_id: str, values: dict[str, Any]) -> None:
        pause = view.pauses.get(pause_id)
        if pause is not None:
            pause.answer(values, "form")

    def _finish(self, view: RunView) -> None:
        from penstock_widgets.feed import feed

        with self._lock:
            self._views = {run: other for run, other in self._views.items() if other is not view}
        feed.finish(view.panel)
        view.panel.seal()

    def _update(self, view: RunView, patch: dict[str, Any]) -> None:
        from penstock_widgets.feed import feed

        feed.update(view.panel, patch)

    def _view(self, flow_run_id: UUID | None) -> RunView | None:
        return self._views.get(flow_run_id) if flow_run_id is not None else None

    def _is_session(self, flow_run: FlowRun) -> bool:
        return flow_run.flow_name.startswith("notebook: ")


def run_entry(flow_run: FlowRun, state: State | None) -> dict[str, Any]:
    """Return the head of a panel."""
    shown = state or State(StateType.PENDING)
    return {
        "id": str(flow_run.id),
        "name": flow_run.name,
        "flow_name": flow_run.flow_name,
        "state_type": shown.type.value,
        "state_name": shown.name,
        "message": shown.message or "",
        "runner": flow_run.runner or "",
        "started": flow_run.start_time.isoformat() if flow_run.start_time else None,
        "ended": flow_run.end_time.isoformat() if flow_run.end_time else None,
    }


def _uuid(value: Any) -> UUID | None:
    return value if isinstance(value, UUID) or value is None else UUID(str(value))
