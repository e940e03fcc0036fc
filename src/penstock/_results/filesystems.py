"""File systems for results and code. Reference page: api-ref/python/prefect-filesystems.

Pydantic models, so that what they are given is checked and they can be sent to a worker. Methods give their value, and
may be awaited; the twins with an `a` in front always are.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from penstock._results.file_trees import copy_tree, files_of
from penstock._results.places import put_file
from penstock._values.awaited import call_is_awaited

P = ParamSpec("P")
R = TypeVar("R")


def _in_a_thread_when_awaited(fn: Callable[P, R]) -> Callable[P, R]:
    """Let a method be awaited as well; the loop goes on meanwhile."""

    @wraps(fn)
    def either(*args: P.args, **kwargs: P.kwargs) -> Any:
        return asyncio.to_thread(fn, *args, **kwargs) if call_is_awaited() else fn(*args, **kwargs)

    return either


def in_its_folder(fs: Any, path: str, write: Callable[[], Any]) -> Any:
    """Write a file, and make the folder it is in when there is none; most remote systems have no folders."""
    try:
        return write()
    except FileNotFoundError:
        fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        return write()


class FileSystem(BaseModel, ABC):
    """What all of them have in common."""

    model_config = ConfigDict(extra="forbid")


class ReadableFileSystem(FileSystem):
    """A system files can be read from."""

    @abstractmethod
    def read_path(self, path: str) -> Any:
        """Return the content of a file.

        Args:
            path: below the system's base path.
        """


class WritableFileSystem(ReadableFileSystem):
    """A system files can be written to."""

    @abstractmethod
    def write_path(self, path: str, content: bytes) -> Any:
        """Write a file whole.

        Args:
            path: below the system's base path.
            content: all of it.
        """


class ReadableDeploymentStorage(FileSystem):
    """A system folders can be fetched from."""

    @abstractmethod
    def get_directory(self, from_path: str | None = None, local_path: str | None = None) -> Any:
        """Copy a folder here.

        Args:
            from_path: below the system's base path; all of it by default.
            local_path: where to; the current folder by default.
        """


class WritableDeploymentStorage(ReadableDeploymentStorage):
    """A system folders can be sent to."""

    @abstractmethod
    def put_directory(
        self, local_path: str | None = None, to_path: str | None = None, ignore_file: str | None = None
    ) -> Any:
        """Copy a folder there.

        Args:
            local_path: which; the current folder by default.
            to_path: below the system's base path; the base path itself by default.
            ignore_file: a file of gitignore patterns of what is left out.
        """


class LocalFileSystem(WritableFileSystem, WritableDeploymentStorage):
    """A folder of this machine.

    Args:
        basepath: the folder; the current one by default.

    Example:
        >>> files = LocalFileSystem(basepath=home)
        >>> _ = files.write_path("notes/a.txt", b"water")
        >>> files.read_path("notes/a.txt")
        b'water'
    """

    basepath: str | None = None

    @field_validator("basepath", mode="before")
    @classmethod
    def cast_pathlib(cls, value: str | Path | None) -> str | None:
        """Take a `Path`, too."""
        return str(value) if isinstance(value, Path) else value

    @property
    def _root(self) -> Path:
        return Path(self.basepath or ".").expanduser().absolute()

    def _inside(self, path: str | Path | None) -> Path:
        """Return where a path is.

        Raises:
            ValueError: it is not below the base path.
        """
        root = self._root.resolve()
        found = (root / Path(path or ".").expanduser()).resolve()
        if not found.is_relative_to(root):
            raise ValueError(
                f"Path {str(path)!r} leads out of {root}, the base path of this LocalFileSystem. Give a path below "
                "it, or make a LocalFileSystem with another basepath."
            )
        return found

    @_in_a_thread_when_awaited
    def read_path(self, path: str) -> bytes:
        """Return the content of a file.

        Raises:
            FileNotFoundError: there is none.
            ValueError: the path is not below the base path.
        """
        return self._inside(path).read_bytes()

    @_in_a_thread_when_awaited
    def write_path(self, path: str, content: bytes) -> str:
        """Write a file whole or not at all, make the folders it is in, and return its path.

        Raises:
            ValueError: the path is not below the base path.
        """
        where = self._inside(path)
        where.parent.mkdir(parents=True, exist_ok=True)
        put_file(where, (content,))
        return str(where)

    @_in_a_thread_when_awaited
    def get_directory(self, from_path: str | None = None, local_path: str | None = None) -> None:
        """Copy a folder of this system to another one.

        Args:
            from_path: below the base path; all of it by default.
            local_path: where to; the current folder by default.
        """
        copy_tree(self._inside(from_path), Path(local_path or ".").absolute())

    @_in_a_thread_when_awaited
    def put_directory(
        self, local_path: str | None = None, to_path: str | None = None, ignore_file: str | None = None
    ) -> None:
        """Copy a folder into this system.

        Args:
            local_path: which; the current folder by default.
            to_path: below the base path; the base path itself by default.
            ignore_file: a file of gitignore patterns of what is left out.
        """
        copy_tree(Path(local_path or ".").absolute(), self._inside(to_path), ignore_file)

    async def aread_path(self, path: str) -> bytes:
        """Async twin of `read_path`."""
        return await asyncio.to_thread(self.read_path, path)

    async def awrite_path(self, path: str, content: bytes) -> str:
        """Async twin of `write_path`."""
        return await asyncio.to_thread(self.write_path, path, content)

    async def aget_directory(self, from_path: str | None = None, local_path: str | None = None) -> None:
        """Async twin of `get_directory`."""
        await asyncio.to_thread(self.get_directory, from_path, local_path)

    async def aput_directory(
        self, local_path: str | None = None, to_path: str | None = None, ignore_file: str | None = None
    ) -> None:
        """Async twin of `put_directory`."""
        await asyncio.to_thread(self.put_directory, local_path, to_path, ignore_file)


class RemoteFileSystem(WritableFileSystem, WritableDeploymentStorage):
    """A folder of any system fsspec knows, such as ``s3://bucket/folder``.

    Args:
        basepath: its URL.
        settings: arguments for fsspec's file system: keys, endpoints and the like.

    Example:
        >>> files = RemoteFileSystem(basepath="memory://doc-example")
        >>> files.write_path("a.txt", b"water")
        'memory://doc-example/a.txt'
        >>> files.read_path("a.txt")
        b'water'
    """

    basepath: str
    settings: dict[str, Any] = Field(default_factory=dict, repr=False)

    @field_validator("basepath")
    @classmethod
    def check_basepath(cls, value: str) -> str:
        """Refuse what is not the URL of a remote folder."""
        parts = urlsplit(value)
        if not parts.scheme or not parts.netloc:
            raise ValueError(
                f"Base path must have a scheme and a place: {value!r} is not like 's3://bucket/folder'."
            )
        if parts.scheme in {"file", "local"}:
            raise ValueError("Base path scheme cannot be that of local files; use LocalFileSystem instead.")
        return value

    @property
    def filesystem(self) -> Any:
        """The fsspec file system.

        Raises:
            ImportError: the package fsspec needs for it is not installed; says which.
        """
        import fsspec

        return fsspec.filesystem(urlsplit(self.basepath).scheme, **self.settings)

    def _inside(self, path: str | None) -> str:
        """Return the URL of a path.

        Raises:
            ValueError: it is not below the base path.
        """
        base = self.basepath.rstrip("/")
        if not path:
            return base
        tail = path.removeprefix(base).lstrip("/") if path == base or path.startswith(f"{base}/") else path
        if "://" in tail or ".." in tail.split("/"):
            raise ValueError(f"Path {path!r} is outside of the base path {base}.")
        return f"{base}/{tail.lstrip('/')}"

    @_in_a_thread_when_awaited
    def read_path(self, path: str) -> bytes:
        """Return the content of a file.

        Raises:
            FileNotFoundError: there is none.
            ValueError: the path is not below the base path.
        """
        content: bytes = self.filesystem.cat_file(self._inside(path))
        return content

    @_in_a_thread_when_awaited
    def write_path(self, path: str, content: bytes) -> str:
        """Write a file whole, and return its URL.

        Raises:
            ValueError: the path is not below the base path.
        """
        where, fs = self._inside(path), self.filesystem
        in_its_folder(fs, where, lambda: fs.pipe_file(where, content))
        return where

    @_in_a_thread_when_awaited
    def get_directory(self, from_path: str | None = None, local_path: str | None = None) -> None:
        """Download a folder.

        Args:
            from_path: below the base path; all of it by default.
            local_path: where to; the current folder by default.
        """
        target = Path(local_path or ".").absolute()
        target.mkdir(parents=True, exist_ok=True)
        self.filesystem.get(self._inside(from_path) + "/", f"{target}/", recursive=True)

    @_in_a_thread_when_awaited
    def put_directory(
        self,
        local_path: str | None = None,
        to_path: str | None = None,
        ignore_file: str | None = None,
        overwrite: bool = True,
    ) -> int:
        """Upload a folder, and return how many files that were.

        Args:
            local_path: which; the current folder by default.
            to_path: below the base path; the base path itself by default.
            ignore_file: a file of gitignore patterns of what is left out.
            overwrite: False to leave files alone that are there already.
        """
        source, target, fs = Path(local_path or ".").absolute(), self._inside(to_path), self.filesystem
        count = 0
        for file in files_of(source, ignore_file):
            where = f"{target}/{file.as_posix()}"
            if not overwrite and fs.exists(where):
                continue
            in_its_folder(fs, where, partial(fs.put_file, str(source / file), where))
            count += 1
        return count

    async def aread_path(self, path: str) -> bytes:
        """Async twin of `read_path`."""
        return await asyncio.to_thread(self.read_path, path)

    async def awrite_path(self, path: str, content: bytes) -> str:
        """Async twin of `write_path`."""
        return await asyncio.to_thread(self.write_path, path, content)

    async def aget_directory(self, from_path: str | None = None, local_path: str | None = None) -> None:
        """Async twin of `get_directory`."""
        await asyncio.to_thread(self.get_directory, from_path, local_path)

    async def aput_directory(
        self,
        local_path: str | None = None,
        to_path: str | None = None,
        ignore_file: str | None = None,
        overwrite: bool = True,
    ) -> int:
        """Async twin of `put_directory`."""
        return await asyncio.to_thread(self.put_directory, local_path, to_path, ignore_file, overwrite)


class NullFileSystem(WritableFileSystem, WritableDeploymentStorage):
    """A system that keeps nothing: what is written to it is gone."""

    @_in_a_thread_when_awaited
    def read_path(self, path: str) -> None:
        """Return None: there is never anything."""

    @_in_a_thread_when_awaited
    def write_path(self, path: str, content: bytes) -> None:
        """Let go of the content."""

    @_in_a_thread_when_awaited
    def get_directory(self, from_path: str | None = None, local_path: str | None = None) -> None:
        """Copy nothing."""

    @_in_a_thread_when_awaited
    def put_directory(
        self, local_path: str | None = None, to_path: str | None = None, ignore_file: str | None = None
    ) -> None:
        """Copy nothing."""
