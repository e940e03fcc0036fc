"""What a task prints and displays while it runs, kept in the order it was made.

A task runs in a thread of the kernel, or in a worker process that may lack IPython. Either way its output goes to
the recorder of its run, found through a context variable, never to whatever cell happens to run. It is kept with the
run, carried back from workers while the run goes on, and shown again on demand.

Nothing here imports IPython when it is loaded.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from uuid import uuid4

from penstock._engine.contexts import FlowRunContext
from penstock_kernel._cells.current import recorder as recorder
from penstock_kernel._cells.displays import bundle, patch_display
from penstock_kernel._cells.figures import figures_shown
from penstock_kernel._cells.keeper import OUTPUT as OUTPUT
from penstock_kernel._cells.keeper import Event as Event
from penstock_kernel._cells.keeper import Keeper, Owner

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

    #: IPython's `display` is to hand over here what it is given.
    takes_displays = True
    #: Who watches sees the output by itself, where it is made.
    shown_here = False

    def __init__(self, forward: Callable[[Event], None] | None = None) -> None:
        self._forward = forward
        self._open: dict[str, str] = {}
        self._text = 0
        self._lock = threading.RLock()
        #: Where the output is kept; set while a run is recorded.
        self.keeper: Keeper | None = None

    def fresh(self) -> Recorder:
        """Return a recorder for another run, which shows its output in the same place."""
        return type(self)(self._forward)

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
        """Take the value of a trailing expression, or a figure."""
        if value is not None:
            data, metadata = bundle(value)
            self.put({"kind": "display", "data": data, "metadata": metadata})

    def take(self, objects: tuple[object, ...], options: Mapping[str, Any]) -> Any:
        """Take what `display` was called with; return what that returns."""
        display_id = options.get("display_id")
        if display_id is True:
            display_id = uuid4().hex
        if options.get("clear"):
            self.put({"kind": "clear", "wait": True})
        for item in objects or (({"text/plain": ""},) if display_id else ()):
            data, metadata = (item, {}) if options.get("raw") or not objects else bundle(item)
            if data:
                self.put(
                    {
                        "kind": "display",
                        "data": data,
                        "metadata": {**metadata, **(options.get("metadata") or {})},
                        "display_id": display_id,
                        "update": bool(options.get("update")),
                    }
                )
        if not display_id:
            return None
        from IPython.display import DisplayHandle

        return DisplayHandle(display_id)

    def note(self, event: Event) -> None:
        """Keep something about the run that is not shown as it comes."""
        with self._lock:
            self.flush()
            if self.keeper is not None:
                self.keeper.put(event)

    def flush(self) -> None:
        """Take lines that have no end yet as they are."""
        with self._lock:
            for stream in ("stdout", "stderr"):
                self._close(stream)

    @contextmanager
    def displays(self) -> Iterator[None]:
        """Take what is displayed in the block, and the figures that are open at its end."""
        patch_display()
        with figures_shown(self.show):
            yield

    def displays_within(self) -> AbstractContextManager[None]:
        """Take what a run inside the recorded one displays, which may have a thread of its own."""
        return nullcontext()

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
        self._add({"kind": "stream", "name": name, "text": text})

    def _add(self, event: Event) -> None:
        if self.keeper is not None:
            self.keeper.put(event)
        if self._forward is not None:
            self._forward(dict(event))


@contextmanager
def recorded(owner: Owner, mine: Recorder) -> Iterator[None]:
    """Record one attempt of a run; a run inside a task that is recorded already is part of that.

    Args:
        owner: the run.
        mine: takes what it puts out.
    """
    around = recorder.get()
    if around is not None and around.keeper is not None and around.keeper.owner.task_run_id is not None:
        with around.displays_within():
            yield
        return
    keeper = mine.keeper = Keeper(owner, quiet=mine.shown_here)
    mark = recorder.set(mine)
    try:
        with mine.displays():
            yield
    except Exception as error:
        mine.note(error_event(error))
        raise
    finally:
        mine.flush()
        recorder.reset(mark)
        keeper.close()


def error_event(error: BaseException) -> Event:
    """Return an exception as an event, with a traceback that begins in the user's code."""
    lines = traceback.format_exception(type(error), error, _from_user_code(error))
    return {
        "kind": "error",
        "ename": type(error).__name__,
        "evalue": str(error),
        "traceback": "".join(lines).rstrip("\n").split("\n"),
    }


def _from_user_code(error: BaseException) -> Any:
    import penstock

    ours = (str(Path(__file__).parent), str(Path(penstock.__file__).parent))
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(ours):
        trace = trace.tb_next
    return trace or error.__traceback__


def describe(outputs: Mapping[str, object]) -> None:
    """Note what the outputs are, for who holds them from afar."""
    if outputs and (found := recorder.get()) is not None:
        found.note({"kind": "outputs", "outputs": {name: brief(v) for name, v in outputs.items()}})


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


def owner_of(run: Any) -> Owner:
    """Return the owner of what a task run puts out.

    Args:
        run: the execution.
    """
    return Owner(run.session, run.task.name, run.task_run.flow_run_id, run.task_run.id)


def body_recorded(name: str) -> AbstractContextManager[None]:
    """Record the body of a flow cell that has a place of its own to show what it puts out; else do nothing.

    Args:
        name: of the cell.
    """
    found, context = recorder.get(), FlowRunContext.get()
    if found is None or found.keeper is not None or context is None:
        return nullcontext()
    return recorded(Owner(context.session, name, context.flow_run.id, None), found.fresh())


__all__ = [
    "DATA_LIMIT",
    "OUTPUT",
    "TEXT_LIMIT",
    "Event",
    "Recorder",
    "recorded",
    "recorder",
]
