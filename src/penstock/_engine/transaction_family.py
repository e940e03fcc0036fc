"""What the transactions of one tree know of each other. See `transaction_tree`."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock._engine.transaction_tree import BaseTransaction


class Family:
    """What all transactions of one tree share: a mutex for their ends, and who holds which lock."""

    def __init__(self) -> None:
        self.mutex = threading.RLock()
        self._holders: dict[tuple[int, str], BaseTransaction] = {}

    def holder_of(self, txn: BaseTransaction) -> BaseTransaction | None:
        """Return the relative that holds the lock `txn` needs."""
        return self._holders.get(txn.lock_id)

    def note(self, txn: BaseTransaction, *, holds: bool) -> None:
        """Remember that `txn` has its lock, or has it no more."""
        with self.mutex:
            if holds:
                self._holders[txn.lock_id] = txn
            elif self._holders.get(txn.lock_id) is txn:
                del self._holders[txn.lock_id]
