"""What a task cell prints and displays while it runs, kept in the order it was made.

A cell's code runs in a thread of the kernel, or in a worker process that may lack IPython. Either way its output goes
to the recorder of its run, found through a context variable, never to whatever cell happens to run. At the end it
becomes an artifact of the run: stored, carried back from workers with the run's outcome, shown again on demand.

Nothing here imports IPython when it is loaded.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Event = dict[str, Any]

#: The type of the artifact that holds the output of one attempt of a cell.
OUTPUT = "cell-output"
#: How much text of one run is kept and shown; a front end drops everything of a cell that floods it.
TEXT_LIMIT = 200_000
#: A picture or a page bigger than this is replaced by a note.
DATA_LIMIT = 8_000_000


class Recorder:
    """Takes the output of one run.

    Args:
        forward: called with each event as it comes, in order: ``{"kind": "stream", "name", "text"}``,
            ``{"kind": "display", "data", "metadata", "display_id", "update"}``, ``{"kind": "clear", "wait"}``,
            or ``{"kind": "error", "ename", "evalue", "traceback"}``.
    """

    def __init__(self, forward: Callable[[Event], None] | None = None) -> None:
        self.events: list[Event] = []
        self._forward = forward
        self._open: dict[str, str] = {}
        self._text = 0
        self._lock = threading.RLock()

    def write(self, stream: str, text: str) -> int:
        """Take text; `print` writes in pieces, so it goes on with the end of a line."""
        with self._lock:
            other = "stderr" if stream == "stdout" else "stdout"
            self._close(other)
            whole = self._open.pop(stream, "") + text
            cut = max(whole.rfind("\n"), whole.rfind("\r")) + 1
            if whole[cut:]:
                self._open[stream] = whole[cut:]
            if cut:
                self._stream(stream, whole[:cut])
        return len(text)

    def put(self, event: Event) -> None:
        """Take an event that is not text."""
        with self._lock:
            self.flush()
            size = sum(len(part) for part in event.get("data", {}).values() if isinstance(part, str))
            if size > DATA_LIMIT:
                note = f"[{size / 1e6:.0f} MB not shown; keep big pictures in files]"
                event = {**event, "data": {"text/plain": note}}
            self._add(event)

    def show(self, value: object) -> None:
        """Take the value of a trailing expression."""
        if value is not None:
            data, metadata = bundle(value)
            self.put({"kind": "display", "data": data, "metadata": metadata})

    def take(self, objects: tuple[object, ...], *, raw: bool) -> bool:
        """Take the objects of a call of `display`; False when the call shall go its usual way."""
        for item in objects:
            data, metadata = (item, {}) if raw else bundle(item)
            self.put({"kind": "display", "data": data, "metadata": metadata})
        return True

    def attempt(self) -> Recorder:
        """Return the recorder of one attempt of a cell: this one, unless several cells share it."""
        return self

    def error(self, error: BaseException) -> None:
        """Take what ended the run; it is shown only if the run is not tried again, so it is not forwarded."""
        with self._lock:
            self.flush()
            self.events.append(error_event(error))

    def flush(self) -> None:
        """Take lines that have no end yet as they are."""
        with self._lock:
            for stream in ("stdout", "stderr"):
                self._close(stream)

    @contextmanager
    def displays(self) -> Iterator[None]:
        """Take what is displayed in the block, and the figures that are open at its end."""
        _patch_display()
        yield
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is not None:
            for number in pyplot.get_fignums():
                self.show(pyplot.figure(number))
            pyplot.close("all")

    def _close(self, stream: str) -> None:
        rest = self._open.pop(stream, "")
        if rest:
            self._stream(stream, rest)

    def _stream(self, name: str, text: str) -> None:
        left = TEXT_LIMIT - self._text
        if left <= 0:
            return
        self._text += len(text)
        if len(text) > left:
            text = text[:left] + f"\n[output cut at {TEXT_LIMIT // 1000} kB]\n"
        last = self.events[-1] if self.events else {}
        if last.get("kind") == "stream" and last["name"] == name:
            last["text"] += text
            self._tell({"kind": "stream", "name": name, "text": text})
        else:
            self._add({"kind": "stream", "name": name, "text": text})

    def _add(self, event: Event) -> None:
        self.events.append(event)
        self._tell(dict(event))

    def _tell(self, event: Event) -> None:
        if self._forward is not None:
            self._forward(event)


#: Where the output of the code that runs now goes; None for where it always goes.
recorder: ContextVar[Recorder | None] = ContextVar("penstock_recorder", default=None)


def error_event(error: BaseException) -> Event:
    """Return an exception as an event, with a traceback that begins in the user's cell."""
    lines = traceback.format_exception(type(error), error, _from_cell(error))
    return {
        "kind": "error",
        "ename": type(error).__name__,
        "evalue": str(error),
        "traceback": "".join(lines).rstrip("\n").split("\n"),
    }


