"""Results of runs in a storage. Reference pages: advanced/results, api-ref/python/prefect-results."""

from penstock._results.record_cache import RecordCache as RecordCache
from penstock._results.records import ResultRecord as ResultRecord
from penstock._results.records import ResultRecordMetadata as ResultRecordMetadata
from penstock._results.serializers import resolve_serializer as resolve_serializer
from penstock._results.storages import resolve_result_storage as resolve_result_storage
from penstock._results.store import ResultStore as ResultStore
from penstock._results.store import random_key as DEFAULT_STORAGE_KEY_FN  # noqa: N812  # documented name

__all__ = [
    "DEFAULT_STORAGE_KEY_FN",
    "RecordCache",
    "ResultRecord",
    "ResultRecordMetadata",
    "ResultStore",
    "resolve_result_storage",
    "resolve_serializer",
]
