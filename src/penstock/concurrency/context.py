"""Which slots the code that runs now holds. Reference page: api-ref prefect-concurrency-context."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

from penstock._engine.contexts import ContextModel
from penstock._engine.slots import Hold

_variable: ContextVar[Any] = ContextVar("penstock_concurrency_context", default=None)


@dataclass(frozen=True, eq=False, kw_only=True)
class ConcurrencyContext(ContextModel):
    """Gives back, at its end, what was taken inside and is still held: by a generator that nobody closed, say."""

    _variable: ClassVar[ContextVar[Any]] = _variable
    _local: ClassVar[frozenset[str]] = frozenset({"holds"})

    holds: list[Hold] = field(default_factory=list)

    @property
    def cleanup_slots(self) -> list[UUID]:
        """The leases that are held, oldest first."""
        return [UUID(hold.ticket.id) for hold in self.holds]

    def __exit__(self, *details: object) -> None:
        try:
            for hold in reversed(self.holds):
                hold.give_back()
        finally:
            super().__exit__(*details)


@contextmanager
def listed(hold: Hold) -> Iterator[None]:
    """Let the context around know what the block holds."""
    context = ConcurrencyContext.get()
    if context is None:
        yield
        return
    context.holds.append(hold)
    try:
        yield
    finally:
        context.holds.remove(hold)


__all__ = ["ConcurrencyContext"]
