"""Which processes are alive: those that hold the lock of their journal."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def is_dead(path: Path) -> bool:
    """True when the journal has begun and nobody holds its lock.

    A shared lock is asked for, so that two who look at the same time do not take each other for the owner. A file
    without a first line belongs to a process that is about to lock it and must not be touched.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        if os.fstat(fd).st_size == 0:
            return False
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(fd)


def is_alive(journals: Path, client: str | None) -> bool:
    """True while the process of that name runs on this machine."""
    if not client or "/" in client or client.startswith("."):
        return False
    path = journals / f"{client}.jsonl"
    return path.exists() and not is_dead(path)
