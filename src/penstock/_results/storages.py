"""What users may give for a storage, and what it comes to. Reference: advanced/results, "Result storage".

A folder (`Path` or text), a URL, or a file system of `penstock.filesystems` or of the user's own.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock._results.places import LocalFolder, Place
from penstock.exceptions import ConfigurationError
from penstock.settings import get_current_settings

if TYPE_CHECKING:
    from penstock._results.filesystems import WritableFileSystem

#: ``type-slug/name``: how the reference names a saved block.
_BLOCK = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*/[A-Za-z0-9_-]+")


#: Storages that code of this process named, by what they look like.
_named: dict[str, Any] = {}


def remember(storage: Any) -> None:
    """Note that this process's own code named a storage: results may be read from there.

    Args:
        storage: what was given for one; None is nothing.
    """
    if storage is not None:
        _named[str(storage) if isinstance(storage, (str, Path)) else repr(storage)] = storage


def remembered() -> list[Any]:
    """Return the storages that code of this process named, the last one first."""
    return list(reversed(_named.values()))


def default_storage() -> Any:
    """Return where results go when nobody says: the storage the settings name, else their local folder."""
    settings = get_current_settings()
    return settings.results_default_storage_block or settings.results_local_storage_path


def place_of(storage: Any) -> Place:
    """Return the place records of a storage lie in.

    Args:
        storage: a folder, a URL, or a file system.

    Raises:
        ConfigurationError: it is none of them; says what it may be.
    """
    if isinstance(storage, (str, Path)):
        folder = _folder(storage)
        if folder is not None:
            return LocalFolder(folder)
    from penstock._results.remote_places import place_of_filesystem

    return place_of_filesystem(resolve_result_storage(storage))


def resolve_result_storage(result_storage: Any) -> WritableFileSystem:
    """Return the file system a storage stands for.

    Args:
        result_storage: a folder, a URL, or a file system, which is returned as it is.

    Raises:
        ConfigurationError: it is none of them; says what it may be.

    Example:
        >>> resolve_result_storage("s3://bucket/results")
        RemoteFileSystem(basepath='s3://bucket/results')
    """
    from penstock._results import filesystems

    if isinstance(result_storage, (str, Path)):
        folder = _folder(result_storage)
        if folder is not None:
            return filesystems.LocalFileSystem(basepath=str(folder))
        return filesystems.RemoteFileSystem(basepath=str(result_storage))
    if callable(getattr(result_storage, "read_path", None)) and callable(
        getattr(result_storage, "write_path", None)
    ):
        return result_storage  # type: ignore[no-any-return]  # what has the two methods is a file system
    raise ConfigurationError(
        f"Results cannot be stored in {result_storage!r}. Give a folder, a URL such as 's3://bucket/results', or a "
        "file system of penstock.filesystems; an own one has the methods read_path and write_path."
    )


def _folder(storage: str | Path) -> Path | None:
    """Return the folder a path or text stands for; None for the URL of another system.

    Raises:
        ConfigurationError: it names a saved block.
    """
    if isinstance(storage, str):
        if storage.startswith("file://"):
            storage = storage.removeprefix("file://")
        elif "://" in storage:
            return None
        elif _BLOCK.fullmatch(storage):
            raise ConfigurationError(
                f"{storage!r} names a saved storage block, and blocks cannot be loaded yet. Give the file system "
                f"itself, for instance LocalFileSystem(basepath=...) or RemoteFileSystem(basepath='s3://...'); if "
                f"you mean a folder, write './{storage}' or Path({storage!r})."
            )
    return Path(storage).expanduser().absolute()
