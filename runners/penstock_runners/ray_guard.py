"""Ends what a local Ray leaves behind when its driver is killed and cannot shut it down.

Two agents of Ray outlive such a driver, with some hundred megabytes. This program watches from a process of its own:
it notes Ray's processes while the driver lives, and kills those that are left a while after the driver's end. It
imports nothing but the standard library, and is run as a file.

    python ray_guard.py PID_OF_THE_DRIVER
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

_LOOK_SECONDS = 1.0
#: How long Ray gets to end by itself.
_PATIENCE_SECONDS = 3.0
#: In the command lines of the processes that a driver starts for Ray.
_BINARIES = b"/ray/core/src/ray/"
_PROC = Path("/proc")


def start_guard() -> subprocess.Popen[bytes] | None:
    """Start a guard for this process; None where there is no ``/proc`` to look into."""
    if not _PROC.is_dir():
        return None
    return subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def watch(driver: int) -> None:
    """Note Ray's processes as long as the driver lives, then end those that stay."""
    seen: dict[int, str] = {}
    born = _stat(driver)[1]
    while born and _stat(driver)[1] == born:
        seen.update(_of_ray(driver))
        time.sleep(_LOOK_SECONDS)
    time.sleep(_PATIENCE_SECONDS)
    for pid, start in seen.items():
        if _stat(pid)[1] == start:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def _of_ray(driver: int) -> dict[int, str]:
    """Return the processes of the driver's Ray: process id, and when it was born."""
    children: dict[int, list[int]] = {}
    births: dict[int, str] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            parent, births[int(entry.name)] = _stat(int(entry.name))
            children.setdefault(parent, []).append(int(entry.name))
    queue = [pid for pid in children.get(driver, []) if _BINARIES in _command(pid)]
    for pid in queue:  # grows
        queue.extend(children.get(pid, []))
    return {pid: births[pid] for pid in queue if births[pid]}


def _stat(pid: int) -> tuple[int, str]:
    """Return a process's parent and when it was born; zero and nothing for one that has ended."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0, ""
    return (int(fields[1]), fields[19]) if fields[0] != "Z" else (0, "")


def _command(pid: int) -> bytes:
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return b""


__all__ = ["start_guard", "watch"]

if __name__ == "__main__":
    watch(int(sys.argv[1]))
