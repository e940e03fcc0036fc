"""Results in a storage: one record a key. Reference page: api-ref prefect-results.

What a record looks like is said in `records`, where it lies in `places`; values are read only from where the user
keeps results, never from what somebody else names.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from penstock._crashpoints import crashpoint
from penstock._results.locks import LockManager
from penstock._results.packed import Packed
from penstock._results.pickles import PlainPickle
from penstock._results.places import LocalFolder, Nowhere, Place
from penstock._results.record_cache import RecordCache
from penstock._results.record_locks import LockedRecords
from penstock._results.records import (
    ResultRecord,
    ResultRecordMetadata,
    read_head,
    read_packed,
)
from penstock._results.storage_keys import key_parts
from penstock._results.storages import default_storage, place_of, remember, resolve_result_storage
from penstock._results.stored_result import StoredResult as StoredResult
from penstock.exceptions import MissingResult, SerializationError
from penstock.settings import get_current_settings

if TYPE_CHECKING:
    from penstock._results.serializers import Serializer

_PLAIN = PlainPickle()


def random_key() -> str:
    """Return a key nobody has used; the documented `DEFAULT_STORAGE_KEY_FN`."""
    return uuid.uuid4().hex


class ResultStore(LockedRecords):
    """A storage of results.

    Args:
        result_storage: a folder, a file system of `penstock.filesystems`, or a URL such as ``s3://bucket/results``;
            by default what the settings say, which is the workspace's `storage`.
        serializer: how values become bytes: ``"pickle"``, ``"json"``, ... or an instance.
        metadata_storage: where to keep what is known of results, when not with them.
        lock_manager: what locks records.
        cache_result_in_memory: keep the records used last in memory, too.
        storage_key_fn: makes the keys of results that are written without one; random by default.
        cache: where records are kept in memory.

    Example:
        >>> store = ResultStore()
        >>> store.write({"a": 1}, key="doc-example")
        >>> store.read("doc-example").result
        {'a': 1}
    """

    def __init__(
        self,
        result_storage: Any = None,
        serializer: Serializer[Any] | str | None = None,
        *,
        metadata_storage: Any = None,
        lock_manager: LockManager | None = None,
        cache_result_in_memory: bool = True,
        storage_key_fn: Callable[[], str] | None = None,
        cache: RecordCache | None = None,
    ) -> None:
        remember(result_storage)
        remember(metadata_storage)
        self._storage = default_storage() if result_storage is None else result_storage
        self._metadata_storage = metadata_storage
        self._place: Place = place_of(self._storage)
        self._about: Place = self._place if metadata_storage is None else place_of(metadata_storage)
        self._codec: Serializer[Any] | PlainPickle = _codec(serializer)
        self.lock_manager = lock_manager
        self.cache_result_in_memory = cache_result_in_memory
        self.storage_key_fn = storage_key_fn or random_key
        self._cache = cache

    @property
    def result_storage(self) -> Any:
        """The file system results are kept in."""
        return resolve_result_storage(self._storage)

    @property
    def metadata_storage(self) -> Any:
        """The file system metadata are kept in; None when they are with the results."""
        return None if self._metadata_storage is None else resolve_result_storage(self._metadata_storage)

    @property
    def result_storage_block_id(self) -> uuid.UUID | None:
        """The id the file system was saved under, if it was."""
        return getattr(self._storage, "_block_document_id", None)

    @property
    def folder(self) -> Path | None:
        """The folder results are kept in; None when it is not a local one."""
        return self._place.folder if isinstance(self._place, LocalFolder) else None

    @property
    def serializer(self) -> Serializer[Any]:
        """How values become bytes."""
        if isinstance(self._codec, PlainPickle):
            from penstock._results.serializers import resolve_serializer

            return resolve_serializer("pickle")
        return self._codec

    @property
    def cache(self) -> RecordCache:
        """The records used last."""
        if self._cache is None:
            self._cache = RecordCache()
        return self._cache

    def model_copy(self, *, update: dict[str, Any] | None = None) -> Self:
        """Return a store like this one with some of its arguments replaced."""
        given: dict[str, Any] = {
            "result_storage": self._storage,
            "serializer": "pickle" if isinstance(self._codec, PlainPickle) else self._codec,
            "metadata_storage": self._metadata_storage,
            "lock_manager": self.lock_manager,
            "cache_result_in_memory": self.cache_result_in_memory,
            "storage_key_fn": self.storage_key_fn,
            "cache": self._cache,
        }
        return type(self)(**{**given, **(update or {})})

    def update_for_flow(self, flow: Any) -> Self:
        """Return this store with what a flow says of its results."""
        return self.model_copy(update=self._inherited(flow))

    def update_for_task(self, task: Any) -> Self:
        """Return this store with what a task and its cache policy say of results."""
        changes = self._inherited(task)
        policy = task.cache_policy
        if getattr(policy, "key_storage", None) is not None:
            changes["metadata_storage"] = policy.key_storage
        if getattr(policy, "lock_manager", None) is not None:
            changes["lock_manager"] = policy.lock_manager
        return self.model_copy(update=changes)

    def exists(self, key: str) -> bool:
        """True when there is a record under `key` that has not expired."""
        return self.look(key) is not None

    async def aexists(self, key: str) -> bool:
        """Async twin of `exists`."""
        return await asyncio.to_thread(self.exists, key)

    def look(self, key: str) -> ResultRecordMetadata | None:
        """Return what is known of the record under `key`, None when there is no whole one that may be used.

        Raises:
            ValueError: the key may not be used.
        """
        try:
            found, rest = self._look(key)
        except (FileNotFoundError, SerializationError):
            return None
        return None if found.expired or rest != found.length else found

    def read(self, key: str, holder: str | None = None) -> ResultRecord:
        """Return the record under `key`.

        Args:
            key: its name.
            holder: who asks, when there are locks: a record that somebody else has locked is waited for.

        Raises:
            MissingResult: there is none, or it cannot be read.
            ValueError: the key may not be used.
        """
        key_parts(key)
        self._wait_to_read(key, holder)
        kept = self._cache.get(key) if self._cache is not None else None
        if kept is not None and kept.metadata == self.look(key):
            return kept
        try:
            record = self._read(key)
        except FileNotFoundError as error:
            raise MissingResult(
                f"No result is stored under key {key!r} in {self._place.where(key)}: it was never written there, or "
                "was deleted."
            ) from error
        except Exception as error:
            raise MissingResult(
                f"The result under key {key!r} ({self._place.where(key)}) cannot be read: {error!r}. "
                "Delete the file to have it computed again."
            ) from error
        if self.cache_result_in_memory:
            self.cache.put(key, record)
        return record

    async def aread(self, key: str, holder: str | None = None) -> ResultRecord:
        """Async twin of `read`."""
        return await asyncio.to_thread(self.read, key, self._holder(holder))

    def create_result_record(
        self,
        obj: Any,
        key: str | None = None,
        expiration: datetime | None = None,
        *,
        digest: str | None = None,
    ) -> ResultRecord:
        """Return the record of a value, which is not stored yet.

        Args:
            obj: the value.
            key: its name; made by `storage_key_fn` when not given.
            expiration: when it stops being valid; never by default.
            digest: the value's content hash, if it is known.
        """
        about = ResultRecordMetadata(
            key if key is not None else self.storage_key_fn(),
            self._codec.described(),
            expiration,
            storage_block_id=self.result_storage_block_id,
            digest=digest,
        )
        return ResultRecord(obj, about)

    def persist_result_record(self, result_record: ResultRecord, holder: str | None = None) -> None:
        """Store a record, replacing what was there.

        Args:
            result_record: the record.
            holder: who has the lock of it, if anybody.

        Raises:
            SerializationError: the value cannot become bytes.
            RuntimeError: somebody else has the lock.
        """
        about = result_record.metadata
        key = about.storage_key
        key_parts(key)
        self._may_write(key, holder)
        packed = self._packed(result_record)
        about = replace(about, length=packed.length, checksum=packed.checksum(), buffers=packed.sizes)
        crashpoint("results.write")
        if self._about is self._place:
            self._place.write(key, (about.head(), packed.blob, *packed.buffers))
        else:
            self._place.write(key, (packed.blob, *packed.buffers))
            self._about.write(key, (about.head(),))
        crashpoint("results.written")
        if self.cache_result_in_memory:
            self.cache.put(key, replace(result_record, metadata=about))

    async def apersist_result_record(self, result_record: ResultRecord, holder: str | None = None) -> None:
        """Async twin of `persist_result_record`."""
        await asyncio.to_thread(self.persist_result_record, result_record, self._holder(holder))

    def write(
        self,
        obj: Any,
        key: str | None = None,
        expiration: datetime | None = None,
        holder: str | None = None,
        *,
        digest: str | None = None,
    ) -> None:
        """Store `obj` under `key`, replacing what was there.

        Args:
            obj: the value.
            key: its name; made by `storage_key_fn` when not given.
            expiration: when it stops being valid; never by default.
            holder: who has the lock of the record, if anybody.
            digest: the value's content hash, if it is known.

        Raises:
            SerializationError: the value cannot become bytes.
            RuntimeError: somebody else has the lock.
        """
        self.persist_result_record(self.create_result_record(obj, key, expiration, digest=digest), holder)

    async def awrite(
        self,
        obj: Any,
        key: str | None = None,
        expiration: datetime | None = None,
        holder: str | None = None,
    ) -> None:
        """Async twin of `write`."""
        record = self.create_result_record(obj, key, expiration)
        await self.apersist_result_record(record, holder)

    async def store_parameters(self, identifier: uuid.UUID, parameters: dict[str, Any]) -> None:
        """Store the parameters of a run that will start elsewhere."""
        await self.awrite(parameters, f"parameters/{identifier}")

    async def read_parameters(self, identifier: uuid.UUID) -> dict[str, Any]:
        """Return the parameters stored under `identifier`.

        Raises:
            MissingResult: there are none.
        """
        found: dict[str, Any] = (await self.aread(f"parameters/{identifier}")).result
        return found

    def stored(self, key: str, run: str | None = None) -> StoredResult:
        """Return a reference to the result under `key`.

        Args:
            key: its name.
            run: what it is a result of, for people.
        """
        reader = self.model_copy(
            update={"lock_manager": None, "cache_result_in_memory": False, "cache": None}
        )
        return StoredResult(reader, key, run)

    def reference(self, key: str, run: str | None = None) -> dict[str, Any] | None:
        """Return where the result under `key` lies, as JSON for the state of its run; None when that cannot be said.

        Args:
            key: its name.
            run: what it is a result of, for people.
        """
        if self._place.url is None or self._about.url is None:
            return None
        found = {"type": "reference", "storage_key": key, "storage": self._place.url, "run": run}
        return found if self._about is self._place else {**found, "metadata_storage": self._about.url}

    def _inherited(self, by: Any) -> dict[str, Any]:
        """Return what a flow or a task says of its results, as arguments of a store."""
        changes: dict[str, Any] = {"cache_result_in_memory": by.cache_result_in_memory}
        if isinstance(self._about, Nowhere):
            changes["metadata_storage"] = None  # one run may keep nothing of its own; those inside it do
        if by.result_storage is not None:
            changes["result_storage"] = by.result_storage
        if by.result_serializer is not None:
            changes["serializer"] = by.result_serializer
        return changes

    def _holder(self, holder: str | None) -> str | None:
        """Return who asks, before the work moves to another thread."""
        return holder if holder or self.lock_manager is None else self.generate_default_holder()

    def _look(self, key: str) -> tuple[ResultRecordMetadata, int]:
        with self._about.open(key) as file:
            about, rest = read_head(file)
        if self._about is not self._place:
            with self._place.open(about.storage_key) as file:
                rest = file.seek(0, 2)
        return about, rest

    def _read(self, key: str) -> ResultRecord:
        with self._about.open(key) as file:
            about, _ = read_head(file)
            if self._about is self._place:
                return ResultRecord(_unpack(about, read_packed(file, about)), about)
        with self._place.open(about.storage_key) as file:
            return ResultRecord(_unpack(about, read_packed(file, about)), about)

    def _packed(self, record: ResultRecord) -> Packed:
        if record.metadata.settings == self._codec.described():
            return self._codec.pack(record.result)
        return record.serializer.pack(record.result)


def _codec(serializer: Serializer[Any] | str | None) -> Serializer[Any] | PlainPickle:
    chosen = serializer if serializer is not None else get_current_settings().results_default_serializer
    if chosen == "pickle":
        return _PLAIN
    from penstock._results.serializers import resolve_serializer

    return resolve_serializer(chosen)


def _unpack(about: ResultRecordMetadata, packed: Packed) -> Any:
    if about.settings == _PLAIN.described():
        return _PLAIN.unpack(packed)
    return about.serializer.unpack(packed)
