"""Loading and unloading: what is hooked in, and that all of it comes out again."""

from __future__ import annotations

import atexit
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from penstock._engine.observers import add_observer, remove_observer
from penstock._engine.pauses import set_answerable
from penstock._engine.run_logging import silence_console
from penstock._engine.thread_runner import set_default_runner
from penstock_kernel.magics import PenstockMagics
from penstock_kernel.panels import PanelObserver
from penstock_kernel.session import NotebookSession

#: Kernels from this major version on serve forms while a cell runs.
_FULL_KERNEL = 7


class Extension:
    """Everything the extension has hooked into one shell."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.session = NotebookSession(shell)
        self.panels = PanelObserver(shell, self.session)
        self.magics = PenstockMagics(shell, self.session)

    def hook_in(self) -> None:
        """Register magics, panels and the question whether somebody watches."""
        self.shell.register_magics(self.magics)
        add_observer(self.panels)
        set_answerable(self._somebody_watches)
        silence_console()
        atexit.register(self.session.close)

    def take_out(self) -> None:
        """Undo `hook_in` and end the session's run."""
        atexit.unregister(self.session.close)
        remove_observer(self.panels)
        set_answerable(None)
        set_default_runner(None)
        self.panels.close()
        self.session.close()
        for kind, names in self.magics.magics.items():
            for name in names:
                self.shell.magics_manager.magics[kind].pop(name, None)

    def _somebody_watches(self) -> bool:
        """False under nbclient and papermill, where nobody could fill in a form."""
        kernel = getattr(self.shell, "kernel", None)
        return bool(getattr(kernel, "_allow_stdin", True))


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
