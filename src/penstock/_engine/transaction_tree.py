"""A transaction as a node in a tree: its state, values, children and lock. Reference page: advanced/transactions.

What may happen to it is decided in `_rules/transactions`, in which order it happens is in `transaction_steps`.
"""

from __future__ import annotations

import copy
import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self
from uuid import UUID

from penstock._engine.contexts import FlowRunContext, TaskRunContext
from penstock._engine.run_logging import get_run_logger
from penstock._engine.transaction_family import Family
from penstock._ids import short_hex
from penstock._results.store import ResultStore
from penstock._rules.transactions import CommitMode, Ending, IsolationLevel, TransactionState, ending
from penstock._values.annotations import NotSet
from penstock.exceptions import ConfigurationError, MissingContextError

Hook = Callable[..., Any]

#: The active transaction and the entry around it.
_active: ContextVar[tuple[BaseTransaction, Any] | None] = ContextVar("penstock_transaction", default=None)


class BaseTransaction:
    """What transactions have in common, whether they block or are awaited.

    Args:
        key: what the record of the work is called; no record is written without one.
        store: where the record goes; by default where results of the run around go.
        commit_mode: who commits; by default as the transaction around says, LAZY without one.
        isolation_level: what others with the same key may do meanwhile; by default as the transaction around says.
        overwrite: do the work again, although there is a record.
        write_on_commit: write the record.
        logger: where failures of hooks are reported.
    """

    def __init__(
        self,
        *,
        key: str | None = None,
        store: ResultStore | None = None,
        commit_mode: CommitMode | None = None,
        isolation_level: IsolationLevel | None = None,
        overwrite: bool = False,
        write_on_commit: bool = True,
        logger: Any = None,
    ) -> None:
        self.key = key
        self.store = store
        self.commit_mode = commit_mode
        self.isolation_level = isolation_level
        self.overwrite = overwrite
        self.write_on_commit = write_on_commit
        self.logger = logger
        self.state = TransactionState.PENDING
        self.children: list[BaseTransaction] = []
        self.on_commit_hooks: list[Hook] = []
        self.on_rollback_hooks: list[Hook] = []
        self.family = Family()
        #: The flow run of the task run this is the transaction of; NotSet for a block.
        self.flow_run_id: UUID | type[NotSet] | None = NotSet
        #: Called to write the record, and when the work was rolled back, in place of what a block does.
        self.recorder: Callable[[], None] | None = None
        self.undoer: Callable[[], None] | None = None
        self._parent: BaseTransaction | None = None
        self._values: dict[str, Any] = {}
        self._staged: Any = None
        self._holder: str | None = None
        #: Who holds the lock on the same key around it.
        self.lender: BaseTransaction | None = None
        #: Its work is being done.
        self._open = False
        self._given_up = False
        #: What it decided for its children; what the one around it decided for it while its work was being done.
        self._decided: Ending | None = None
        self._fate: Ending | None = None

    # -- state

    def is_pending(self) -> bool:
        """True before it has begun."""
        return self.state is TransactionState.PENDING

    def is_active(self) -> bool:
        """True while its work is being done."""
        return self.state is TransactionState.ACTIVE

    def is_staged(self) -> bool:
        """True when its work is done, and neither committed nor rolled back."""
        return self.state is TransactionState.STAGED

    def is_committed(self) -> bool:
        """True when its work is on record, from this transaction or an earlier one with the same key."""
        return self.state is TransactionState.COMMITTED

    def is_rolled_back(self) -> bool:
        """True when its work was undone."""
        return self.state is TransactionState.ROLLED_BACK

    # -- values

    def set(self, name: str, value: Any) -> None:
        """Keep a value, for whoever works in this transaction, and for its hooks.

        Args:
            name: what it is called.
            value: the value.
        """
        self._values[name] = value

    def get(self, name: str, default: Any = NotSet) -> Any:
        """Return a copy of a value that was set here or, failing that, in a transaction around this one.

        Args:
            name: what it is called.
            default: returned when there is none.

        Raises:
            ValueError: there is none, and no default.

        Example:
            >>> with transaction() as txn:
            ...     txn.set("parts", [1, 2])
            ...     with transaction() as inner:
            ...         inner.get("parts")
            [1, 2]
        """
        for txn in (self, *self.ancestors()):
            if name in txn._values:
                return _copied(txn._values[name])
        if default is NotSet:
            raise ValueError(
                f"No value is called {name!r} in transaction {self} or those around it; set it with "
                f"txn.set({name!r}, ...), or give txn.get a default."
            )
        return default

    def stage(
        self,
        value: Any,
        on_rollback_hooks: list[Hook] | None = None,
        on_commit_hooks: list[Hook] | None = None,
    ) -> None:
        """Say that the work is done; nothing is written before it is committed.

        Args:
            value: what to write.
            on_rollback_hooks: called with the transaction when it is rolled back, the last first.
            on_commit_hooks: called with the transaction when it is committed.
        """
        if self.is_committed():
            return
        self._staged = value
        self.on_rollback_hooks = list(on_rollback_hooks or ())
        self.on_commit_hooks = list(on_commit_hooks or ())
        self.state = TransactionState.STAGED

    @property
    def staged_value(self) -> Any:
        """What was staged."""
        return self._staged

    # -- the tree

    @classmethod
    def get_active(cls) -> BaseTransaction | None:
        """Return the innermost transaction that is active here."""
        return active_transaction()

    def get_parent(self) -> BaseTransaction | None:
        """Return the transaction around this one."""
        return self._parent

    def ancestors(self) -> Iterator[BaseTransaction]:
        """Iterate over the transactions around this one, inside out."""
        txn = self._parent
        while txn is not None:
            yield txn
            txn = txn._parent

    def add_child(self, transaction: BaseTransaction) -> None:
        """Let this transaction decide about another one, too."""
        with self.family.mutex:
            transaction._parent = self
            transaction.family = self.family
            transaction._fate = self._decided
            if transaction not in self.children:
                self.children.append(transaction)

    def prepare_transaction(self) -> None:
        """Take over what was not given from the transaction around this one.

        Raises:
            ConfigurationError: a serializable transaction without anything to lock with.
        """
        parent = self._parent
        locks = parent.store.lock_manager if parent is not None and parent.store is not None else None
        if locks is not None and self.store is not None and self.store.lock_manager is None:
            self.store = self.store.model_copy(update={"lock_manager": locks})
        inherited = parent.isolation_level if parent is not None else None
        self.isolation_level = IsolationLevel(
            self.isolation_level or inherited or IsolationLevel.READ_COMMITTED
        )
        self.commit_mode = CommitMode(
            self.commit_mode or (parent.commit_mode if parent is not None else None) or CommitMode.LAZY
        )
        if self.store is not None and not self.store.supports_isolation_level(self.isolation_level):
            raise ConfigurationError(
                f"Isolation level {self.isolation_level} needs a lock manager, and the store of transaction {self} "
                "has none. Give it one: ResultStore(lock_manager=...) for a block, "
                "cache_policy=INPUTS.configure(isolation_level=..., lock_manager=...) for a task."
            )

    def join(self, parent: BaseTransaction | None) -> None:
        """Begin work as a part of `parent`, or on its own.

        Raises:
            ConfigurationError: see `prepare_transaction`; it is no part of anything then.
        """
        self._parent = parent
        self.prepare_transaction()
        self.state, self._open = TransactionState.ACTIVE, True
        if parent is not None:
            parent.add_child(self)

    def enter(self) -> None:
        """Become a part of the active transaction, and the active one."""
        self.join(active_transaction())
        _active.set((self, _active.get()))

    def reset(self) -> None:
        """Stop being the active transaction here."""
        found = _active.get()
        if found is not None and found[0] is self:
            _active.set(found[1])

    @contextmanager
    def active(self) -> Iterator[None]:
        """Be the active transaction inside the `with` block, and nothing else."""
        _active.set((self, _active.get()))
        try:
            yield
        finally:
            self.reset()

    def end(self, *, failed: bool) -> Ending:
        """Return what is to happen now that the work has ended; see `ending`."""
        with self.family.mutex:
            self._open = False
            mode = self.commit_mode or CommitMode.LAZY
            return ending(mode, nested=self._parent is not None, failed=failed, fate=self._fate)

    def found(self) -> None:
        """The work turned out to be on record already."""
        self.state, self._open = TransactionState.COMMITTED, False
        self.release()

    def settle(self, fate: Ending) -> Sequence[BaseTransaction]:
        """Decide about the children; return those whose work has ended, the others follow when theirs has."""
        with self.family.mutex:
            self._decided = fate
            for child in self.children:
                child._fate = fate
            return [child for child in self.children if not child._open]

    def reopen(self) -> None:
        """Begin again without children."""
        with self.family.mutex:
            self._decided = None
            self.children = []

    # -- record and lock

    def write_record(self) -> None:
        """Write the record of the work."""
        if self.recorder is not None:
            self.recorder()
        elif self.store is not None and self.key is not None:
            self.store.write(self._staged, key=self.key, holder=(self.lender or self).holder)

    def undone(self) -> None:
        """Tell who wants to know that the work was rolled back."""
        if self.undoer is not None:
            self.undoer()

    @property
    def holder(self) -> str:
        """What lock managers know this transaction by; unique, because one thread may have several."""
        if self._holder is None:
            self._holder = f"{socket.gethostname()}:{os.getpid()}:{short_hex(16)}"
        return self._holder

    @property
    def lock_id(self) -> tuple[int, str]:
        """Which lock this transaction needs, inside this process."""
        return id(self.store.lock_manager) if self.store is not None else 0, self.key or ""

    def try_lock(self) -> bool:
        """Take the lock of the key, if it is free."""
        if self.store is None or self.key is None:
            return True
        got = self.store.acquire_lock(self.key, self.holder, 0)
        if got:
            self.family.note(self, holds=True)
            if self._given_up:  # while another thread was asking
                self.release()
        return got

    def release(self) -> None:
        """Let go of the lock, if there is one, for good."""
        self._given_up = True
        if self._holder is None or self.store is None or self.key is None or self.store.lock_manager is None:
            return
        self.family.note(self, holds=False)
        if self.store.is_lock_holder(self.key, self._holder):
            self.store.release_lock(self.key, self._holder)

    # -- the rest

    @property
    def log(self) -> Any:
        """Where to report: the logger given, that of the run around, or one for transactions."""
        if self.logger is not None:
            return self.logger
        try:
            return get_run_logger()
        except MissingContextError:
            return logging.getLogger("penstock.transactions")

    def model_copy(self) -> Self:
        """Return a copy of this transaction."""
        return copy.copy(self)

    def serialize(self, include_secrets: bool = True) -> dict[str, Any]:
        """Return what another process could know of this transaction.

        Args:
            include_secrets: accepted for compatibility; there are none.
        """
        del include_secrets
        names = ("key", "commit_mode", "isolation_level", "overwrite", "write_on_commit", "state")
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(key={self.key!r}, state={self.state})"

    def __str__(self) -> str:
        return repr(self.key) if self.key is not None else "without a key"


def active_transaction() -> BaseTransaction | None:
    """Return the innermost transaction that is active here.

    That of a task run is made when somebody asks for it. A flow called inside a task stands on its own: its tasks
    are not undone with that task; a block around the flow holds them as it holds all others.
    """
    entry, context = _active.get(), TaskRunContext.get()
    if entry is None and context is None:
        return None
    flow = FlowRunContext.get()
    here = flow.flow_run.id if flow is not None else None
    found = entry[0] if entry is not None else None
    if found is None and context is not None and (here is None or context.task_run.flow_run_id == here):
        found = context.execution.open_transaction() if context.execution is not None else None
    while found is not None and here is not None and found.flow_run_id not in (NotSet, here):
        found = found.get_parent()
    return found


def prevailing_store() -> ResultStore:
    """Return where results of the run around go; outside runs, where the settings say."""
    context = TaskRunContext.get() or FlowRunContext.get()
    store = context.result_store if context is not None else None
    return store if store is not None else ResultStore()


def _copied(value: Any) -> Any:
    """Return a copy; what cannot be copied, such as a connection, as it is."""
    try:
        return copy.deepcopy(value)
    except TypeError:
        return value


__all__ = ["BaseTransaction", "active_transaction", "prevailing_store"]
