"""Records a store keeps in memory. Reference: advanced/results, "Caching results in memory"."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from penstock._results.records import ResultRecord


class RecordCache:
    """The records used last.

    Args:
        maxsize: how many.
    """

    def __init__(self, maxsize: int = 1000) -> None:
        self.maxsize = maxsize
        self._records: OrderedDict[str, ResultRecord] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> ResultRecord | None:
        """Return the record under `key`, which becomes the newest."""
        with self._lock:
            found = self._records.get(key)
            if found is not None:
                self._records.move_to_end(key)
            return found

    def put(self, key: str, record: ResultRecord) -> None:
        """Keep a record, and let go of the oldest when there are too many."""
        with self._lock:
            self._records[key] = record
            self._records.move_to_end(key)
            while len(self._records) > self.maxsize:
                self._records.popitem(last=False)

    def drop(self, key: str) -> None:
        """Let go of a record."""
        with self._lock:
            self._records.pop(key, None)

    def __contains__(self, key: object) -> bool:
        return key in self._records

    def __len__(self) -> int:
        return len(self._records)

    def __reduce__(self) -> tuple[Any, tuple[int]]:
        return RecordCache, (self.maxsize,)  # a store on its way to another process leaves values at home
