"""Results on disk: one file a key, written whole or not at all. Reference page: api-ref prefect-results.

A file is one line of JSON metadata and the serialized value behind it. It is written under another name, synced
and renamed, so a reader sees a whole record or none. Files are private; values are unpickled only from here.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from penstock._ids import short_hex
from penstock._results.serializers import Serializer, resolve_serializer
from penstock._values.states import Resolvable, utc_now
from penstock.exceptions import MissingResult
from penstock.settings import get_current_settings


@dataclass(frozen=True, slots=True)
class ResultRecordMetadata:
    """What is known of a result without reading it."""

    storage_key: str
    serializer: str
    expiration: datetime | None = None
    version: int = 1
    #: Content hash of the value, so that what consumes it need not hash it again.
    digest: str | None = None

    @property
    def expired(self) -> bool:
        """True when it must not be used any more."""
        return self.expiration is not None and self.expiration <= utc_now()


@dataclass(frozen=True, slots=True)
class ResultRecord:
    """A result and its metadata."""

    result: Any
    metadata: ResultRecordMetadata


class StoredResult(Resolvable):
    """A result that lies in a store: small to send around, read once in each process that asks for it."""

    __slots__ = ("_lock", "_value", "folder", "key")

    def __init__(self, folder: Path, key: str) -> None:
        self.folder = folder
        self.key = key
        self._lock = threading.Lock()
        self._value: Any = _UNREAD

    def get(self) -> Any:
        """Return the value.

        Raises:
            MissingResult: the file is gone or damaged.
        """
        with self._lock:
            if self._value is _UNREAD:
                self._value = ResultStore(self.folder).read(self.key).result
            return self._value

    def __reduce__(self) -> tuple[type[StoredResult], tuple[Path, str]]:
        return StoredResult, (self.folder, self.key)

    def __repr__(self) -> str:
        return f"StoredResult({self.key!r})"


_UNREAD = object()


class ResultStore:
    """A folder of results.

    Args:
        folder: where; the workspace's `storage` by default.
        serializer: how values become bytes.

    Example:
        >>> store = ResultStore()
        >>> store.write({"a": 1}, key="doc-example")
        >>> store.read("doc-example").result
        {'a': 1}
    """

    def __init__(self, folder: Path | str | None = None, serializer: Serializer | str | None = None) -> None:
        self.folder = (
            Path(folder).expanduser() if folder else get_current_settings().results_local_storage_path
        )
        self.serializer = resolve_serializer(serializer or get_current_settings().results_default_serializer)

    def exists(self, key: str) -> bool:
        """True when there is a record under `key` that has not expired."""
        return self.look(key) is not None

    def look(self, key: str) -> ResultRecordMetadata | None:
        """Return what is known of the record under `key`, None when there is none that may be used."""
        path = self._path(key)
        try:
            with path.open("rb") as file:
                found = _metadata(file.readline())
        except (FileNotFoundError, ValueError, KeyError):
            return None
        return None if found.expired else found

    def read(self, key: str) -> ResultRecord:
        """Return the record under `key`.

        Raises:
            MissingResult: there is none, or it cannot be read.
        """
        path = self._path(key)
        try:
            with path.open("rb") as file:
                metadata = _metadata(file.readline())
                value = resolve_serializer(metadata.serializer).loads(file.read())
        except FileNotFoundError as error:
            raise MissingResult(f"No result is stored under key {key!r} in {self.folder}.") from error
        except Exception as error:
            raise MissingResult(
                f"The result under key {key!r} ({path}) cannot be read: {error!r}. "
                "Delete the file to have it computed again."
            ) from error
        return ResultRecord(value, metadata)

    def write(
        self, obj: Any, key: str, expiration: datetime | None = None, *, digest: str | None = None
    ) -> None:
        """Store `obj` under `key`, replacing what was there.

        Args:
            obj: the value.
            key: its name.
            expiration: when it stops being valid; never by default.
            digest: the value's content hash, if it is known.

        Raises:
            SerializationError: the value cannot become bytes.
        """
        import orjson

        payload = self.serializer.dumps(obj)
        head = orjson.dumps(
            {
                "storage_key": key,
                "serializer": self.serializer.type,
                "expiration": expiration.isoformat() if expiration else None,
                "version": 1,
                "digest": digest,
            }
        )
        path = self._path(key)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name[:60]}.{os.getpid()}.{short_hex(8)}")
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(head + b"\n")
                file.write(payload)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def stored(self, key: str) -> StoredResult:
        """Return a reference to the result under `key`."""
        return StoredResult(self.folder, key)

    def _path(self, key: str) -> Path:
        parts = Path(key).parts
        if not key or "\0" in key or Path(key).is_absolute() or ".." in parts or len(key) > 2000:
            raise ValueError(f"Not usable as a result key: {key[:100]!r}")
        return self.folder.joinpath(*parts)


def _metadata(line: bytes) -> ResultRecordMetadata:
    import orjson

    data = orjson.loads(line)
    when = data.get("expiration")
    return ResultRecordMetadata(
        data["storage_key"],
        data["serializer"],
        datetime.fromisoformat(when) if when else None,
        data["version"],
        data.get("digest"),
    )
