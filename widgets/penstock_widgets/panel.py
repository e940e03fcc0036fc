"""The live panel of one run: an anywidget that draws a snapshot and sends answers back.

ipykernel 7.4 sends what a front end says on a comm to the subshell that last published on that comm, which is
the main shell and may be blocked by the very cell that waits for the answer. It asks the comm's
`_reply_subshell_for` where to; we put our own function there and take answers in it, in the Shell-channel thread.
The attribute is private, so its absence changes nothing: the message then comes by `on_msg` as usual.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakSet

import anywidget
import traitlets

from penstock_widgets.patches import apply_patch, empty_snapshot, json_copy
from penstock_widgets.static_html import panel_html, panel_text

_log = logging.getLogger(__name__)
_STATIC = Path(__file__).parent / "static"

#: Panels on display whose comms are open.
_shown: WeakSet[RunPanel] = WeakSet()

AnswerCallback = Callable[[str, dict[str, Any]], object]


def retire_panels() -> None:
    """Make static content of every panel on display."""
    for panel in list(_shown):
        panel.retire()


class RunPanel(anywidget.AnyWidget):  # type: ignore[misc]  # anywidget is untyped to mypy here
    """Draw one run and take its answers.

    Args:
        snapshot: what is known of the run; missing parts are filled in (see `patches.empty_snapshot`).
    """

    _esm = _STATIC / "panel.js"
    _css = _STATIC / "panel.css"

    #: ipywidgets 7 displays by this method, which leaves the static content out.
    _ipython_display_ = None

    #: The whole truth as of the last write; between writes, patches travel as custom messages.
    snapshot = traitlets.Dict().tag(sync=True)

    def __init__(self, snapshot: Mapping[str, Any] | None = None) -> None:
        #: The snapshot with every patch merged in. Read it under `lock`, or use `copy_current`.
        self.current = empty_snapshot()
        self.lock = threading.RLock()
        #: Set by the feed after the last snapshot.
        self.finished = False
        apply_patch(self.current, snapshot or {})
        self._answered: list[AnswerCallback] = []
        self._cancelled: list[Callable[[], object]] = []
        self._readied: list[Callable[[], object]] = []
        self._seen: deque[str] = deque(maxlen=256)
        self._display: Any = None
        self._put: Callable[[dict[str, Any]], object] | None = None
        super().__init__(snapshot=json_copy(self.current))
        self.on_msg(lambda _widget, content, _buffers: self._take(content))
        self._listen_while_blocked(self.comm)

    def on_answer(self, callback: AnswerCallback) -> None:
        """Call `callback(pause_id, values)` once for each answer.

        It runs in whichever thread the message reaches first: with ipykernel 7.4 the Shell-channel thread, which
        serves every message of the kernel. So be quick: check, set an event, return; never print or wait there.
        """
        self._answered.append(callback)

    def on_cancel(self, callback: Callable[[], object]) -> None:
        """Call `callback()` once for each press of Cancel; the same haste is due as for `on_answer`."""
        self._cancelled.append(callback)

    def on_ready(self, callback: Callable[[], object]) -> None:
        """Call `callback()` when a page has drawn the panel and may have missed patches."""
        self._readied.append(callback)

    def merge(self, patch: Mapping[str, Any]) -> None:
        """Merge a patch into `current` without sending it. The feed calls this."""
        with self.lock:
            apply_patch(self.current, patch)

    def copy_current(self) -> dict[str, Any]:
        """Return a copy of `current` that no other thread changes."""
        with self.lock:
            copied: dict[str, Any] = json_copy(self.current)
        return copied

    def write(self) -> None:
        """Write `current` into the synchronised trait, where pages opened later find it."""
        self.snapshot = self.copy_current()

    def show(self, put: Callable[[dict[str, Any]], object] | None = None) -> None:
        """Display the panel.

        Args:
            put: takes the message for a cell that has ended; None for the cell that this context belongs to.
        """
        from IPython.display import DisplayHandle, display

        _shown.add(self)
        if put is None:
            self._display = display(self, display_id=True)
        else:
            self._put, self._display = put, DisplayHandle()
            self._draw(update=False)

    def seal(self) -> None:
        """Write the final content into the displayed output, so that a saved notebook reads it without a kernel."""
        if self._put is not None:
            self._draw(update=True)
        elif self._display is not None:
            self._display.update(self)

    def retire(self) -> None:
        """Leave the static content in the place of the widget, and close its comms."""
        _shown.discard(self)
        now = self.copy_current()
        data = {"text/html": panel_html(now), "text/plain": panel_text(now)}
        if self._put is not None:
            self._place(data, {}, update=True)
        elif self._display is not None:
            self._display.update(data, raw=True)
        if self.layout is not None:
            self.layout.close()
        self.close()

    def _draw(self, *, update: bool) -> None:
        data, metadata = self._repr_mimebundle_()
        self._place(data, metadata, update=update)

    def _place(self, data: dict[str, Any], metadata: dict[str, Any], *, update: bool) -> None:
        assert self._put is not None
        event = {"kind": "display", "data": data, "metadata": metadata}
        self._put({**event, "display_id": self._display.display_id, "update": update})

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Return the widget view with static HTML and text beside it; front ends prefer the first they know."""
        made = super()._repr_mimebundle_(**kwargs)
        if made is None:
            return None
        data, metadata = made if isinstance(made, tuple) else (made, {})
        now = self.copy_current()
        return {**data, "text/html": panel_html(now), "text/plain": panel_text(now)}, metadata

    def _listen_while_blocked(self, comm: Any) -> None:
        if not hasattr(comm, "_reply_subshell_for"):
            return

        def route(data: Any, default: str | None) -> str | None:
            if isinstance(data, dict) and data.get("method") == "custom":
                self._take(data.get("content"))
            return default

        comm._reply_subshell_for = route

    def _take(self, content: Any) -> None:
        """Hand one message to the callbacks, once however many ways it came; a callback's error is only logged."""
        if not isinstance(content, dict):
            return
        kind, nonce = content.get("kind"), content.get("nonce")
        with self.lock:
            if isinstance(nonce, str) and nonce in self._seen:
                return
            if isinstance(nonce, str):
                self._seen.append(nonce)
        try:
            self._dispatch(kind, content)
        except Exception:
            _log.exception("the panel of run %s could not take a %r message", self.current["run"]["id"], kind)

    def _dispatch(self, kind: Any, content: dict[str, Any]) -> None:
        if kind == "answer" and isinstance(content.get("values"), dict):
            for answered in tuple(self._answered):
                answered(str(content.get("pause")), json_copy(content["values"]))
        elif kind == "cancel":
            for cancelled in tuple(self._cancelled):
                cancelled()
        elif kind == "ready":
            for readied in tuple(self._readied):
                readied()
