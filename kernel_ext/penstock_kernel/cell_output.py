"""Where the output of a task cell is shown: in the cell it was started from, whichever cell runs by then.

Messages carry the header of that cell's request, on every version of ipykernel alike, instead of relying on what the
kernel takes for the present cell: threads that outlive their cell write into the newest one otherwise.
"""

from __future__ import annotations

import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from penstock_kernel._cells.figures import figures_shown
from penstock_kernel._cells.recorder import Event, Recorder, recorder
from penstock_kernel.session import somebody_watches

_MESSAGES = {"display": "display_data", "clear": "clear_output", "stream": "stream", "error": "error"}


class CellOutput:
    """The place under one cell.

    Args:
        shell: of the kernel; a shell without a kernel shows everything where it is.
    """

    def __init__(self, shell: Any) -> None:
        self._kernel = getattr(shell, "kernel", None)
        self._shell = shell
        self._parent = self._kernel.get_parent() if self._kernel is not None else None
        self._notice = f"penstock-{uuid.uuid4().hex}"
        self._noticed = False
        #: Something is shown.
        self.begun = threading.Event()
        self._watched = somebody_watches(shell)
        #: Display id -> the newest update of it, where nobody watches.
        self._updates: dict[str, dict[str, Any]] = {}

    def put(self, event: Event) -> None:
        """Show one recorded event; may be called from any thread."""
        if self._kernel is None:
            _in_terminal(event)
            return
        kind = event["kind"]
        content = {
            name: value for name, value in event.items() if name not in ("kind", "display_id", "update")
        }
        message = _MESSAGES[kind]
        if kind == "display":
            content["transient"] = {"display_id": event["display_id"]} if event.get("display_id") else {}
            message = "update_display_data" if event.get("update") else message
        self._send(message, content)

    def say(self, notice: Any) -> None:
        """Show the one line that tells how the cell's run is; the next one takes its place."""
        data = notice._repr_mimebundle_()
        if self._kernel is None:
            print(data["text/plain"])  # noqa: T201  # the cell's own output
            return
        content = {"data": data, "metadata": {}, "transient": {"display_id": self._notice}}
        self._send("update_display_data" if self._noticed else "display_data", content)
        self._noticed = True

    def repeat(self) -> None:
        """Send updates again, in the name of the cell that runs now: nbclient hears of no other. In the main thread."""
        kernel: Any = self._kernel
        updates, self._updates = self._updates, {}
        for content in updates.values():
            self._publish("update_display_data", content, kernel.get_parent())

    def _send(self, message: str, content: dict[str, Any]) -> None:
        if message == "update_display_data" and not self._watched:
            self._updates[content["transient"]["display_id"]] = content
        self._publish(message, content, self._parent)

    def _publish(self, message: str, content: dict[str, Any], parent: Any) -> None:
        kernel: Any = self._kernel
        self.begun.set()
        kernel.session.send(kernel.iopub_socket, message, content, parent=parent, ident=message.encode())


def _in_terminal(event: Event) -> None:
    out = sys.stderr if event.get("name") == "stderr" else sys.stdout
    out = getattr(out, "original", out)
    match event["kind"]:
        case "stream":
            out.write(event["text"])
        case "display":
            out.write(f"{event['data'].get('text/plain', '')}\n")
        case "error":
            out.write("\n".join(event["traceback"]) + "\n")


class KernelRecorder(Recorder):
    """Records a run in this process.

    Args:
        shell: the shell, whose displays are taken where the run's code runs.
        output: where everything is shown as it comes; None when the run's cell is the present one, so that the kernel
            shows it by itself and this only keeps a copy.
    """

    takes_displays = False
    shown_here = True

    def __init__(self, shell: Any, output: CellOutput | None) -> None:
        super().__init__(output.put if output is not None else None)
        self._shell = shell
        self._output = output
        self._hooked: set[int] = set()
        self._last = "stdout"
        #: Others may print into the same cell at the same time.
        self._whole_lines = threading.current_thread() is not threading.main_thread()

    @property
    def place(self) -> CellOutput | None:
        """Where what is shown goes; None where the kernel shows it by itself."""
        return self._output

    def fresh(self) -> KernelRecorder:
        """Return a recorder for another run, which shows its output in the same place."""
        return KernelRecorder(self._shell, self._output)

    def write(self, stream: str, text: str) -> int:
        """Take text, and let it through where the kernel shows it."""
        if self._output is None and not self._whole_lines:
            self._let_through(stream, text)
        return super().write(stream, text)

    def _stream(self, name: str, text: str) -> None:
        if self._output is None and self._whole_lines:
            self._let_through(name, text)
        super()._stream(name, text)

    def _let_through(self, stream: str, text: str) -> None:
        if self._last != stream:  # the kernel sends each stream when it likes
            _original(self._last).flush()
            self._last = stream
        _original(stream).write(text)

    def show(self, value: object) -> None:
        """Display the value of a trailing expression, or a figure."""
        from IPython.display import display

        if value is not None:
            display(value)

    @contextmanager
    def displays(self) -> Iterator[None]:
        """Take the display messages of this thread, and the figures that it opens, unless the kernel shows them."""
        kernel_shows = self._output is None and threading.current_thread() is threading.main_thread()
        with self.displays_within(), nullcontext() if kernel_shows else figures_shown(self.show):
            yield

    @contextmanager
    def displays_within(self) -> Iterator[None]:
        """Take the display messages of this thread."""
        publisher, here = self._shell.display_pub, threading.get_ident()
        if here in self._hooked or not hasattr(publisher, "register_hook"):
            yield
            return
        self._hooked.add(here)
        publisher.register_hook(self._on_message)
        try:
            yield
        finally:
            publisher.unregister_hook(self._on_message)
            self._hooked.discard(here)

    def _on_message(self, message: dict[str, Any]) -> dict[str, Any] | None:
        if recorder.get() is not self:  # of another coroutine in the same thread
            return message
        content = message["content"]
        if message["header"]["msg_type"] == "clear_output":
            self.put({"kind": "clear", "wait": content["wait"]})
        else:
            self.put(
                {
                    "kind": "display",
                    "data": content["data"],
                    "metadata": content["metadata"],
                    "display_id": content.get("transient", {}).get("display_id"),
                    "update": message["header"]["msg_type"] == "update_display_data",
                }
            )
        return message if self._output is None else None


def _original(stream: str) -> Any:
    routed = getattr(sys, stream)
    return getattr(routed, "original", routed)
