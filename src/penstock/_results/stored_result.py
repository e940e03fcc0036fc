"""References to results."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from penstock._values.states import Resolvable
from penstock.exceptions import MissingResult

if TYPE_CHECKING:
    from penstock._results.store import ResultStore

_UNREAD = object()


class StoredResult(Resolvable):
    """A result that lies in a store: small to send around, read once in each process that asks for it.

    Args:
        store: where it lies.
        key: under which name.
        run: what it is a result of, for people: ``task run 'add-0f2'``.
    """

    __slots__ = ("_lock", "_value", "key", "run", "store")

    def __init__(self, store: ResultStore, key: str, run: str | None = None) -> None:
        self.store = store
        self.key = key
        self.run = run
        self._lock = threading.Lock()
        self._value: Any = _UNREAD

    def get(self) -> Any:
        """Return the value.

        Raises:
            MissingResult: it is gone or damaged; says of which run, under which key and where.
        """
        with self._lock:
            if self._value is _UNREAD:
                try:
                    self._value = self.store.read(self.key).result
                except MissingResult as error:
                    if self.run is None:
                        raise
                    raise MissingResult(f"The result of {self.run} is not available. {error}") from error
            return self._value

    def __reduce__(self) -> tuple[type[StoredResult], tuple[ResultStore, str, str | None]]:
        return StoredResult, (self.store, self.key, self.run)

    def __repr__(self) -> str:
        return f"StoredResult({self.key!r})"
