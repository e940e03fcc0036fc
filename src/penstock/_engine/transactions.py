"""Transactions as users hold them: blocking, and awaiting. Reference pages: advanced/transactions, advanced/caching."""

from __future__ import annotations

from typing import Self

from penstock._engine import transaction_steps as steps
from penstock._engine.cancellation import token
from penstock._engine.drivers import run_awaiting, run_blocking
from penstock._engine.transaction_tree import BaseTransaction, Hook
from penstock._results.records import ResultRecord


class Transaction(BaseTransaction):
    """A transaction of blocking code; made by `transaction`, and for each run of a sync task."""

    def begin(self) -> None:
        """Look for a record of the work, and take the lock of the key if the isolation level asks for it."""
        run_blocking(steps.begin(self), token())

    def read(self) -> ResultRecord | None:
        """Return the record of the work, None when there is none."""
        if self.store is None or self.key is None or not self.store.exists(self.key):
            return None
        return self.store.read(self.key, holder=self.holder)

    def commit(self) -> bool:
        """Commit the children, then this transaction; False when it was committed or rolled back before, or fails."""
        return run_blocking(steps.commit(self), token())

    def rollback(self) -> bool:
        """Undo this transaction, then its children; False when it was committed or rolled back before."""
        return run_blocking(steps.rollback(self), token())

    def run_hook(self, hook: Hook, hook_type: str) -> None:
        """Call a hook with this transaction; what it raises is logged.

        Args:
            hook: the hook, sync or async.
            hook_type: "commit" or "rollback".
        """
        run_blocking(steps.run_hook(self, hook, hook_type), token())

    def __enter__(self) -> Self:
        self.enter()
        try:
            self.begin()
        except BaseException:
            self.reset()
            self.end(failed=True)
            self.release()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.reset()
        run_blocking(steps.leave(self, failed=kind is not None), token())


class AsyncTransaction(BaseTransaction):
    """A transaction of async code; made by `atransaction`, and for each run of an async task."""

    async def begin(self) -> None:
        """Look for a record of the work, and take the lock of the key if the isolation level asks for it."""
        await run_awaiting(steps.begin(self), token())

    async def read(self) -> ResultRecord | None:
        """Return the record of the work, None when there is none."""
        if self.store is None or self.key is None or not await self.store.aexists(self.key):
            return None
        return await self.store.aread(self.key, holder=self.holder)

    async def commit(self) -> bool:
        """Commit the children, then this transaction; False when it was committed or rolled back before, or fails."""
        return await run_awaiting(steps.commit(self), token())

    async def rollback(self) -> bool:
        """Undo this transaction, then its children; False when it was committed or rolled back before."""
        return await run_awaiting(steps.rollback(self), token())

    async def run_hook(self, hook: Hook, hook_type: str) -> None:
        """Call a hook with this transaction; see `Transaction.run_hook`."""
        await run_awaiting(steps.run_hook(self, hook, hook_type), token())

    async def __aenter__(self) -> Self:
        self.enter()
        try:
            await self.begin()
        except BaseException:
            self.reset()
            self.end(failed=True)
            self.release()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.reset()
        await run_awaiting(steps.leave(self, failed=kind is not None), token())
