"""Ships this process's journal to the store, from a thread of its own.

The journal file is the queue: the sender reads whole lines from where it stopped and posts the bytes as they
are. Memory stays bounded however far the store falls behind, and what was not shipped when the process ends is
swept by the store from the same file.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time

from penstock._crashpoints import crashpoint
from penstock._journal.reader import parse, read_chunk
from penstock._journal.writer import Journal
from penstock._link.client import StoreClient
from penstock.exceptions import PenstockException, StoreRefused

_log = logging.getLogger("penstock.store")
_BATCH_BYTES = 1 << 20
#: Held while the sender imports what it needs. A child that is forked in between has half a module for ever.
_loading = threading.RLock()
os.register_at_fork(
    before=lambda: _loading.acquire() and None,
    after_in_parent=_loading.release,
    after_in_child=_loading.release,
)
#: Seconds between two looks whether a full disk has space again.
_FULL_DISK_SECONDS = 0.5
#: Answers of the store: it lacks lines before these; another process has written lines under our name.
_GAP, _TWIN = 409, 422


class Sender:
    """Ships one journal.

    Args:
        journal: what to ship.
        client: where to.
        gather: seconds; events that arrive within this time of the first travel together.
    """

    def __init__(self, journal: Journal, client: StoreClient, gather: float = 0.02) -> None:
        self._journal = journal
        self._client = client
        self._gather = gather
        self._hurry = threading.Event()
        self._work = threading.Event()
        self._sleeping = True
        self._stop = threading.Event()
        self._idle = threading.Condition()
        self._acked_to = 0
        self._gap_at: int | None = None
        self._over = False
        self._thread: threading.Thread | None = None
        journal.listen(self._wake)
        self._wake()

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="penstock-sender", daemon=True)
        self._thread.start()

    def hurry(self) -> None:
        """Ship what is written at once, without gathering more."""
        self._hurry.set()

    def drain(self, timeout: float) -> bool:
        """Wait until everything written so far is committed by the store; False when the time is up."""
        deadline = time.monotonic() + timeout
        self._hurry.set()
        self._wake()
        target: int | None = None
        with self._idle:
            while True:
                if target is None and self._journal.flush():
                    target = self._journal.size
                if target is not None and self._acked_to >= target:
                    return True
                left = deadline - time.monotonic()
                if left <= 0 or self._over or self._thread is None or not self._thread.is_alive():
                    return False
                self._idle.wait(left if target is not None else min(left, _FULL_DISK_SECONDS))

    def stop(self) -> None:
        """End the thread; what is left is swept from the file."""
        self._stop.set()
        self._hurry.set()
        self._work.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(2)

    def _wake(self) -> None:
        if self._sleeping:
            self._sleeping = False
            self._work.set()

    def _run(self) -> None:
        fd = os.open(self._journal.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with _loading:
                self._client.load()
            backoff = 0.05
            while not self._stop.is_set():
                # What found the disk full is tried again, also when no event follows it.
                while not self._work.wait(None if self._journal.flush() else _FULL_DISK_SECONDS):
                    continue
                self._work.clear()
                self._hurry.wait(self._gather)
                self._hurry.clear()
                self._sleeping = True
                try:
                    self._journal.flush()
                    self._ship(fd)
                    backoff = 0.05
                except PenstockException as error:
                    if isinstance(error, StoreRefused) and error.status == _TWIN:
                        self._give_up(error)
                        return
                    # The store is away or hangs: nothing is lost, the file keeps it. Try again, a little later.
                    self._stop.wait(backoff * (0.5 + random.random()))
                    backoff = min(backoff * 2, 5.0)
                    self._wake()
        finally:
            os.close(fd)

    def _ship(self, fd: int) -> None:
        while True:
            chunk = read_chunk(fd, self._acked_to, _BATCH_BYTES)
            if not chunk.data:
                return
            end = chunk.end
            crashpoint("sender.read")
            try:
                self._client.request(
                    "POST", "/link/ingest", raw=chunk.data, query={"client": self._journal.client}, timeout=60
                )
            except StoreRefused as refused:
                if refused.status != _GAP:
                    raise
                end = self._offset_of_gap(fd, refused)
            else:
                self._gap_at = None
            crashpoint("sender.acknowledged")
            with self._idle:
                self._acked_to = end
                self._idle.notify_all()
            crashpoint("sender.noted")

    def _offset_of_gap(self, fd: int, refused: StoreRefused) -> int:
        """Return where to go on after a gap.

        Raises:
            StoreRefused: going on there was no help; it is tried again after a pause.
        """
        seq = int(getattr(refused, "body", {}).get("hwm", -1))
        if self._gap_at == seq:
            raise refused
        self._gap_at = seq
        return self._offset_behind(fd, seq)

    def _give_up(self, refused: StoreRefused) -> None:
        """Say once that nothing more is shipped: sending again cannot help, and the file keeps it all."""
        with self._idle:
            self._over = True
            self._idle.notify_all()
        _log.error(
            "The store takes nothing more from this process (%s): %s This happens to a process that was copied while "
            "it ran, with its memory. What it records stays in %s and is not shown; restart the process (in a "
            "notebook: the kernel) to be recorded again.",
            self._journal.client,
            refused.reason,
            self._journal.path,
        )

    def _offset_behind(self, fd: int, seq: int) -> int:
        """Return the offset behind the line numbered `seq`: where the store wants us to go on."""
        offset = 0
        while True:
            chunk = read_chunk(fd, offset, _BATCH_BYTES)
            if not chunk.data:
                return offset
            for raw, line in zip(chunk.data.split(b"\n"), parse(chunk.data), strict=False):
                if line.seq > seq:
                    return offset
                offset += len(raw) + 1
