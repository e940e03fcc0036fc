"""Where the output of a task cell is shown: in the cell it was started from, whichever cell runs by then.

Messages carry the header of that cell's request, on every version of ipykernel alike, instead of relying on what the
kernel takes for the present cell: threads that outlive their cell write into the newest one otherwise.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from penstock_kernel._cells.recorder import Event, Recorder

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

    def _send(self, message: str, content: dict[str, Any]) -> None:
        kernel: Any = self._kernel
        kernel.session.send(
            kernel.iopub_socket, message, content, parent=self._parent, ident=message.encode()
        )


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
    """Records a cell that runs in this process.

    Args:
        shell: the shell, whose displays are taken where the cell runs.
        output: where everything is shown as it comes; None when the cell waits for its run, so that the kernel shows
            it by itself and this only keeps a copy.
        shared: several task cells may write to it at a time (a flow's), so each records for itself.
    """

    def __init__(self, shell: Any, output: CellOutput | None, *, shared: bool = False) -> None:
        super().__init__(output.put if output is not None else None)
        self._shell = shell
        self._output = output
        self._shared = shared

    @property
    def place(self) -> CellOutput | None:
        """Where what is shown goes; None where the kernel shows it by itself."""
        return self._output

    def attempt(self) -> Recorder:
        """Return the recorder of one attempt of a cell."""
        return KernelRecorder(self._shell, self._output) if self._shared else self

    def write(self, stream: str, text: str) -> int:
        """Take text, and let it through when the cell waits."""
        if self._output is None:
            routed = getattr(sys, stream)
            getattr(routed, "original", routed).write(text)
        return super().write(stream, text)

    def take(self, objects: tuple[object, ...], *, raw: bool) -> bool:
        """Leave `display` to the kernel, whose messages are taken on their way out."""
        del objects, raw
        return False

    def show(self, value: object) -> None:
        """Display the value of a trailing expression."""
        from IPython.display import display

        display(value)

    @contextmanager
    def displays(self) -> Iterator[None]:
        """Take the display messages of this thread; and the figures it has opened, unless the kernel will."""
        publisher = self._shell.display_pub
        if not hasattr(publisher, "register_hook"):
            yield
            return
        publisher.register_hook(self._on_message)
        try:
            with _own_figures(take=self._output is not None):
                yield
        finally:
            publisher.unregister_hook(self._on_message)

    def _on_message(self, message: dict[str, Any]) -> dict[str, Any] | None:
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


@contextmanager
def _own_figures(*, take: bool) -> Iterator[None]:
    """Show the figures that were opened in the block at its end, in the order of their numbers."""
    before = set(_figures())
    yield
    if not take:
        return
    from IPython.display import display

    for number in _figures():
        if number not in before:
            pyplot = sys.modules["matplotlib.pyplot"]
            figure = pyplot.figure(number)
            display(figure)
            pyplot.close(figure)


def _figures() -> list[int]:
    pyplot = sys.modules.get("matplotlib.pyplot")
    return list(pyplot.get_fignums()) if pyplot is not None else []
