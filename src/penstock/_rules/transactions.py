"""How transactions end: pure decisions. Reference pages: advanced/transactions, api-ref prefect-transactions."""

from __future__ import annotations

from enum import Enum, StrEnum


class IsolationLevel(StrEnum):
    """What transactions with the same key may do at the same time."""

    #: Each sees what was committed; two that run together both do the work.
    READ_COMMITTED = "READ_COMMITTED"
    #: One at a time, by a lock on the key; the next one finds the record of the first.
    SERIALIZABLE = "SERIALIZABLE"


class CommitMode(StrEnum):
    """Who commits a transaction."""

    #: Itself, when its block ends.
    EAGER = "EAGER"
    #: The transaction around it; the outermost one itself, when its block ends.
    LAZY = "LAZY"
    #: Nobody but the user, by `commit`; the outermost one rolls back at its end.
    OFF = "OFF"


class TransactionState(StrEnum):
    """How far a transaction has come."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    STAGED = "STAGED"
    COMMITTED = "COMMITTED"
    ROLLED_BACK = "ROLLED_BACK"


class Ending(Enum):
    """What happens to a transaction when its block ends."""

    COMMIT = "commit"
    ROLL_BACK = "roll back"
    #: It waits for the transaction around it.
    LEAVE = "leave"


def ending(mode: CommitMode, *, nested: bool, failed: bool, fate: Ending | None = None) -> Ending:
    """Return what happens to a transaction when its block ends.

    Args:
        mode: who commits it.
        nested: it has a transaction around it.
        failed: an exception left its block.
        fate: what became of the transaction around it, if that has ended before (a run in another thread).
    """
    if failed:
        return Ending.ROLL_BACK
    if fate is not None:
        return fate
    if mode is CommitMode.EAGER:
        return Ending.COMMIT
    if nested:
        return Ending.LEAVE
    return Ending.ROLL_BACK if mode is CommitMode.OFF else Ending.COMMIT


#: Nothing can happen to a transaction in these states any more.
SETTLED = frozenset({TransactionState.COMMITTED, TransactionState.ROLLED_BACK})
