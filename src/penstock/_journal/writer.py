"""Appending to this process's own journal.

One `os.write` on an O_APPEND descriptor an event: about 2 microseconds, and it survives the death of this
process at any later instant. An event that says nothing without the next one may be held back and travel with it. The file is locked (`flock`) for as long as the process lives, which is how the
store tells a dead process from a busy one.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from penstock._crashpoints import crashpoint
from penstock._ids import now_us, short_hex
from penstock._journal.line import encode

#: At most this many queued lines go into one write.
_TOGETHER = 64


def process_start() -> int:
    """Return when this process started, in the kernel's clock ticks; with the pid it names one process."""
    try:
        return int(Path("/proc/self/stat").read_bytes().rsplit(b")", 1)[1].split()[19])
    except OSError:
        return 0


class Journal:
    """The journal of one process.

    Args:
        folder: where journals live; made when missing, private to the user.
        role: "driver" for a process that runs flows, "worker" for one that runs tasks for another.
        parent: the client name of the driver, for a worker.
    """

    def __init__(self, folder: Path, role: str = "driver", parent: str | None = None) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        host = socket.gethostname().split(".")[0][:40].replace("-", "_") or "host"
        self.client = f"{host}-{os.getpid()}-{process_start()}-{short_hex(8)}"
        self.path = folder / f"{self.client}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(self.path, flags, 0o600)
        crashpoint("journal.created")
        # Waits for the moment in which somebody may just be asking whether the owner lives.
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        crashpoint("journal.locked")
        self._lock = threading.Lock()
        self._seq = 0
        self._size = 0
        #: Lines on their way into the file: sequence number, where in the file they begin, the bytes. More than
        #: one when some are held back, or the disk is full; they are tried again with the next event.
        self._queue: deque[tuple[int, int, bytes]] = deque()
        #: True while `_size` may be behind the file. It stays so when a signal interrupts a write.
        self._unsure = False
        self._told = False
        self._listeners: tuple[Callable[[], None], ...] = ()
        hello = {"pid": os.getpid(), "start": process_start(), "host": host, "role": role, "parent": parent}
        self.emit("hello", hello)

    @property
    def last_seq(self) -> int:
        """Sequence number of the newest event that is in the file."""
        return self._seq - 1

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._size

    def emit(self, kind: str, body: dict[str, Any], at: int | None = None, *, hold: bool = False) -> int:
        """Append one event and return its sequence number.

        Args:
            kind: one of the kinds listed in `penstock._journal.line`.
            body: its keys and values.
            at: when it happened, microseconds since 1970 UTC; now by default.
            hold: do not write it yet but together with the next event, or at the next `flush`: half the system
                calls where two events follow each other at once.
        """
        when = now_us() if at is None else at
        with self._lock:
            seq, start = self._seq, self._size
            if self._queue:
                last, begun, raw = self._queue[-1]
                seq, start = last + 1, begun + len(raw)
            self._queue.append((seq, start, encode(seq, kind, when, body)))
            if not hold:
                self._flush()
        for listener in self._listeners:
            listener()
        return seq

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every event; it must be quick and must not raise."""
        self._listeners = (*self._listeners, listener)

    def flush(self) -> bool:
        """Write what was held back or kept out by a full disk; True when nothing waits any more."""
        with self._lock:
            if self._fd >= 0:
                self._flush()
            return not self._queue

    def sync(self) -> bool:
        """Wait until the disk has what was written; False when something is kept out, or the disk cannot say."""
        if not self.flush():
            return False
        try:
            os.fdatasync(self._fd)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Say goodbye and let go of the lock; the store sweeps the file from here on."""
        with self._lock:
            if self._fd < 0:
                return
        self.emit("bye", {})
        crashpoint("journal.bye")
        self.abandon()

    def abandon(self) -> None:
        """Let go of the file without a goodbye (a forked child does this with its parent's journal).

        Takes no lock: in a forked child another thread of the parent may have held it, for ever.
        """
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _flush(self) -> None:
        """Write what is queued, as far as there is room.

        A signal (Ctrl-C, a time limit) may raise between any two steps. Whatever was done by then, the next call
        finds out from the file's size where to go on: no line is lost, doubled or left half.
        """
        while self._queue:
            _, start, line = self._queue[0]
            if self._unsure:
                self._size = os.fstat(self._fd).st_size
            self._unsure = True
            done = self._size - start
            if done < len(line):
                if len(self._queue) > 1:
                    line = b"".join(raw for _, _, raw in islice(self._queue, _TOGETHER))
                crashpoint("journal.write")
                self._size += self._write(line[done:] if done else line)
            self._unsure = False
            before = len(self._queue)
            while self._queue and self._size >= self._queue[0][1] + len(self._queue[0][2]):
                self._seq = self._queue[0][0] + 1
                crashpoint("journal.written")
                self._queue.popleft()
            if len(self._queue) == before:
                return

    def _write(self, data: bytes) -> int:
        try:
            written = os.write(self._fd, data)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            self._tell(error)
            return 0
        self._told = False
        return written

    def _tell(self, error: OSError) -> None:
        """Say once an outage that records wait: to stderr, since what logging keeps would wait, too."""
        if self._told:
            return
        self._told = True
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(
                f"penstock: no room for {self.path} ({error.strerror}). Runs go on; what they record waits in memory "
                "and is lost if this process ends first. Free some space, then `penstock doctor` says how it is.\n"
            )
