"""Forbid this process, by the kernel, to start programs: what hardened containers and some clusters do."""

from __future__ import annotations

import ctypes
import platform
import struct

_EXEC = {"x86_64": (59, 322), "aarch64": (221, 281)}
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _PERMISSION_DENIED = 0x7FFF0000, 0x00050001


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def forbid_exec() -> None:
    """Let `execve` and `execveat` fail with EPERM in this process and its children, for ever."""
    one, other = _EXEC[platform.machine()]
    steps = struct.pack(
        "=HBBIHBBIHBBIHBBIHBBI",
        *(_LOAD, 0, 0, 0),
        *(_EQUAL, 2, 0, one),
        *(_EQUAL, 1, 0, other),
        *(_RETURN, 0, 0, _ALLOW),
        *(_RETURN, 0, 0, _PERMISSION_DENIED),
    )
    libc = ctypes.CDLL(None, use_errno=True)
    program = _Program(5, steps)
    assert libc.prctl(38, 1, 0, 0, 0) == 0  # no new privileges
    assert libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0, ctypes.get_errno()
