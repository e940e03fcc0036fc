"""Which tags have a concurrency limit, without asking the store for every task.

The store keeps the list in a file of the workspace, replaced before the change of a limit is answered. One look at
the file's attributes (about a microsecond) says whether it is another one than was read, so what is known here is
never older than the last change that somebody was told of.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import orjson

_Stamp = tuple[int, int, int]
_known: dict[Path, tuple[_Stamp, frozenset[str]]] = {}
_NONE: frozenset[str] = frozenset()


def limited(path: Path, tags: Iterable[str]) -> list[str]:
    """Return which of these tags have a limit, in order.

    Args:
        path: `Workspace.limited_tags`.
        tags: of a task run.
    """
    found = _read(path)
    return sorted(found.intersection(tags)) if found else []


def _read(path: Path) -> frozenset[str]:
    try:
        about = os.stat(path)  # noqa: PTH116  # half the time of Path.stat, on the way of every task with tags
    except OSError:
        return _NONE
    stamp = (about.st_mtime_ns, about.st_ino, about.st_size)
    known = _known.get(path)
    if known is not None and known[0] == stamp:
        return known[1]
    try:
        tags = frozenset(orjson.loads(path.read_bytes()))
    except (OSError, orjson.JSONDecodeError):
        return _NONE
    _known[path] = (stamp, tags)
    return tags
