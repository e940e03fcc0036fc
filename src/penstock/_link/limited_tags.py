"""Which tags have a concurrency limit, without asking the store for every task.

The store keeps the list in a file of the workspace, replaced before the change of a limit is answered. One look at
the file's attributes (about a microsecond) says whether it is another one than was read, so what is known here is
never older than the last change that somebody was told of.
"""

from __future__ import annotations

import os
from collections.abc import Collection

import orjson

from penstock._workspace import Workspace

_NONE: frozenset[str] = frozenset()


class LimitedTags:
    """The tags of a workspace that have a limit.

    Args:
        workspace: which one. Where its folder is out of reach, no tags are known to be limited.
    """

    __slots__ = ("_path", "_stamp", "_tags")

    def __init__(self, workspace: Workspace) -> None:
        self._path = os.fspath(workspace.limited_tags)
        self._stamp: tuple[int, int] | None = None
        self._tags = _NONE

    def among(self, tags: Collection[str]) -> list[str]:
        """Return which of these tags have a limit, in order."""
        try:
            about = os.stat(self._path)  # noqa: PTH116  # on the way of every task with tags; Path is slower
        except OSError:
            return []
        stamp = (about.st_mtime_ns, about.st_ino)
        if stamp != self._stamp:
            self._read(stamp)
        return [] if self._tags.isdisjoint(tags) else sorted(self._tags.intersection(tags))

    def _read(self, stamp: tuple[int, int]) -> None:
        try:
            with open(self._path, "rb") as file:  # noqa: PTH123  # as above
                self._tags = frozenset(orjson.loads(file.read()))
        except (OSError, orjson.JSONDecodeError):
            return
        self._stamp = stamp
