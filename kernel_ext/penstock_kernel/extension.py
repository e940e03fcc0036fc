"""Loading and unloading: what is hooked in, and that all of it comes out again."""

from __future__ import annotations

import atexit
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from penstock._engine.observers import add_observer, record_tasks, remove_observer
from penstock._engine.pauses import set_answerable
from penstock._engine.run_logging import silence_console, undo_logging, unpatch_print
from penstock._engine.thread_runner import set_default_runner
from penstock._link.session import close_sessions
from penstock.tasks import Task
from penstock_kernel import checkpoint
from penstock_kernel._cells.displays import unpatch_display
from penstock_kernel._cells.figures import unroute_figures
from penstock_kernel._cells.late_imports import stop_waiting
from penstock_kernel._cells.streams import route_streams, unroute_streams
from penstock_kernel.background import Background
from penstock_kernel.cell_log import CellLog
from penstock_kernel.completion import matcher
from penstock_kernel.join import Join
from penstock_kernel.magics import PenstockMagics
from penstock_kernel.options import Penstock
from penstock_kernel.panels import PanelObserver
from penstock_kernel.plan_magics import PlanMagics
from penstock_kernel.record_magics import RecordMagics
from penstock_kernel.session import NotebookSession, somebody_watches
from penstock_kernel.spellings import from_comment
from penstock_kernel.task_recording import record_elsewhere, record_here
from penstock_kernel.tracking import Tracking
from penstock_kernel.worker_outputs import WorkerOutputs

#: Kernels from this major version on serve forms while a cell runs.
_FULL_KERNEL = 7


class Extension:
    """Everything the extension has hooked into one shell."""

    def __init__(self, shell: Any) -> None:
        self.shell: Any = shell
        self.session = NotebookSession(shell)
        self.options = Penstock(parent=shell)
        self.background = Background(shell, self.session)
        self.panels = PanelObserver(shell, self.session)
        self.outputs = WorkerOutputs(shell, self.background, self.panels)
        self.join = Join(shell, self.background, self.options)
        self.cells = CellLog()
        self.tracking = Tracking(shell, self.cells)
        self.background.on_published.append(self.tracking.published)
        self.magics: list[Any] = [
            PenstockMagics(shell, self.session, self.background, self.tracking, self.options),
            RecordMagics(shell, self.session, self.background),
            PlanMagics(shell, self.tracking.lineage, self.cells, self.options),
        ]

        #: Completes our lines, where IPython can ask for it.
        self.matcher: Any = None

    def hook_in(self) -> None:
        """Register magics, panels and the question whether somebody watches."""
        self.shell.register_magics(*self.magics)
        self.shell.configurables.append(self.options)
        self.shell.input_transformers_cleanup.append(from_comment)
        self.shell.events.register("pre_run_cell", self._before_cell)
        self.shell.events.register("post_run_cell", self._after_cell)
        self.matcher = matcher(self._task_names)
        if self.matcher is not None:
            self.shell.Completer.custom_matchers.append(self.matcher)
        self.join.hook_in()
        add_observer(self.panels)
        add_observer(self.outputs)
        set_answerable(self._somebody_watches)
        silence_console()
        route_streams()
        record_tasks(record_here(self.shell), record_elsewhere)
        atexit.register(self._end)

    def take_out(self) -> None:
        """Undo `hook_in` and end the session's run."""
        atexit.unregister(self._end)
        self._end()
        self.join.take_out()
        self.shell.events.unregister("pre_run_cell", self._before_cell)
        self.shell.events.unregister("post_run_cell", self._after_cell)
        self.shell.input_transformers_cleanup.remove(from_comment)
        if self.matcher is not None:
            self.shell.Completer.custom_matchers.remove(self.matcher)
        self.shell.configurables.remove(self.options)
        record_tasks(None)
        unroute_streams()
        stop_waiting()
        unroute_figures()
        unpatch_display()
        remove_observer(self.panels)
        remove_observer(self.outputs)
        set_answerable(None)
        set_default_runner(None)
        nobody_runs = self.panels.is_idle
        self.panels.close()
        if nobody_runs:  # a flow in a thread of the user's goes on with what it has
            unpatch_print()
            undo_logging()
            close_sessions()
        for made in self.magics:
            registered: Any = made.magics
            if made in self.shell.configurables:
                self.shell.configurables.remove(made)
            if self.shell.magics_manager.registry.get(type(made).__name__) is made:
                del self.shell.magics_manager.registry[type(made).__name__]
            for kind, names in registered.items():
                for name in names:
                    self.shell.magics_manager.magics[kind].pop(name, None)

    def _task_names(self) -> list[str]:
        return [name for name, value in self.shell.user_ns.items() if isinstance(value, Task)]

    def _end(self) -> None:
        self.background.close()
        self.session.close()

    def _before_cell(self, info: Any) -> None:
        self.background.publish()
        self.cells.before(info)

    def _after_cell(self, result: Any) -> None:
        self.cells.after(result)
        if checkpoint.is_wanted() and not getattr(result, "success", True):
            error = result.error_in_exec or result.error_before_exec
            self.session.failure = f"A cell failed: {type(error).__name__}: {error}"
            run_id = str(self.session.context().flow_run.id)
            checkpoint.keep(self.shell.user_ns, self.shell.user_ns_hidden, run_id)

    def _somebody_watches(self) -> bool:
        return somebody_watches(self.shell)


_loaded: dict[int, Extension] = {}


def load(shell: Any) -> None:
    """Load the extension once into `shell`, and say in one line what this kernel cannot do."""
    if id(shell) in _loaded:
        return
    extension = _loaded[id(shell)] = Extension(shell)
    extension.hook_in()
    limits = _limits(shell)
    if limits:
        print(limits)  # noqa: T201  # the one line a notebook may expect here


def wait_for_background() -> None:
    """Wait until every cell of this kernel that runs in the background has ended; at the end of a headless run.

    Raises:
        whatever the first of them has failed with that did not complete.
    """
    for extension in list(_loaded.values()):
        extension.background.wait_for_all()


def unload(shell: Any) -> None:
    """Unload the extension from `shell`."""
    extension = _loaded.pop(id(shell), None)
    if extension is not None:
        extension.take_out()


def _limits(shell: Any) -> str | None:
    if getattr(shell, "kernel", None) is None:
        return None
    try:
        found = version("ipykernel")
    except PackageNotFoundError:
        return None
    if int(found.split(".")[0]) >= _FULL_KERNEL:
        return None
    return (
        f"penstock: ipykernel {found} cannot take a form's answer while its cell runs; answer pauses with "
        "`penstock flow-run resume`, or upgrade: pip install -U ipykernel"
    )