def _from_cell(error: BaseException) -> Any:
    trace = error.__traceback__
    while trace is not None and not trace.tb_frame.f_code.co_filename.startswith("<task "):
        trace = trace.tb_next
    return trace or error.__traceback__


def bundle(value: object) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return how a value displays, by MIME type, and its metadata; its text where IPython is missing."""
    try:
        from IPython.core.formatters import DisplayFormatter
    except ImportError:
        return {"text/plain": repr(value)}, {}
    formatter = DisplayFormatter()
    _teach_pictures(formatter)
    data, metadata = formatter.format(value)
    return {kind: _text(part) for kind, part in data.items()}, metadata


def _text(part: Any) -> Any:
    if not isinstance(part, bytes):
        return part
    from base64 import b64encode

    return b64encode(part).decode("ascii")


def _teach_pictures(formatter: Any) -> None:
    """Let figures become pictures, as IPython's shell would; only where matplotlib is in use."""
    if "matplotlib.figure" not in sys.modules:
        return
    from IPython.core.pylabtools import print_figure
    from matplotlib.figure import Figure

    formatter.formatters["image/png"].for_type(Figure, lambda figure: print_figure(figure, base64=True))


class RoutedStream:
    """Stands for `sys.stdout` or `sys.stderr`: text of a recorded run goes to its recorder.

    Args:
        name: "stdout" or "stderr".
        original: takes everything else.
    """

    def __init__(self, name: str, original: Any) -> None:
        self.route = name
        self.original = original

    def write(self, text: str) -> int:
        """Write to the recorder in force here, or where the text always went."""
        found = recorder.get()
        if found is not None:
            return found.write(self.route, text)
        return int(self.original.write(text) or 0)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write one after the other."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)


def route_streams() -> None:
    """Put routed streams in the place of `sys.stdout` and `sys.stderr`, once."""
    for name in ("stdout", "stderr"):
        present = getattr(sys, name)
        if present is not None and type(present) is not RoutedStream:
            setattr(sys, name, RoutedStream(name, present))


def unroute_streams() -> None:
    """Undo `route_streams`, where nobody has put something else in their place."""
    for name in ("stdout", "stderr"):
        present = getattr(sys, name)
        if type(present) is RoutedStream:
            setattr(sys, name, present.original)


@contextmanager
def recorded(name: str) -> Iterator[None]:
    """Record the output of one attempt of a cell and keep it as an artifact of its run.

    On a worker this makes the recorder; in the kernel there is one already, if the cell runs in the background.

    Args:
        name: of the cell, the artifact's description.
    """
    found = recorder.get()
    if found is None and not _on_worker():
        yield
        return
    mine = found.attempt() if found is not None else Recorder()
    if found is None:
        route_streams()
    first = len(mine.events)
    mark = recorder.set(mine)
    try:
        with mine.displays():
            yield
    except BaseException as error:
        mine.error(error)
        raise
    finally:
        mine.flush()
        recorder.reset(mark)
        _keep(mine.events[first:], name)


def describe(outputs: Mapping[str, object]) -> None:
    """Note what the outputs are, for who holds them from afar."""
    if outputs and (found := recorder.get()) is not None:
        found.events.append({"kind": "outputs", "outputs": {name: brief(v) for name, v in outputs.items()}})


def brief(value: object) -> str:
    """Return type, shape and size of a value in a few words.

    Example:
        >>> brief([1, 2, 3])
        'list of 3'
    """
    from penstock._engine.remote import approximate_size

    words = type(value).__name__
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        words += " " + " x ".join(map(str, shape))
    elif isinstance(value, (list, tuple, dict, set)):
        words += f" of {len(value)}"
    size = approximate_size(value)
    return (
        words
        if size < 1000
        else f"{words}, {size / 1e6:.1f} MB"
        if size >= 100_000
        else f"{words}, {size / 1e3:.0f} kB"
    )


def _keep(events: list[Event], name: str) -> None:
    from penstock.artifacts import _create

    if events:
        _create(OUTPUT, events, None, name)


def _on_worker() -> bool:
    """Whether this code works for a driver in another process."""
    from penstock._engine.contexts import TaskRunContext

    remote = sys.modules.get("penstock._engine.remote_run")
    context = TaskRunContext.get()
    return remote is not None and context is not None and str(context.task_run.id) in remote.running_here()


_patch_lock = threading.Lock()


def _patch_display() -> None:
    """Make IPython's `display` look for a recorder, for good; only where IPython is loaded."""
    functions: Any = sys.modules.get("IPython.core.display_functions")
    with _patch_lock:
        if functions is None or hasattr(functions.display, "penstock"):
            return
        original = functions.display

        def display(*objects: Any, **options: Any) -> Any:
            found = recorder.get()
            if found is None or not found.take(objects, raw=bool(options.get("raw"))):
                return original(*objects, **options)
            return None

        display.penstock = True  # type: ignore[attr-defined]
        functions.display = display
        for name in ("IPython.display", "IPython.core.display"):
            module: Any = sys.modules.get(name)
            if module is not None and hasattr(module, "display"):
                module.display = display
