"""Magics that look at runs and steer them: ``%runs``, ``%run_panel``, ``%graph``, ``%logs``, ``%artifacts`` and more."""

from __future__ import annotations

import json
from collections.abc import Iterable
from inspect import iscoroutine
from typing import Any
from uuid import UUID

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.display import display

from penstock._engine.loop_thread import run_coro_as_sync
from penstock._link.client import store
from penstock._query import query
from penstock.exceptions import PenstockException
from penstock.flow_engine import retry_flow_run
from penstock.flow_runs import resume_flow_run
from penstock.flows import Flow
from penstock_kernel._cells.recorder import OUTPUT, Event
from penstock_kernel.background import Background
from penstock_kernel.cell_output import CellOutput
from penstock_kernel.graph import Graph
from penstock_kernel.notices import info
from penstock_kernel.records import Found, literal, rows, run_meant
from penstock_kernel.session import NotebookSession
from penstock_kernel.stopping import cancel
from penstock_kernel.stored_panel import output_of, outputs_in, snapshot_of

_RUNS = """
select flow_name, name, state_name as state, start_time, round(duration, 2) as seconds, runner, id
from runs order by created desc limit {limit}
"""
_LOGS = """
select strftime("timestamp", '%H:%M:%S.%g') as at, level, message from logs where {where} order by at_us, seq
"""
_LEVELS = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}


@magics_class
class RecordMagics(Magics):  # type: ignore[misc]  # IPython is untyped to mypy here
    """Magics over the records of one workspace."""

    def __init__(self, shell: Any, session: NotebookSession, background: Background) -> None:
        super().__init__(shell)
        self._shell = shell
        self._session = session
        self._background = background

    @line_magic  # type: ignore[untyped-decorator]  # IPython is untyped to mypy here
    def runs(self, line: str) -> Any:
        """List the newest flow runs of this workspace: ``%runs [HOW_MANY]``."""
        try:
            limit = int(line) if line.strip() else 10
        except ValueError as error:
            raise UsageError(f"%runs: {line!r} is not a number") from error
        return query(_RUNS.format(limit=limit))

    @line_magic  # type: ignore[untyped-decorator]  # IPython is untyped to mypy here
    def run_panel(self, line: str) -> None:
        """Show a run again from the records: ``%run_panel [RUN]``.

        RUN is the name of a flow, a task or a run, or the beginning of an id; without one the newest flow run. Works
        after a reload, after a restart of the kernel, and in other notebooks. Of a task it shows what it has printed
        and displayed; of a flow the panel, and below it what its tasks have.
        """
        found = run_meant("run_panel", line)
        if found.kind == "task":
            self._show_output(found)
            return
        from penstock_widgets.panel import RunPanel

        panel = RunPanel(snapshot_of(found.id))
        panel.finished = True
        panel.show()
        self._put(outputs_in(found.id))

    @line_magic  # type: ignore[untyped-decorator]  # IPython is untyped to mypy here
    def graph(self, line: str) -> None:
        """Draw what flowed where: ``%graph [RUN]``; without one, the task cells of this notebook."""
        run_id = run_meant("graph", line, "flow").id if line.strip() else str(self._session.flow_run_id or "")
        if not run_id:
            raise UsageError("%graph: no task cell has run yet; name a run")
        display(Graph.of_run(run_id))

    @line_magic  # type: ignore[untyped-decorator]  # IPython is untyped to mypy here
    def logs(self, line: str) -> None:
        """Print the logs of a run: ``%logs [RUN]``."""
        found = run_meant("logs", line)
        column = "flow_run_id" if found.kind == "flow" else "task_run_id"
        for row in rows(_LOGS.format(where=f"{column} = {literal(found.id)}")):
            level = _LEVELS.get(row["level"], row["level"])
            print(f"{row['at']} | {level:<7} | {row['message']}")  # noqa: T201  # asked for

    @line_magic  # type: ignore[untyped-decorator]  # IPython is untyped to mypy here
    def artifacts(self, line: str) -> Any:
        """List the artifacts of a run: ``%artifacts [RUN]``; without one, the newest of the workspace."""
        where = f"type <> {literal(OUTPUT)}"
        if line.strip():
            found = run_meant("artifacts", line)
            column = "flow_run_id" if found.kind == "flow" else "task_run_id"
            where += f" and {column} = {literal(found.id)}"
        return query(
            f"select key, type, description, data, created, id from artifacts where {where}"
            " order by created desc limit 50"
        )

    @line_magic  # type: ignore[untyped-decorator]  # IPython is untyped to mypy here
    def cancel(self, line: str) -> None:
        """Stop a run: ``%cancel NAME`` for a task cell that runs in the background, ``%cancel RUN`` for a flow run."""
        word = line.strip()
        mine = [run for run in self._background.live if word in (run.name, str(run.future.task_run_id))]
        if mine:
            cancel(mine)
            display(info(word, "is cancelled"))
            return
        found = run_meant("cancel", word, "flow")
        body = {"state": {"type": "CANCELLING"}}
        answer = store().request("POST", f"/api/flow_runs/{found.id}/set_state", body)
        state = answer["state"]
        if state is None or state["type"] not in ("CANCELLING", "CANCELLED"):
            why = (answer.get("details") or {}).get("reason")
            raise UsageError(f"%cancel: flow run {found.name!r} was not cancelled: {why}")
        display(info(found.name, f"is {state['name'].lower()}"))

    @line_magic  # type: ignore[untyped-decorator]  # IPython is untyped to mypy here
    def resume(self, line: str) -> None:
        """Go on with a flow run: ``%resume RUN [JSON]``.

        A paused run goes on with the answer it asks for, as JSON. One that failed or whose process died is run again
        here, under its own id: its flow must be defined in this notebook, and tasks whose results were stored are
        not run again.
        """
        word, _, given = line.strip().partition(" ")
        found = run_meant("resume", word, "flow")
        try:
            if found.state_type in ("FAILED", "CRASHED"):
                self._run_again(found)
                return
            answer = json.loads(given) if given.strip() else None
            resume_flow_run(found.id, answer)
        except (ValueError, PenstockException) as error:
            raise UsageError(f"%resume: {error}") from error
        display(info(found.name, "goes on"))

    def _run_again(self, found: Found) -> None:
        flows = [
            one for one in self._shell.user_ns.values() if isinstance(one, Flow) and one.name == found.of
        ]
        if not flows:
            raise UsageError(
                f"%resume: flow {found.of!r} is not defined here; run its cell, or use "
                f"`penstock flow-run retry {found.id} --entrypoint FILE:FLOW`."
            )
        state: Any = retry_flow_run(flows[-1], UUID(found.id))
        if iscoroutine(state):
            state = run_coro_as_sync(state)
        display(info(found.name, f"ended in state {state.name}"))

    def _show_output(self, found: Found) -> None:
        display(info(found.of, f"{found.state_name.lower()} (run {found.name})"))
        self._put(output_of(found.id))

    def _put(self, events: Iterable[Event]) -> None:
        output = CellOutput(self._shell)
        for event in events:
            if event["kind"] != "outputs":
                output.put(
                    {**event, "display_id": None, "update": False} if event["kind"] == "display" else event
                )
