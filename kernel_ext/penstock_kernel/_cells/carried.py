"""Functions and classes of the notebook that a task takes along."""

from __future__ import annotations

import hashlib
import pickle
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from weakref import WeakValueDictionary

from penstock_kernel._cells.rehome import with_globals, would_lose
from penstock_kernel._cells.source_text import canonical_object, canonical_source, digest

#: Payload -> the object it was made from, while that lives in this process. Unpickling a class beside its
#: original would replace the original's methods, so inside one process the original is used.
_originals: WeakValueDictionary[bytes, Any] = WeakValueDictionary()


@dataclass(frozen=True, slots=True)
class Helper:
    """One function or class of the notebook, as it was when the task was made."""

    name: str
    #: cloudpickle bytes; empty when the object cannot be pickled and is made again from its source.
    payload: bytes
    #: Its text in the notebook, "" when that is unknown.
    source: str
    #: Hash of its meaning, a part of the cache key of every task that uses it.
    key: str
    #: Why it cannot be pickled, or "".
    obstacle: str = ""
    #: A plain function: where it runs, it reads its globals from the cell's namespace.
    is_plain: bool = False
    live: Any = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, name: str, value: object, source: str, namespace: Mapping[str, Any]) -> Helper:
        """Pack a function or class of the notebook."""
        key = digest(canonical_source(source) if source else canonical_object(value))
        is_plain = isinstance(value, types.FunctionType) and not would_lose(value, namespace)
        payload, obstacle = _pack(value, is_plain=is_plain)
        if payload:
            try:
                _originals[_fingerprint(payload)] = value
            except TypeError:  # not every callable can be weakly referenced
                pass
        return cls(name, payload, source, key, obstacle, is_plain, value)

    def bind(self, namespace: dict[str, Any]) -> None:
        """Put the object into the namespace of a running cell.

        A plain function reads its globals there, so that helpers find each other and the task's inputs.
        """
        value = self.live if self.live is not None else self._restored(namespace)
        if self.is_plain and isinstance(value, types.FunctionType):
            value = with_globals(value, namespace)
        namespace[self.name] = value

    def _restored(self, namespace: dict[str, Any]) -> object:
        if self.payload:
            original = _originals.get(_fingerprint(self.payload))
            return original if original is not None else _load(self.payload)
        code = compile(self.source, f"<helper {self.name}>", "exec", dont_inherit=True)
        exec(code, namespace)  # noqa: S102  # the user's own definition
        return namespace[self.name]

    def __reduce__(self) -> tuple[type[Helper], tuple[str, bytes, str, str, str, bool]]:
        if not self.payload and not self.source:
            raise pickle.PicklingError(
                f"{self.name}, which the task uses, cannot be sent to another process: {self.obstacle}; "
                "define it inside the task's cell"
            )
        return type(self), (self.name, self.payload, self.source, self.key, self.obstacle, self.is_plain)


def _pack(value: object, *, is_plain: bool) -> tuple[bytes, str]:
    import cloudpickle

    if is_plain and isinstance(value, types.FunctionType):
        # What it reads travels as inputs, modules and helpers of their own.
        value = with_globals(value, {"__name__": "__main__"})
    try:
        return bytes(cloudpickle.dumps(value)), ""
    except Exception as error:  # whatever the objects inside raise
        return b"", f"{type(error).__name__}: {error}"


def _fingerprint(payload: bytes) -> bytes:
    return hashlib.sha256(payload).digest()


@lru_cache(maxsize=256)
def _load(payload: bytes) -> object:
    """Unpickle once a process: a class must be the same one in every task."""
    value: object = pickle.loads(payload)
    return value
