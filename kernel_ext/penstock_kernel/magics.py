"""The magics: ``%runner``, ``%%task``, ``%%flow``, ``%%penstock_sql``."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.display import display

from penstock.context import tags
from penstock.exceptions import ConfigurationError
from penstock.tasks import Task
from penstock_kernel._cells import (
    CellError,
    CompiledCell,
    TaskLine,
    TaskLineError,
    compile_cell,
    parse_task_line,
    usage,
)
from penstock_kernel.background import Background
from penstock_kernel.cell_output import CellOutput
from penstock_kernel.cell_tasks import compile_task, make_task, publish, run_here, runs_here
from penstock_kernel.flow_cells import FlowBody, FlowCellRun, make_flow
from penstock_kernel.last_run import LastRun
from penstock_kernel.lineage import CellRecord
from penstock_kernel.notices import info, task_notice
from penstock_kernel.options import Penstock
from penstock_kernel.replay import keep
from penstock_kernel.session import NotebookSession, somebody_watches
from penstock_kernel.sql_cell import SqlCellError, python_of
from penstock_kernel.sql_magic import run_sql
from penstock_kernel.tracebacks import UserFramesOnly
from penstock_kernel.tracking import Tracking


@magics_class
class PenstockMagics(Magics):  # type: ignore[misc]  # IPython is untyped to mypy here
    """Magics of one shell."""

    def __init__(
        self,
        shell: Any,
        session: NotebookSession,
        background: Background,
        tracking: Tracking,
        options: Penstock,
    ) -> None:
        super().__init__(shell)
        self._shell = shell
        self._session = session
        self._background = background
        self._tracking = tracking
        self._defaults = options
        self._namespace: dict[str, Any] = shell.user_ns

    @line_magic  # type: ignore[untyped-decorator]  # IPython is untyped to mypy here
    def runner(self, line: str) -> None:
        """Choose where tasks run: ``%runner threads|processes|dask|ray [WORKERS]``; without a word, say where they do.

        The cluster stays until another runner is chosen or the kernel ends.
        """
        words = shlex.split(line, comments=True)
        if not words:
            display(
                info(self._session.runner_name, "is where tasks run; others: threads, processes, dask, ray")
            )
            return
        try:
            workers = int(words[1]) if len(words) > 1 else None
            runner = self._session.choose(words[0], workers)
        except ValueError as error:
            raise UsageError(f"%runner: the number of workers must be a number, not {words[1]!r}") from error
        except ConfigurationError as error:
            raise UsageError(f"%runner: {error}") from error
        display(info(runner.type, "runs the tasks of this notebook from here on"))

    @cell_magic  # type: ignore[untyped-decorator]  # IPython is untyped to mypy here
    def task(self, line: str, cell: str) -> None:
        """Run the cell as a task: the names it reads are its inputs, the names it binds its outputs.

        ``%%task NAME --retries 2`` also makes NAME a task that can be called, submitted and mapped;
        ``%%task NAME --define`` does only that. ``%%task --help`` lists all options.
        """
        options = self._options(line, cell)
        if options is None:
            return
        with UserFramesOnly():
            self._task(options, options.name or "cell", f"%%task {line}", cell)

    def _task(self, options: TaskLine, name: str, header: str, cell: str) -> None:
        namespace = self._namespace
        compiled = self._compiled(
            header.partition(" ")[0], lambda: compile_task(options, name, cell, header, namespace)
        )
        for note in compiled.notes:
            if note.code != "dropped" or options.outputs is None:
                display(info(f"{name}:", note.message))
        task = make_task(options, compiled.function)
        if options.name is not None:
            namespace[options.name] = task
        if options.define:
            display(info(name, f"is a task of {', '.join(compiled.function.inputs) or 'no inputs'}"))
            return
        for magic in compiled.facts.kernel_magics:
            self._shell.run_line_magic(magic.name, magic.argument)
        line = header.partition(" ")[2]
        record = self._tracking.begin(name if name in line.split() else "", line, cell, compiled)
        if not self._waits(options):
            self._tracking.started(record, self._background.start(compiled, task, options.runner))
        elif runs_here(task, self._session, options.runner):
            self._run_here(compiled, task, record)
        else:
            self._run_elsewhere(compiled, task, options.runner, record)

    @cell_magic  # type: ignore[untyped-decorator]  # IPython is untyped to mypy here
    def sql_task(self, line: str, cell: str) -> None:
        """Run a query over the notebook's DataFrames as a task: ``%%sql_task NAME --runner dask``.

        Tables are names of the notebook, ``$name`` takes a value from it, and NAME becomes the resulting DataFrame.
        Takes the options of ``%%task``.
        """
        options = self._options(line, cell, magic="%%sql_task")
        if options is None:
            return
        if options.name is None:
            raise UsageError("%%sql_task: name the DataFrame it gives: %%sql_task NAME")
        try:
            body = python_of(options.name, cell, self._namespace)
        except SqlCellError as error:
            raise UsageError(f"%%sql_task: {error}") from error
        with UserFramesOnly():
            self._task(replace(options, name=None), options.name, f"%%sql_task {line}", body)

    def _waits(self, options: TaskLine) -> bool:
        """Whether a cell stays until its run has ended: as told, or because nobody watches."""
        if options.wait is not None:
            return options.wait
        return not somebody_watches(self._shell)

    def _run_elsewhere(
        self, compiled: CompiledCell, task: Task[Any, Any], runner: str | None, record: CellRecord
    ) -> None:
        run = self._background.start(compiled, task, runner, waits=True)
        self._tracking.started(record, run)
        self._background.wait_for(run)

    def _run_here(self, compiled: CompiledCell, task: Task[Any, Any], record: CellRecord) -> None:
        name, namespace = compiled.function.name, self._namespace
        with LastRun() as last:
            state = run_here(task, compiled.bound.values, self._session)
        if not state.is_completed():
            display(task_notice(name, state, last.task_run, ()))
            self._tracking.ended(record, state.name)
            if state.is_failed() and last.task_run is not None:
                keep(compiled.function, compiled.bound.values, str(last.task_run.id))
            state.result()
            return
        value = state.result()
        bound = publish(compiled.function, value, namespace)
        self._tracking.ended(record, state.name)
        display(task_notice(name, state, last.task_run, bound))
        if not bound and value is not None and state.name == "Cached":
            display(value)  # the cell did not run, so nothing has shown it yet

    @cell_magic  # type: ignore[untyped-decorator]  # IPython is untyped to mypy here
    def flow(self, line: str, cell: str) -> Any:
        """Run the cell as a flow: ``%%flow NAME --runner dask``; its tasks, pauses and artifacts show in one panel.

        NAME becomes a flow that can be called again with other data. The names the cell binds are bound in the
        notebook when the flow completes. With ``--background`` the cell returns at once, as task cells do; a later
        cell that reads one of these names waits for the flow.
        """
        options = self._options(line, cell, magic="%%flow")
        if options is None:
            return None
        name = options.name or "flow"
        namespace = self._namespace
        for flag, given in (("--cache", options.cache), ("--refresh", options.refresh or None)):
            if given is not None:
                raise UsageError(
                    f"%%flow: results of flows are not kept, so {flag} has no meaning here; its tasks cache"
                )
        if len(options.retry_delay) > 1:
            raise UsageError("%%flow: one --retry-delay is enough, a flow waits as long before every retry")
        compiled = self._compiled(
            "%%flow",
            lambda: compile_cell(
                name, cell, namespace, inputs=options.inputs, outputs=options.outputs, header=f"%%flow {line}"
            ),
        )
        body = FlowBody(compiled, namespace, options.inputs)
        flow = make_flow(options, body)
        if options.name is not None:
            namespace[options.name] = flow
        if options.define:
            return None
        if options.wait is False or flow.isasync:
            run = FlowCellRun(compiled, body, flow, options, CellOutput(self._shell))
            with UserFramesOnly():
                self._background.start_flow(run, waits=options.wait is not False)
                if options.wait is not False:
                    self._background.wait_for(run)
            return None
        with UserFramesOnly(), tags(*options.tags):
            value = flow(**body.values)
        bound = publish(body.function, value, namespace)
        return None if bound else value

    @cell_magic  # type: ignore[untyped-decorator]  # IPython is untyped to mypy here
    def penstock_sql(self, line: str, cell: str) -> Any:
        """Query the run records: ``%%penstock_sql [--out NAME]`` and one SELECT; NAME keeps the DataFrame.

        Views: `runs`, `task_runs`, `states`, `logs`, `artifacts`, `edges`, `events`. ``--limit ROWS`` says how many
        rows there may be, ``--quiet`` shows none.
        """
        return run_sql(line, cell, self._namespace)

    def _compiled(self, magic: str, compile_it: Callable[[], CompiledCell]) -> CompiledCell:
        """Compile a cell; one that is refused gets a short answer, not a traceback of ours."""
        try:
            return compile_it()
        except CellError as error:
            raise UsageError(f"{magic}: {error}") from error

    def _options(self, line: str, cell: str, magic: str = "%%task") -> TaskLine | None:
        try:
            options = parse_task_line(line, self._defaults.defaults() if magic == "%%task" else None)
        except TaskLineError as error:
            raise UsageError(str(error).replace("%%task", magic)) from error
        if options.help:
            print(usage().replace("%%task", magic))  # noqa: T201  # asked for
            return None
        if not cell.strip():
            raise UsageError(f"{magic}: the cell is empty")
        return options


# `%%task?` shows the docstring.
PenstockMagics.task.__doc__ = f"{PenstockMagics.task.__doc__}\n\n{usage()}"
