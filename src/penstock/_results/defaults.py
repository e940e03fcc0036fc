"""What results are stored with when nobody says. Reference page: api-ref prefect-results."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from penstock._results.record_cache import RecordCache
from penstock._results.storages import default_storage, resolve_result_storage
from penstock._values.awaited import awaitable_too
from penstock.settings import get_current_settings

if TYPE_CHECKING:
    from penstock._results.filesystems import WritableFileSystem
    from penstock._results.serializers import Serializer


@awaitable_too
def get_default_result_storage() -> WritableFileSystem:
    """Return the file system of the setting `results.default_storage_block`, else of `results.local_storage_path`."""
    return resolve_result_storage(default_storage())


async def aget_default_result_storage() -> WritableFileSystem:
    """Async twin of `get_default_result_storage`."""
    return await asyncio.to_thread(get_default_result_storage)


async def aresolve_result_storage(result_storage: Any) -> WritableFileSystem:
    """Async twin of `resolve_result_storage`."""
    return await asyncio.to_thread(resolve_result_storage, result_storage)


@awaitable_too
def get_or_create_default_task_scheduling_storage() -> WritableFileSystem:
    """Return where parameters of delayed tasks go: `tasks.scheduling.default_storage_block`, else as results do."""
    named = get_current_settings().tasks_scheduling_default_storage_block
    return resolve_result_storage(named or default_storage())


def get_default_result_serializer() -> Serializer[Any]:
    """Return the serializer of the setting `results.default_serializer`."""
    from penstock._results.serializers import resolve_serializer

    return resolve_serializer(get_current_settings().results_default_serializer)


def get_default_persist_setting() -> bool:
    """Return whether flows that say nothing store their results."""
    return bool(get_current_settings().results_persist_by_default)


def get_default_persist_setting_for_tasks() -> bool:
    """Return whether tasks that say nothing, outside of flows, store their results."""
    said = get_current_settings().tasks_default_persist_result
    return get_default_persist_setting() if said is None else said


def default_cache() -> RecordCache:
    """Return the memory of a result store: the last thousand records."""
    return RecordCache()


def result_storage_discriminator(x: Any) -> str:
    """Return the name of the kind of file system a storage stands for.

    Example:
        >>> result_storage_discriminator("s3://bucket")
        'RemoteFileSystem'
    """
    return type(resolve_result_storage(x)).__name__
