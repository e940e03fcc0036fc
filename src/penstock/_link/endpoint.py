"""Where a running store listens, and what can be seen of its process."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock._link.peer import connect
from penstock._workspace import PROTOCOL, Workspace

#: Seconds a store may take to accept a connection.
_CONNECT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a store says of itself in `endpoint.json`; `start` is in the kernel's clock ticks."""

    socket: str
    token: str
    pid: int
    tcp_port: int | None = None
    version: str = ""
    protocol: int = PROTOCOL
    start: int | None = None


def read_endpoint(workspace: Workspace) -> Endpoint | None:
    """Return what `endpoint.json` says, None when there is none."""
    try:
        data: dict[str, Any] = json.loads(workspace.endpoint.read_bytes())
        return Endpoint(
            data["socket"],
            data["token"],
            data["pid"],
            data.get("tcp_port"),
            data.get("version", ""),
            data.get("protocol", PROTOCOL),
            data.get("start"),
        )
    except (FileNotFoundError, ValueError, KeyError):
        return None


def answers(endpoint: Endpoint) -> bool:
    """True when a process of this user accepts connections there."""
    try:
        connect(endpoint.socket, _CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def process_state(pid: int, start: int | None) -> str | None:
    """Return the state letter of a process (``T`` is stopped); None when it is gone or its pid is another's by now.

    Args:
        pid: its number.
        start: when it started, in clock ticks; a process that started at another time is another one.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rsplit(b")", 1)[1].split()
    except (OSError, IndexError):
        return _state_without_proc(pid)
    if start is not None and int(fields[19]) != start:
        return None
    return fields[0].decode()


def _state_without_proc(pid: int) -> str | None:
    if Path("/proc/self/stat").exists():
        return None
    try:
        os.kill(pid, 0)
    except OSError:
        return None
    return "?"
