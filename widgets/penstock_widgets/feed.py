"""Sending what changes: one thread a kernel merges the patches of all panels and sends them ten times a second.

jupyter_server drops messages above 1000 a second, the last one perhaps among them. So patches are merged first,
the rate is lowered when many panels are live, and the whole snapshot is written at the start, every five seconds
while something changed, and at the end.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from penstock_widgets.patches import join_patches

if TYPE_CHECKING:
    from penstock_widgets.panel import RunPanel

_log = logging.getLogger(__name__)

#: Most messages a second over all panels; the server's limit is 1000, and others publish too.
MESSAGE_BUDGET = 150


@dataclass(eq=False, slots=True)
class _Slot:
    """One live panel: what it has not been sent, and the context that names the cell it belongs to."""

    panel: RunPanel
    context: contextvars.Context
    written: float
    pending: dict[str, Any] = field(default_factory=dict)
    #: Something changed since the snapshot was written.
    dirty: bool = False
    #: A page came late: write the snapshot at the next flush.
    stale: bool = False
    #: Held while sending: a context can be entered by one thread at a time, and messages must keep their order.
    sending: threading.Lock = field(default_factory=threading.Lock)


class Feed:
    """The flusher of a kernel's panels.

    Args:
        period: seconds between two flushes.
        snapshot_period: seconds between two writes of a changed snapshot.
    """

    def __init__(self, period: float = 0.1, snapshot_period: float = 5.0) -> None:
        self._period = period
        self._snapshot_period = snapshot_period
        self._lock = threading.Lock()
        self._slots: dict[int, _Slot] = {}
        self._thread: threading.Thread | None = None
        self._work = threading.Event()

    def start(self, panel: RunPanel) -> None:
        """Follow a panel from now on; its messages belong to the cell of the calling context."""
        with self._lock:
            if id(panel) in self._slots:
                return
            panel.finished = False
            slot = self._slots[id(panel)] = _Slot(panel, contextvars.copy_context(), time.monotonic())
        panel.on_ready(lambda: self._catch_up(slot))
        self._send(slot, whole=True)

    def update(self, panel: RunPanel, patch: Mapping[str, Any]) -> None:
        """Merge a patch and have it sent soon. Safe from any thread.

        A panel not followed yet is started; one that is finished is written at once, for stragglers.
        """
        if panel.finished:
            panel.merge(patch)
            _publish(contextvars.copy_context(), panel.write)
            return
        self.start(panel)
        with self._lock, panel.lock:
            panel.merge(patch)
            slot = self._slots.get(id(panel))
            if slot is not None:
                join_patches(slot.pending, patch)
                slot.dirty = True
                self._wake()

    def finish(self, panel: RunPanel) -> None:
        """Write the final snapshot now and forget the panel; the thread ends with the last one."""
        with self._lock:
            slot = self._slots.pop(id(panel), None)
            panel.finished = True
            self._work.set()
        if slot is not None:
            self._send(slot, whole=True)

    @property
    def live(self) -> int:
        """How many panels are followed."""
        with self._lock:
            return len(self._slots)

    def _catch_up(self, slot: _Slot) -> None:
        """Have the whole snapshot written: a page came late. Called in a thread that must not wait."""
        with self._lock:
            if self._slots.get(id(slot.panel)) is slot:
                slot.stale = True
                self._wake()

    def _wake(self) -> None:
        """Start the thread when there is none. The lock is held."""
        self._work.set()
        if self._thread is None:
            context = contextvars.copy_context()
            self._thread = threading.Thread(
                target=context.run, args=(self._run,), name="penstock-feed", daemon=True
            )
            self._thread.start()

    def _run(self) -> None:
        while True:
            self._work.wait(self._snapshot_period)
            self._work.clear()
            with self._lock:
                slots = list(self._slots.values())
                if not slots:
                    self._thread = None
                    return
            for slot in slots:
                self._flush(slot)
            time.sleep(max(self._period, len(slots) / MESSAGE_BUDGET))

    def _flush(self, slot: _Slot) -> None:
        due = slot.dirty and time.monotonic() - slot.written >= self._snapshot_period
        if slot.stale or due:
            self._send(slot, whole=True)
        elif slot.pending:
            self._send(slot, whole=False)

    def _send(self, slot: _Slot, *, whole: bool) -> None:
        """Take what is pending and send it, in order and in the panel's own context."""
        panel = slot.panel
        with slot.sending:
            with self._lock, panel.lock:
                patch, slot.pending = slot.pending, {}
                if whole:
                    slot.dirty = slot.stale = False
                    slot.written = time.monotonic()
                elif "logs" in patch:
                    patch["logs"]["dropped"] = panel.current["logs"]["dropped"]
            if whole:
                _publish(slot.context, panel.write)
            elif patch:
                _publish(slot.context, lambda: panel.send({"kind": "patch", "patch": patch}))


def _publish(context: contextvars.Context, send: Callable[[], object]) -> None:
    """Send in the panel's context. A closed comm or a dying kernel ends no run: it is noted and forgotten."""
    try:
        context.run(send)
    except Exception as error:
        _log.debug("a panel could not be updated: %s", error, exc_info=True)


#: The feed of this kernel.
feed = Feed()
