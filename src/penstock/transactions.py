"""Transactions: work that is committed or rolled back as one.

Reference pages: advanced/transactions, api-ref/python/prefect-transactions.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from penstock._engine.transaction_tree import BaseTransaction as BaseTransaction
from penstock._engine.transaction_tree import active_transaction, prevailing_store
from penstock._engine.transactions import AsyncTransaction as AsyncTransaction
from penstock._engine.transactions import Transaction as Transaction
from penstock._results.store import ResultStore
from penstock._rules.transactions import CommitMode as CommitMode
from penstock._rules.transactions import IsolationLevel as IsolationLevel
from penstock._rules.transactions import TransactionState as TransactionState

Logger = logging.Logger | logging.LoggerAdapter[Any]


@contextmanager
def transaction(
    key: str | None = None,
    store: ResultStore | None = None,
    commit_mode: CommitMode | None = None,
    isolation_level: IsolationLevel | None = None,
    overwrite: bool = False,
    write_on_commit: bool = True,
    logger: Logger | None = None,
) -> Iterator[Transaction]:
    """Do the work of a `with` block, tasks included, as one: all of it, or none.

    An exception that leaves the block rolls back every task that completed in it; otherwise they are committed at
    its end, which is when their results are stored. Tasks that were submitted to threads belong to the block like
    those that were called; one that ends after the block follows what became of it.

    Args:
        key: what the record of the block is called; with one, `is_committed()` is True when it was run before.
        store: where the record goes; by default where results of the run around go.
        commit_mode: who commits; by default as the transaction around says, LAZY without one.
        isolation_level: SERIALIZABLE lets one block of a key run at a time; the store needs a lock manager for it.
        overwrite: do the work although there is a record, and replace it.
        write_on_commit: write the record.
        logger: where failures of hooks are reported; the run's by default.

    Raises:
        ConfigurationError: a serializable transaction without a lock manager.

    Example:
        >>> with transaction(key="load-2026-11") as txn:
        ...     if not txn.is_committed():
        ...         txn.stage("loaded")
    """
    made = Transaction(
        key=key,
        store=store or prevailing_store(),
        commit_mode=commit_mode,
        isolation_level=isolation_level,
        overwrite=overwrite,
        write_on_commit=write_on_commit,
        logger=logger,
    )
    with made:
        yield made


@asynccontextmanager
async def atransaction(
    key: str | None = None,
    store: ResultStore | None = None,
    commit_mode: CommitMode | None = None,
    isolation_level: IsolationLevel | None = None,
    overwrite: bool = False,
    write_on_commit: bool = True,
    logger: Logger | None = None,
) -> AsyncIterator[AsyncTransaction]:
    """Like `transaction`, for ``async with``: waiting for locks and writing records do not block the event loop."""
    made = AsyncTransaction(
        key=key,
        store=store or prevailing_store(),
        commit_mode=commit_mode,
        isolation_level=isolation_level,
        overwrite=overwrite,
        write_on_commit=write_on_commit,
        logger=logger,
    )
    async with made:
        yield made


def get_transaction() -> BaseTransaction | None:
    """Return the innermost transaction that is active here: of a block, or of the task that runs; None outside."""
    return active_transaction()


__all__ = [
    "AsyncTransaction",
    "BaseTransaction",
    "CommitMode",
    "IsolationLevel",
    "Transaction",
    "TransactionState",
    "atransaction",
    "get_transaction",
    "transaction",
]
