"""The life of a transaction, written once: generators of effects, like the lifecycles of runs; see `drivers`.

begin (look for a record, lock its key) → the block → leave → commit or roll back, children and parent as documented.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeVar

from penstock._engine.effects import Ask, Effect, Hook, Sleep
from penstock._rules.transactions import SETTLED, Ending, IsolationLevel, TransactionState

if TYPE_CHECKING:
    from penstock._engine.transaction_tree import BaseTransaction

R = TypeVar("R")
Steps = Generator[Effect, Any, R]

#: Seconds between two tries for a lock: at first, and at most.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05


def begin(txn: BaseTransaction) -> Steps[None]:
    """Find out whether the work was done before; take the lock of a serializable transaction."""
    txn.state = TransactionState.ACTIVE
    txn.prepare_transaction()
    if txn.key is None or txn.store is None:
        return
    if not txn.overwrite and (yield Ask(txn.store.exists, (txn.key,))):
        txn.state = TransactionState.COMMITTED
        return
    if txn.isolation_level is not IsolationLevel.SERIALIZABLE:
        return
    twin = yield from lock(txn)
    if twin is not None or (not txn.overwrite and (yield Ask(txn.store.exists, (txn.key,)))):
        txn.state = TransactionState.COMMITTED
        txn.release()  # its block goes on


def lock(txn: BaseTransaction) -> Steps[BaseTransaction | None]:
    """Wait for the lock of the transaction's key.

    Transactions of one tree commit together, so they need not wait for each other's end: who stands inside the
    holder of the lock goes on; and where the work is done and staged, the staged transaction is returned instead.
    """
    pause = _FIRST_PAUSE
    while True:
        relative = txn.family.holder_of(txn)
        if relative is not None and relative.state is TransactionState.STAGED:
            return relative
        if relative is not None and relative in txn.ancestors():
            txn.lender = relative
            return None
        if (yield Ask(txn.try_lock)):
            return None
        yield Sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def leave(txn: BaseTransaction, *, failed: bool = False) -> Steps[None]:
    """End a transaction: commit it, roll it back, or leave it to the one around it."""
    match txn.end(failed=failed):
        case Ending.COMMIT:
            yield from commit(txn)
        case Ending.ROLL_BACK:
            yield from rollback(txn)
        case Ending.LEAVE:
            pass


def commit(txn: BaseTransaction) -> Steps[bool]:
    """Commit the children, then write the record; roll back and return False when one cannot be written."""
    try:
        return (yield from _commit(txn))
    except Exception as error:
        txn.log.error("Transaction %s was rolled back, because it could not be committed: %s", txn, error)
        return False


def _commit(txn: BaseTransaction) -> Steps[bool]:
    ours = txn.state not in SETTLED
    try:
        for child in txn.settle(Ending.COMMIT):
            yield from _commit(child)
        if not ours:
            return False
        if txn.key is not None and txn.write_on_commit:
            yield Ask(txn.write_record)
    except GeneratorExit:
        txn.release()
        raise
    except BaseException:
        yield from rollback(txn)
        raise
    txn.state = TransactionState.COMMITTED
    txn.release()
    for hook in txn.on_commit_hooks:
        yield from run_hook(txn, hook, "commit")
    return True


def rollback(txn: BaseTransaction) -> Steps[bool]:
    """Run the hooks of the transaction, the last first, then roll back its children, the last first."""
    ours = txn.state not in SETTLED
    try:
        children = txn.settle(Ending.ROLL_BACK)
        if ours:
            txn.state = TransactionState.ROLLED_BACK
            for hook in reversed(txn.on_rollback_hooks):
                yield from run_hook(txn, hook, "rollback")
            txn.undone()
        for child in reversed(children):
            yield from rollback(child)
    finally:
        txn.release()
    return ours


def forget_attempt(txn: BaseTransaction) -> Steps[None]:
    """Roll back what a failed attempt has done, so that the next one begins afresh."""
    children = txn.settle(Ending.ROLL_BACK)
    for child in reversed(children):
        yield from rollback(child)
    txn.reopen()


def run_hook(txn: BaseTransaction, hook: Callable[..., Any], kind: str) -> Steps[None]:
    """Call one hook with the transaction; what it raises is logged."""
    name = getattr(hook, "__name__", repr(hook))
    txn.log.info("Running %s hook %r", kind, name)
    try:
        yield Hook(hook, (txn,))
    except Exception:
        txn.log.exception("An error was encountered while running %s hook %r", kind, name)
