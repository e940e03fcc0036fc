"""Results of runs on disk. Reference pages: advanced/results, api-ref/python/prefect-results."""

from penstock._results.serializers import resolve_serializer as resolve_serializer
from penstock._results.store import ResultRecord as ResultRecord
from penstock._results.store import ResultRecordMetadata as ResultRecordMetadata
from penstock._results.store import ResultStore as ResultStore

__all__ = ["ResultRecord", "ResultRecordMetadata", "ResultStore", "resolve_serializer"]
