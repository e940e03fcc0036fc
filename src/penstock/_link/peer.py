"""Connecting to a Unix socket, and making sure who listens there before anything secret is sent."""

from __future__ import annotations

import os
import socket
import struct

_CREDENTIALS = struct.Struct("3i")


class WrongPeer(ConnectionRefusedError):
    """The process behind the socket runs as another user."""


def connect(path: str, timeout: float | None) -> socket.socket:
    """Return a connection to the store of this user.

    Args:
        path: of the socket.
        timeout: seconds that connecting, and later each read and write, may take.

    Raises:
        OSError: nobody listens, or (`WrongPeer`) another user does.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout)
        sock.connect(path)
        _check(sock, path)
    except BaseException:
        sock.close()
        raise
    return sock


def _check(sock: socket.socket, path: str) -> None:
    if not hasattr(socket, "SO_PEERCRED"):
        return  # the folder's mode has to do where the system does not tell
    _, uid, _ = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    if uid != os.getuid():
        raise WrongPeer(f"{path} is served by user {uid}, not by you")
