"""The magics: ``%runner``, ``%%task``, ``%%flow``, ``%%penstock_sql``, ``%runs``."""

from __future__ import annotations

import shlex
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.display import display

from penstock._query import query
from penstock.exceptions import ConfigurationError
from penstock_kernel._cells import TaskLine, TaskLineError, compile_cell, parse_task_line, usage
from penstock_kernel.cell_tasks import (
    FlowBody,
    compile_task,
    make_flow,
    make_task,
    publish,
    run_task,
)
from penstock_kernel.last_run import LastRun
from penstock_kernel.notices import info, task_notice
from penstock_kernel.session import NotebookSession
from penstock_kernel.sql_magic import run_sql
from penstock_kernel.tracebacks import UserFramesOnly

_RUNS = """
select flow_name, name, state_name as state, start_time, round(duration, 2) as seconds, runner, id
from runs order by created desc limit {limit}
"""


@magics_class
class PenstockMagics(Magics):  # type: ignore[misc]  # IPython is untyped to mypy here
    """Magics of one shell."""

    def __init__(self, shell: Any, session: NotebookSession) -> None:
        super().__init__(shell)
        self._session = session
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
        name = options.name or "cell"
        namespace = self._namespace
        compiled = compile_task(options, name, cell, f"%%task {line}", namespace)
        for note in compiled.notes:
            if note.code != "dropped" or options.outputs is None:
                display(info(f"{name}:", note.message))
        task = make_task(options, compiled.function)
        if options.name is not None:
            namespace[options.name] = task
        if options.define:
            display(info(name, f"is a task of {', '.join(compiled.function.inputs) or 'no inputs'}"))
            return
        with LastRun() as last, UserFramesOnly():
            state = run_task(task, compiled.bound.values, self._session, options.runner)
        if not state.is_completed():
            display(task_notice(name, state, last.task_run, ()))
            with UserFramesOnly():
                state.result()
            return
        value = state.result()
        bound = publish(compiled.function, value, namespace)
        display(task_notice(name, state, last.task_run, bound))
        if (
            not bound
            and value is not None
            and (state.name == "Cached" or self._session.runner_name != "threads")
        ):
            display(value)  # the cell did not run here, so nothing has shown it yet

    @cell_magic  # type: ignore[untyped-decorator]  # IPython is untyped to mypy here
    def flow(self, line: str, cell: str) -> Any:
        """Run the cell as a flow: ``%%flow NAME --runner dask``; its tasks, pauses and artifacts show in one panel.

        NAME becomes a flow that can be called again with other data. The names the cell binds are bound in the
        notebook when the flow completes.
        """
        options = self._options(line, cell, magic="%%flow")
        if options is None:
            return None
        name = options.name or "flow"
        namespace = self._namespace
        compiled = compile_cell(name, cell, namespace, outputs=options.outputs, header=f"%%flow {line}")
        body = FlowBody(compiled, namespace)
        flow = make_flow(options, body)
        if options.name is not None:
            namespace[options.name] = flow
        if options.define:
            return None
        with UserFramesOnly():
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

    @line_magic  # type: ignore[untyped-decorator]  # IPython is untyped to mypy here
    def runs(self, line: str) -> Any:
        """Show the newest runs: ``%runs [N]``."""
        try:
            limit = int(line.strip() or 10)
        except ValueError as error:
            raise UsageError(f"%runs: {line!r} is not a number") from error
        return query(_RUNS.format(limit=limit))

    def _options(self, line: str, cell: str, magic: str = "%%task") -> TaskLine | None:
        try:
            options = parse_task_line(line)
        except TaskLineError as error:
            raise UsageError(str(error).replace("%%task", magic)) from error
        if options.help:
            print(usage().replace("%%task", magic))  # noqa: T201  # asked for
            return None
        if options.wait is False:
            raise UsageError(f"{magic}: --background is not available yet; cells wait for their run")
        if not cell.strip():
            raise UsageError(f"{magic}: the cell is empty")
        return options
