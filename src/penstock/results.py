"""Results of runs in a storage. Reference pages: advanced/results, api-ref/python/prefect-results."""

import penstock._results.references  # noqa: F401  # reads what states of the API refer to
from penstock._engine.current_results import get_result_store as get_result_store
from penstock._engine.current_results import should_persist_result as should_persist_result
from penstock._results.defaults import aget_default_result_storage as aget_default_result_storage
from penstock._results.defaults import aresolve_result_storage as aresolve_result_storage
from penstock._results.defaults import default_cache as default_cache
from penstock._results.defaults import get_default_persist_setting as get_default_persist_setting
from penstock._results.defaults import (
    get_default_persist_setting_for_tasks as get_default_persist_setting_for_tasks,
)
from penstock._results.defaults import get_default_result_serializer as get_default_result_serializer
from penstock._results.defaults import get_default_result_storage as get_default_result_storage
from penstock._results.defaults import (
    get_or_create_default_task_scheduling_storage as get_or_create_default_task_scheduling_storage,
)
from penstock._results.defaults import result_storage_discriminator as result_storage_discriminator
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
    "aget_default_result_storage",
    "aresolve_result_storage",
    "default_cache",
    "get_default_persist_setting",
    "get_default_persist_setting_for_tasks",
    "get_default_result_serializer",
    "get_default_result_storage",
    "get_or_create_default_task_scheduling_storage",
    "get_result_store",
    "resolve_result_storage",
    "resolve_serializer",
    "result_storage_discriminator",
    "should_persist_result",
]
