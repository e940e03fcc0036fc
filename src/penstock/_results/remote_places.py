"""Records on file systems that are not this machine's: through fsspec, or through a user's own two methods."""

from __future__ import annotations

import asyncio
import inspect
import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from penstock._results import filesystems
from penstock._results.filesystems import in_its_folder
from penstock._results.places import LocalFolder, Nowhere, Place
from penstock._results.storage_keys import key_parts

#: How much of a remote file is fetched at least, in bytes: enough for the head of a record.
_BLOCK = 1 << 16


def place_of_filesystem(filesystem: Any) -> Place:
    """Return the place records lie in that are stored through a file system."""
    if type(filesystem) is filesystems.LocalFileSystem:
        return LocalFolder(Path(filesystem.basepath or ".").expanduser().absolute())
    if type(filesystem) is filesystems.RemoteFileSystem:
        return RemoteFolder(filesystem)
    if isinstance(filesystem, filesystems.NullFileSystem):
        return Nowhere()
    return OwnFileSystem(filesystem)


@dataclass(frozen=True, slots=True)
class RemoteFolder:
    """A folder of a system fsspec knows. An interrupted upload is discarded where the system can do that."""

    filesystem: filesystems.RemoteFileSystem

    def open(self, key: str) -> BinaryIO:
        """Return the file under `key`; what is read of it is fetched piece by piece."""
        file = self.filesystem.filesystem.open(self.where(key), "rb", block_size=_BLOCK)
        return cast("BinaryIO", file)

    def write(self, key: str, pieces: Iterable[Any]) -> None:
        """Put bytes under `key`."""
        path, fs = self.where(key), self.filesystem.filesystem
        file = in_its_folder(fs, path, lambda: fs.open(path, "wb", autocommit=False))
        try:
            for piece in pieces:
                file.write(piece)
            file.close()
        except BaseException:
            file.discard()
            raise
        file.commit()

    def where(self, key: str) -> str:
        """Return the URL of the file."""
        return f"{self.url}/{'/'.join(key_parts(key))}"

    @property
    def url(self) -> str:
        """The base path; keys and other settings of the file system are not in it."""
        return self.filesystem.basepath.rstrip("/")


@dataclass(frozen=True, slots=True)
class OwnFileSystem:
    """A user's own file system: each record goes through its `write_path` and `read_path` in one piece."""

    filesystem: Any

    def open(self, key: str) -> BinaryIO:
        """Return what lies under `key`.

        Raises:
            FileNotFoundError: nothing does, or it cannot be read: what it raises for either is its own affair.
        """
        path = "/".join(key_parts(key))
        try:
            return io.BytesIO(settled(self.filesystem.read_path(path)))
        except Exception as error:
            raise FileNotFoundError(f"{path}: {error!r}") from error

    def write(self, key: str, pieces: Iterable[Any]) -> None:
        """Put bytes under `key`."""
        settled(self.filesystem.write_path("/".join(key_parts(key)), b"".join(pieces)))

    def where(self, key: str) -> str:
        """Return the file system and the path."""
        return f"{'/'.join(key_parts(key))} of a {type(self.filesystem).__name__}"

    @property
    def url(self) -> None:
        """There is none that another process could make a file system of."""


def settled(value: Any) -> Any:
    """Return what a method gave, waiting for it when it is async."""
    if not inspect.isawaitable(value):
        return value

    async def wait() -> Any:
        return await value

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(wait())
    with ThreadPoolExecutor(1, thread_name_prefix="penstock-filesystem") as pool:
        return pool.submit(asyncio.run, wait()).result()
