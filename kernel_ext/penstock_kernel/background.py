"""Task cells that run while the notebook goes on: starting, waiting, binding what they give, stopping.

Names are bound in the kernel's main thread only: before a cell begins, while a cell waits, or between cells. So no
name changes under a cell that does not wait for it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

from penstock._engine.remote_values import RemoteValue
from penstock._values.states import State
from penstock.exceptions import MissingResult
from penstock.tasks import Task
from penstock_kernel._cells import CompiledCell, rehome, show
from penstock_kernel._cells.recorder import Event, Recorder, error_event, recorder
from penstock_kernel.cell_output import CellOutput, KernelRecorder
from penstock_kernel.cell_run import CellRun, ValueLostError, submit_cell
from penstock_kernel.flow_cells import FlowCellRun
from penstock_kernel.notices import info, task_notice
from penstock_kernel.pending import Needs, PendingValue, given, needs_of, run_behind
from penstock_kernel.replay import keep
from penstock_kernel.session import NotebookSession
from penstock_kernel.stopping import cancel, stop, stop_awaiting, with_upstream
from penstock_kernel.tracebacks import prune

#: A waiting cell looks at the Stop button this often: the kernel's signal handler does not wake its loop.
_TICK = 0.1


class Background:
    """The task cells of one notebook that have been started and have not ended."""

    def __init__(self, shell: Any, session: NotebookSession) -> None:
        self._shell = shell
        self._namespace: dict[str, Any] = shell.user_ns
        self._session = session
        self._lock = threading.Lock()
        self._live: list[CellRun] = []
        self._ready: list[CellRun] = []
        self._unseen: list[CellOutput] = []
        self._shell_has_kernel = getattr(shell, "kernel", None) is not None
        #: Name -> identity of the object bound to it, and the task run that gave it.
        self._origins: dict[str, tuple[int, str]] = {}
        #: Called with each run when it has ended and its outputs are bound, in the main thread.
        self.on_published: list[Callable[[CellRun], None]] = []

    @property
    def live(self) -> tuple[CellRun, ...]:
        """Runs that have not ended."""
        with self._lock:
            return tuple(self._live)

    def start(
        self, compiled: CompiledCell, task: Task[Any, Any], runner_word: str | None, *, waits: bool = False
    ) -> CellRun:
        """Start a task cell; its outputs are pending from here on.

        Args:
            compiled: the cell.
            task: made of it.
            runner_word: where it runs; None for the session's runner.
            waits: the caller waits for it and raises its error, so that needs not be shown.
        """
        runner, token = self._session.runner_for(runner_word), self._session.token()
        output = CellOutput(self._shell)
        compiled.function.remember_source()
        values = given(compiled.bound.values)
        output.say(info(task.name, f"runs on {runner.type}"))
        context = self._session.cell_context(runner, token)
        future = submit_cell(
            task, values, context, KernelRecorder(self._shell, output), self._edges(compiled)
        )
        run = CellRun(compiled, future, token, runner, output)
        run.quiet = waits
        self._take(run)
        return run

    def start_flow(self, run: FlowCellRun, *, waits: bool = False) -> None:
        """Start a flow cell in a thread of its own; its outputs are pending from here on.

        Args:
            run: of the cell, made in it.
            waits: the caller waits for it and raises its error, so that needs not be shown.
        """
        run.quiet = waits
        run.function.remember_source()
        self._take(run)

        def work() -> None:
            recorder.set(KernelRecorder(self._shell, run.output))
            show.set(None)
            run.work()

        context = copy_context()
        threading.Thread(target=context.run, args=(work,), name="penstock-flow-cell", daemon=True).start()
        if (
            self._shell_has_kernel
        ):  # nbclient takes only what comes before the cell's end, so the panel has to be there
            while not (run.output.begun.wait(_TICK) or run.ended.is_set()):
                pass

    def _take(self, run: CellRun) -> None:
        """Take in a run that begins."""
        with self._lock:
            self._live.append(run)
        for name in run.function.outputs:
            if name in run.unplaced:
                continue
            if name in self._namespace:
                if name not in run.certain:
                    run.before[name] = self._namespace[name]
                if run.quiet:
                    run.replaced[name] = self._namespace[name]
            self._namespace[name] = PendingValue(name, run)
        run.future.add_done_callback(lambda _: self._end(run))

    def wait_for(self, run: CellRun) -> None:
        """Wait, in the cell that has started it, until a run has ended and its outputs are bound.

        Raises:
            KeyboardInterrupt: Stop was pressed; the run is cancelled.
        """
        try:
            while not run.ended.wait(_TICK):
                pass
        except KeyboardInterrupt:
            cancel([run])
            raise
        finally:
            self.publish()
            if not run.state.is_completed():
                for name in run.function.outputs:
                    if run_behind(self._namespace.get(name)) is run:
                        del self._namespace[name]
                self._namespace.update(run.replaced)
        run.state.result()

    def needs(self, text: str) -> Needs:
        """Return what a cell has to wait for."""
        self.publish()
        self._show_ends()
        return needs_of(text, self._namespace, self.live)

    def publish(self) -> None:
        """Bind what ended runs have given; in the main thread."""
        with self._lock:
            ready, self._ready = self._ready, []
        for run in ready:
            self._unseen.append(run.output)
            try:
                self._bind(run)
            except Exception as error:  # its value is lost: who reads the name gets the error, too
                run.output.put(error_event(error))

    async def wait(self, needs: Needs) -> None:
        """Wait for what a cell needs, with the kernel's loop free for forms; Stop cancels it.

        Raises:
            UpstreamCellError: a run did not complete that was to give a value.
            KeyboardInterrupt: Stop was pressed; what this cell waited for is cancelled.
        """
        while late := self._late(needs):
            wake, loop = asyncio.Event(), asyncio.get_running_loop()
            late[0].future.add_done_callback(lambda _, loop=loop, wake=wake: _wake(loop, wake))  # type: ignore[misc]
            try:
                while not late[0].ended.is_set():
                    try:
                        await asyncio.wait_for(wake.wait(), _TICK)
                    except TimeoutError:
                        continue
                    await asyncio.sleep(0)
            except asyncio.CancelledError:
                await stop_awaiting(with_upstream(late))
                raise KeyboardInterrupt from None
        self._settle(needs)

    def wait_blocking(self, needs: Needs) -> None:
        """Wait as `wait` does, where no loop runs."""
        try:
            while late := self._late(needs):
                late[0].ended.wait(_TICK)
        except KeyboardInterrupt:
            stop(with_upstream(self._late(needs)))
            raise
        self._settle(needs)

    def wait_for_all(self) -> None:
        """Wait until everything has ended that runs now.

        Raises:
            whatever the first of them has failed with that did not complete.
        """
        runs = self.live
        for run in runs:
            run.ended.wait()
        self.publish()
        self._show_ends()
        for run in runs:
            run.state.result()

    def close(self) -> None:
        """Cancel what still runs, and take the placeholders out of the notebook."""
        cancel(self.live)
        self.publish()
        for name, value in list(self._namespace.items()):
            if type(value) is PendingValue:
                del self._namespace[name]

    def take_output(self, body: dict[str, Any]) -> bool:
        """Show what a worker tells of a task cell's output; False when it is of none of these cells."""
        run = next((one for one in self.live if one.future.task_run_id == body["task_run_id"]), None)
        if run is None:
            return False
        for event in body["data"]:
            if event["kind"] == "outputs":
                run.described = event["outputs"]
            elif event["kind"] == "error":
                run.failure = event
            else:
                run.output.put(event)
        return True

    def log(self, body: dict[str, Any]) -> None:
        """Keep why the cache had no result for a run: its line says so."""
        if body["message"].startswith("Cache miss: "):
            wanted = str(body.get("task_run_id"))
            for run in self.live:
                if str(run.future.task_run_id) == wanted:
                    run.why = body["message"].removeprefix("Cache miss: ")

    def _edges(self, compiled: CompiledCell) -> dict[str, list[dict[str, str]]]:
        """Return the runs that gave the inputs which are in the notebook already: futures tell of theirs."""
        found: dict[str, list[dict[str, str]]] = {}
        for name, value in compiled.bound.values.items():
            known, run_id = self._origins.get(name, (0, ""))
            if known == id(value):
                found[name] = [{"input_type": "task_run", "id": run_id}]
        return found

    def _late(self, needs: Needs) -> list[CellRun]:
        found = [run_behind(self._namespace.get(name)) for name in needs.values]
        runs = dict.fromkeys([*(run for run in found if run is not None), *needs.readers])
        return [run for run in runs if not run.ended.is_set()]

    def _show_ends(self) -> None:
        """Repeat how runs have ended, where nobody would have seen it; in a cell."""
        outputs, self._unseen = self._unseen, []
        for output in outputs:
            output.repeat()

    def _settle(self, needs: Needs) -> None:
        self.publish()
        self._show_ends()
        for name in needs.values:
            run = run_behind(self._namespace.get(name))
            if run is None:
                continue
            if not run.state.is_completed():
                raise run.upstream_error(name)
            try:
                self._bind(run, fetch=True)
            except MissingResult as error:
                raise ValueLostError(name, run.name, run.described.get(name, ""), str(error)) from None

    def _end(self, run: CellRun) -> None:
        """Note in whatever thread it happens that a run has ended, and have its outputs bound."""
        state = run.state
        run.token.release()
        with self._lock:
            self._live.remove(run)
            self._ready.append(run)
        try:
            if state.is_failed() and run.kind == "task":
                keep(run.function, run.values, str(run.future.task_run_id))
            self._tell(run, state)
        finally:
            run.ended.set()
        loop = _kernel_loop(self._shell)
        if loop is not None:
            loop.call_soon_threadsafe(self.publish)

    def _tell(self, run: CellRun, state: State) -> None:
        """Say under the cell how its run has ended."""
        outputs = run.function.outputs if state.is_completed() else ()
        if not outputs and state.name == "Cached":  # nothing has run, so nothing was shown
            recorded = Recorder(run.output.put)
            recorded.show(state.result())
        if state.is_failed() and not run.quiet and isinstance(state.data, Exception):
            run.output.put(self._error(run, state.data))
        if run.kind == "flow":  # its panel tells
            return
        run.output.say(task_notice(run.name, state, run.future.task_run, outputs, run.why))

    def _error(self, run: CellRun, error: Exception) -> Event:
        if error.__traceback__ is None:
            return run.failure or error_event(error)
        prune(error)
        with self._lock:  # the formatter of tracebacks keeps state
            formatter = self._shell.InteractiveTB
            lines = formatter.structured_traceback(type(error), error, error.__traceback__, tb_offset=0)
        return {**error_event(error), "traceback": list(lines)}

    def _bind(self, run: CellRun, *, fetch: bool = False) -> None:
        """Put outputs in the place of their placeholders; what lies on a worker stays there until it is needed."""
        run.values.clear()
        if run.state.is_completed() and (fetch or not isinstance(run.state.data, RemoteValue)):
            for name, output in run.function.unpack(run.state.result()).items():
                if run_behind(self._namespace.get(name)) is run or name in run.unplaced:
                    value = self._namespace[name] = rehome(output, self._namespace)
                    if run.kind == "task":
                        self._origins[name] = (id(value), str(run.future.task_run_id))
            for name in run.function.outputs:  # the cell took another way and has not bound it
                if run_behind(self._namespace.get(name)) is run:
                    if name in run.before:
                        self._namespace[name] = run.before[name]
                    else:
                        del self._namespace[name]
            run.before.clear()
            run.replaced.clear()
        elif not run.state.is_completed() and not run.published:
            for name in run.unplaced:  # who reads it gets the error
                self._namespace[name] = PendingValue(name, run)
        if run.published:
            return
        run.published = True
        for tell in self.on_published:
            tell(run)


def _wake(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    try:
        loop.call_soon_threadsafe(event.set)
    except RuntimeError:  # the loop is closed: nobody waits any more
        return


def _kernel_loop(shell: Any) -> asyncio.AbstractEventLoop | None:
    found = getattr(getattr(getattr(shell, "kernel", None), "io_loop", None), "asyncio_loop", None)
    return found if isinstance(found, asyncio.AbstractEventLoop) else None
