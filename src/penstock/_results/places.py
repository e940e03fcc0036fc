"""Where records lie: the few operations the result store needs of a storage, and the local folder.

A local record is written under another name, synced and renamed, so that a reader sees a whole one or none, whenever
the writer dies. Folders are private. What lies in a folder that others may write to is not trusted, because values
are unpickled from there; nor is a symbolic link that leads out of it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from penstock._ids import short_hex
from penstock._results.storage_keys import key_parts

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW


class Place(Protocol):
    """A storage as the result store sees it."""

    def open(self, key: str) -> BinaryIO:
        """Return a file of what lies under `key`.

        Raises:
            FileNotFoundError: nothing does.
            ValueError: the key may not be used.
        """
        ...

    def write(self, key: str, pieces: Iterable[Any]) -> None:
        """Put bytes under `key`, all or none of them."""
        ...

    def where(self, key: str) -> str:
        """Return where `key` is, for people."""
        ...

    @property
    def url(self) -> str | None:
        """What the place is known by in other processes; None when they cannot know it."""
        ...


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """A folder of the user's own.

    Args:
        folder: where; made when something is written.
    """

    folder: Path
    _checked: list[Path] = field(default_factory=list, repr=False, compare=False)

    def open(self, key: str) -> BinaryIO:
        """Return the file under `key`.

        Raises:
            FileNotFoundError: there is none.
            ValueError: the key leads out of the folder.
            PermissionError: others may write to the folder.
        """
        path = self._path(key)
        self._trust(path.parent)
        try:
            fd = os.open(path, _READ)
        except OSError:
            if not path.is_symlink():
                raise
            self._stays_inside(path, key)
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return os.fdopen(fd, "rb")

    def write(self, key: str, pieces: Iterable[Any]) -> None:
        """Put bytes under `key`; a reader sees what was there before, or all of them."""
        path = self._path(key)
        self._make(path.parent)
        self._trust(path.parent)
        put_file(path, pieces)

    def __reduce__(self) -> tuple[type[LocalFolder], tuple[Path]]:
        return LocalFolder, (self.folder,)

    def where(self, key: str) -> str:
        """Return the path of the file."""
        return str(self.folder.joinpath(*key_parts(key)))

    @property
    def url(self) -> str:
        """The folder as a URL."""
        return f"file://{self.folder}"

    def _path(self, key: str) -> Path:
        parts = key_parts(key)
        path = self.folder.joinpath(*parts)
        if len(parts) > 1:
            self._stays_inside(path.parent, key)
        return path

    def _stays_inside(self, path: Path, key: str) -> None:
        root = os.path.realpath(self.folder)
        if not Path(os.path.realpath(path)).is_relative_to(root):
            raise ValueError(
                f"Not usable as a result key: {key[:100]!r} leads out of {self.folder} by a symbolic link."
            )

    def _make(self, folder: Path) -> None:
        """Make a folder that only the user may look into, and those above it as usual."""
        if folder.is_dir():
            return
        if folder != self.folder and folder.is_relative_to(self.folder):
            self._make(folder.parent)
        else:
            folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)

    def _trust(self, folder: Path) -> None:
        """Refuse a folder others may put files into: reading a result runs what its pickle says."""
        if folder in self._checked:
            return
        for each in {self.folder, folder}:
            found = each.stat()
            if found.st_uid not in {os.geteuid(), 0}:
                raise PermissionError(
                    f"The storage folder {each} belongs to another user (uid {found.st_uid}), and results are only "
                    "kept in and read from folders of your own. Choose another result_storage."
                )
            if found.st_mode & stat.S_IWOTH:
                raise PermissionError(
                    f"Everybody may write to the storage folder {each}, and reading a result from there could run "
                    f"anybody's code. Run `chmod o-w {each}`, or choose another result_storage."
                )
        self._checked.append(folder)


@dataclass(frozen=True, slots=True)
class Nowhere:
    """Where nothing is kept."""

    def open(self, key: str) -> BinaryIO:
        """Raise FileNotFoundError: there is never anything."""
        raise FileNotFoundError(key)

    def write(self, key: str, pieces: Iterable[Any]) -> None:
        """Let go of it."""

    def where(self, key: str) -> str:
        """Return the key."""
        return f"{key} of a NullFileSystem, which keeps nothing"

    @property
    def url(self) -> None:
        """There is none."""


def put_file(path: Path, pieces: Iterable[Any]) -> None:
    """Write a file; whoever opens it sees what was there before, or all of it, whenever this process dies."""
    temporary = path.with_name(f".{path.name[:40]}.{os.getpid()}.{short_hex(8)}")
    fd = os.open(temporary, _NEW, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
