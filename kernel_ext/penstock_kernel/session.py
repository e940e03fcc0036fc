"""The notebook session as a flow run: the parent of every task cell, with the runner `%runner` chose."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from penstock._engine.cancellation import Token
from penstock._engine.contexts import FlowRunContext
from penstock._engine.flow_run import FlowExecution
from penstock._engine.runner_port import TaskRunner
from penstock._engine.thread_runner import ThreadPoolTaskRunner, set_default_runner
from penstock._flow import Flow
from penstock._values.states import State, StateType
from penstock.task_runners import runner_class


def _nothing() -> None:
    """Close nothing: threads need no closing."""


class NotebookSession:
    """What lives as long as the kernel: the session's run, its runner and the runner's cluster."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._execution: FlowExecution | None = None
        self._lock = threading.Lock()
        self._close_cluster: Callable[[], None] = _nothing
        self.runner_name = self._word = "threads"
        #: Why the session's run fails, when a cell of a notebook nobody watches has failed.
        self.failure = ""
        self.runner: TaskRunner = ThreadPoolTaskRunner()
        #: Runners that single cells named (`--runner`), with what closes their clusters.
        self._others: dict[str, tuple[TaskRunner, Callable[[], None]]] = {}

    @property
    def flow_run_id(self) -> UUID | None:
        """The session's run, None before its first task cell."""
        return self._execution.flow_run.id if self._execution is not None else None

    def context(self) -> FlowRunContext:
        """Return the context task cells run in, creating the session's run on first use."""
        with self._lock:
            if self._execution is None:
                self._execution = self._open()
            context = self._execution.context
            if context.task_runner is not self.runner:
                context = self._execution.context = context.model_copy(update={"task_runner": self.runner})
        return context

    def cell_context(self, runner: TaskRunner, token: Token) -> FlowRunContext:
        """Return the context of one cell: in the session's run, on a runner, cancelled by a token of its own."""
        # Results are not remembered: the session would keep every value it has ever seen.
        fresh = {"task_runner": runner, "cancellation": token, "run_results": {}}
        return self.context().model_copy(update=fresh)

    def token(self) -> Token:
        """Return a token for one cell, which ends with the session's run."""
        return Token(self.context().cancellation)

    def runner_for(self, word: str | None) -> TaskRunner:
        """Return the runner a cell named, or the session's; it stays open until the session ends.

        Raises:
            ConfigurationError: no such runner, or its library is not installed.
        """
        if word is None or word in (self.runner_name, self._word):
            return self.runner
        kind = runner_class(word)
        if kind.type not in self._others:
            self._others[kind.type] = kind.open_shared()
        return self._others[kind.type][0]

    def choose(self, word: str, workers: int | None = None) -> TaskRunner:
        """Switch to another runner, for task cells and for flows that name none.

        Raises:
            ConfigurationError: no such runner, or its library is not installed.
        """
        runner, close = runner_class(word).open_shared(workers)
        self._release()
        self.runner, self._close_cluster, self.runner_name = runner, close, runner.type
        self._word = word
        set_default_runner(runner.duplicate)
        return runner

    def close(self) -> None:
        """End the session's run and close the cluster it opened."""
        execution, self._execution = self._execution, None
        try:
            self._release()
            others, self._others = self._others, {}
            for runner, close in others.values():
                runner.finish()
                close()
        finally:
            if execution is not None and not execution.state.is_final():
                ended = State(StateType.COMPLETED, message="The notebook session ended.")
                execution.propose(State(StateType.FAILED, message=self.failure) if self.failure else ended)

    def _release(self) -> None:
        set_default_runner(None)
        self.runner.finish()
        close, self._close_cluster = self._close_cluster, _nothing
        close()

    def _open(self) -> FlowExecution:
        flow = Flow(_session_body, name=f"notebook: {notebook_name(self._shell)}", log_prints=False)
        execution = FlowExecution.prepare(flow, {}, {}, ())
        execution.create()
        execution.propose(State(StateType.RUNNING))
        execution.build_context()
        return execution


def _session_body() -> None:
    """Stand for the notebook, whose cells are the body of its run."""


def somebody_watches(shell: Any) -> bool:
    """False under nbclient and papermill, where nobody could fill in a form or wait for a run."""
    kernel = getattr(shell, "kernel", None)
    return bool(getattr(kernel, "_allow_stdin", True))


def notebook_name(shell: Any) -> str:
    """Return the file name of the notebook without its ending, as far as the front end tells."""
    told = shell.user_ns.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME") or ""
    name = Path(told).stem or Path.cwd().name
    return "".join(char if char not in "/%&><" else "-" for char in name)
