"""One execution of a task: what it knows, and the small steps its lifecycle is made of."""

from __future__ import annotations

import random
import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from penstock._engine import cache_keys, inputs, tag_limits
from penstock._engine.cancellation import Token
from penstock._engine.contexts import FlowRunContext, TaskRunContext
from penstock._engine.naming import render
from penstock._engine.observers import tell
from penstock._engine.parameters import unbind, with_owner
from penstock._engine.retry_delays import delay_before
from penstock._engine.run_logging import RunLogAdapter, task_run_logger
from penstock._engine.slots import Hold
from penstock._engine.streams import Stream
from penstock._engine.task_options import TaskOptions
from penstock._engine.transaction_tree import BaseTransaction, active_transaction
from penstock._engine.transactions import AsyncTransaction, Transaction
from penstock._link.session import Session, current_session
from penstock._results.fingerprint import KnownFingerprint, fingerprint
from penstock._rules.task_table import check
from penstock._values.outcome import Absent
from penstock._values.runs import TaskRun
from penstock._values.states import Resolvable, State, StateType, utc_now
from penstock.exceptions import HashError, SerializationError

_rng = random.Random()
#: States in which a run keeps the slots of its tags.
_HOLDING = frozenset({StateType.RUNNING, StateType.CANCELLING})
_NOTHING = nullcontext()


@dataclass(slots=True)
class TaskExecution:
    """Everything one task run needs, wherever it runs."""

    task: Any
    task_run: TaskRun
    parameters: dict[str, Any]
    options: TaskOptions
    wait_for: tuple[Any, ...] = ()
    token: Token = field(default_factory=Token)
    #: Where this run's events are journalled.
    session: Session = field(default_factory=current_session)
    flow_context: FlowRunContext | None = None
    #: True when parameters or wait_for hold futures or states, so that there is something to resolve.
    linked: bool = True
    #: Hashes of inputs that were computed before, by parameter name.
    fingerprints: dict[str, KnownFingerprint] = field(default_factory=dict)
    cache_key: str | None = None
    #: The cache key with what it was made of.
    key: cache_keys.Key = cache_keys.NO_KEY
    #: Who iterates over this run, when its function is a generator.
    stream: Stream | None = None
    #: Slots it holds, or waits for, by its tags.
    tag_slots: Hold | None = None
    retry: int = 0
    #: The options for the worker that runs it, when they differ.
    sent_options: TaskOptions | None = None
    #: What commits or undoes this run; None when nobody would notice.
    transaction: BaseTransaction | None = None
    #: The result should have been stored, and was not.
    lost: bool = False
    closed: bool = False
    _lock: Any = field(default_factory=threading.Lock)

    @property
    def logger(self) -> RunLogAdapter:
        """The logger of this run."""
        context = self.flow_context
        return task_run_logger(
            self.task_run,
            self.task,
            context.flow_run if context else None,
            context.flow if context else None,
        )

    @property
    def label(self) -> str:
        """What messages call this run."""
        return f"task run {self.task_run.name!r}"

    def enter(self, state: State, *, last: bool = False) -> State:
        """Make `state` the run's state: check it, journal it, tell who watches; return the state it is in now.

        After the run was given up (`abandon`, `last`) nothing changes any more; a run that has ended cannot be
        given up.
        """
        run = self.task_run
        with self._lock:
            if self.closed or (last and run.state is not None and run.state.is_final()):
                return run.state or state
            check(run.name, run.state, state)
            _apply(run, state)
            self.closed = last
        details = state.state_details
        details.task_run_id = run.id
        details.flow_run_id = run.flow_run_id
        body = {
            "run": "task",
            "id": run.id,
            "flow_run_id": run.flow_run_id,
            "state_id": state.id,
            "type": state.type.value,
            "name": state.name,
            "message": state.message,
            "run_count": run.run_count,
        }
        if details.cache_key:
            details.stored_result = self.options.store.reference(details.cache_key, self.label)
        if details.cache_key or details.scheduled_time or details.child_flow_run_id:
            extra = details.to_json()
            extra.pop("task_run_id", None)
            extra.pop("flow_run_id", None)
            body["details"] = extra
        self.session.emit("state", body, int(state.timestamp.timestamp() * 1_000_000))
        if self.tag_slots is not None and state.type not in _HOLDING:
            tag_limits.give_back(self)
        tell("task_run_state", run, state)
        return state

    def abandon(self, state: State) -> State:
        """Give the run up while its code may still be running: later states of it count for nothing."""
        entered = self.enter(state, last=True)
        if entered is state:
            self.session.emit("fence", {"task_run_id": self.task_run.id})
        return entered

    def resolve_inputs(self) -> None:
        """Wait for upstream runs and put their values in place of futures."""
        inputs.check_wait_for(self.wait_for)
        raw, self.parameters = self.parameters, inputs.resolve(self.parameters)
        if self.options.caches:
            for name, value in raw.items():
                digest = inputs.digest_of_upstream(value)
                if digest is not None:
                    self.fingerprints = {**self.fingerprints, name: KnownFingerprint(digest)}

    def rename(self) -> None:
        """Give the run the name its template makes of the resolved parameters."""
        parameters = with_owner(self.task.fn, self.parameters)
        name = render(self.task.task_run_name, parameters, what=f"task {self.task.name!r}")
        if name is not None and name != self.task_run.name:
            self.task_run.name = name
            self.session.emit(
                "renamed",
                {
                    "run": "task",
                    "id": self.task_run.id,
                    "flow_run_id": self.task_run.flow_run_id,
                    "name": name,
                },
            )

    def context(self) -> TaskRunContext:
        """Return the context user code runs in."""
        return TaskRunContext(
            task=self.task,
            task_run=self.task_run,
            parameters=self.parameters,
            options=self.options,
            persist_result=self.options.persist,
            log_prints=self.options.log_prints,
            execution=self,
        )

    def active(self) -> AbstractContextManager[None]:
        """Make the transaction of this run, if it has one, the active one inside a `with` block."""
        return self.transaction.active() if self.transaction is not None else _NOTHING

    def arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return how the function is called."""
        return unbind(self.task.fn, self.parameters)

    def find_cached(self) -> State | None:
        """Compute the cache key and return the Cached state of the result under it, or None.

        A key that cannot be computed means that the task runs and is not cached; the log says why.
        """
        cached, problem = None, None
        try:
            self.key = cache_keys.key_of(self)
            self.cache_key = self.key.text
            cached = self.look()
        except HashError as error:
            problem = str(error)
        except Exception as error:
            self.key, self.cache_key = cache_keys.NO_KEY, None
            problem = f"computing the cache key failed: {error!r}"
        if problem is not None:
            self.logger.warning("Not cached: %s", problem)
        cache_keys.record(self, self.key, found=cached is not None, problem=problem)
        return cached

    def look(self) -> State | None:
        """Return the Cached state of the result under the cache key, None when there is none that may be used."""
        if self.cache_key is None or self.options.refresh:
            return None
        store = self.options.store
        found = store.look(self.cache_key)
        if found is None:
            return None
        return self.cached(store.stored(self.cache_key, self.label), found.digest, found.expiration)

    def cached(self, data: Any, digest: str | None = None, expiration: datetime | None = None) -> State:
        """Return the state of a run whose work was done before."""
        state = State(StateType.COMPLETED, name="Cached", data=data)
        state.digest = digest
        state.state_details.cache_key = self.cache_key
        state.state_details.cache_expiration = expiration
        return state

    def join(self) -> None:
        """Make the transaction of this run, if anybody would notice it.

        Raises:
            ConfigurationError: it has to be serializable and there is nothing to lock with.
        """
        task, level = self.task, getattr(self.options.policy, "isolation_level", None)
        parent = active_transaction()
        hooks = not self.options.decided_elsewhere and (task.on_commit_hooks or task.on_rollback_hooks)
        if parent is not None or level is not None or hooks:
            self.open_transaction(parent)

    def open_transaction(self, parent: BaseTransaction | None = None) -> BaseTransaction:
        """Return the transaction of this run; made when it is first asked for.

        Args:
            parent: the one it is a part of.
        """
        with self._lock:
            if self.transaction is None:
                self.transaction = self._transaction(parent)
            return self.transaction

    def _transaction(self, parent: BaseTransaction | None) -> BaseTransaction:
        options = self.options
        made = (AsyncTransaction if self.task.isasync else Transaction)(
            key=self.cache_key,
            store=options.store,
            isolation_level=getattr(options.policy, "isolation_level", None),
            overwrite=options.refresh,
            write_on_commit=options.persist,
            logger=self.logger,
        )
        made.flow_run_id = self.task_run.flow_run_id
        made.join(parent)
        return made

    def stage(self, state: State) -> None:
        """Give the value of a completed state to the transaction of this run, to be stored when that commits."""
        transaction, options = self.transaction, self.options
        if transaction is None:
            return
        nested = transaction.get_parent() is not None and options.persist
        transaction.write_on_commit = nested  # one on its own has stored it already
        if options.decided_elsewhere:
            return
        transaction.stage(state.data, self.task.on_rollback_hooks, self.task.on_commit_hooks)
        transaction.undoer = self.rolled_back
        if nested:
            transaction.key = self.cache_key or str(self.task_run.id)
            transaction.recorder = partial(self._write, state)
            self._label(state)

    def rolled_back(self) -> None:
        """Say that what this run did was undone."""
        self.enter(
            State(
                StateType.COMPLETED, name="RolledBack", message="Rolled back with the transaction around it."
            )
        )

    def keep(self, state: State) -> State:
        """Store the value of a completed state if it should be stored; one that cannot be stored is lost only there."""
        if not state.is_completed() or not self.options.persist:
            if state.is_completed() and not self.options.keep_in_memory:
                state.data = Absent(
                    f"Task run {self.task_run.name!r} has cache_result_in_memory=False and does not persist its "
                    "result; set persist_result=True to keep it."
                )
            return state
        if self.options.decided_elsewhere:
            state.digest = _digest(state.data) if self.cache_key is not None else None
            self._label(state)
            return state
        try:
            self._write(state)
        except (SerializationError, OSError, ValueError, RuntimeError) as error:
            self.lost = True
            self.logger.error("The result is not stored: %s", error)
        else:
            self._label(state)
        return state

    def _write(self, state: State) -> None:
        """Store the value of a state.

        Raises:
            SerializationError, OSError, ValueError, RuntimeError: it cannot be stored.
        """
        options = self.options
        key = self.cache_key or str(self.task_run.id)
        expiration = utc_now() + self.task.cache_expiration if self.task.cache_expiration else None
        value = state.data.get() if isinstance(state.data, Resolvable) else state.data
        if self.cache_key is not None and state.digest is None:
            state.digest = _digest(value)
        holder = self.transaction.holder if self.transaction is not None else None
        options.store.write(value, key, expiration, holder, digest=state.digest)
        state.state_details.cache_expiration = expiration
        if not options.keep_in_memory:
            state.data = options.store.stored(key, self.label)

    def _label(self, state: State) -> None:
        state.state_details.cache_key = self.cache_key or str(self.task_run.id)

    def count_retry(self) -> float:
        """Count one more retry and return the seconds to wait before it."""
        delay = delay_before(self.retry, self.options.retry_delays, self.options.jitter, _rng)
        self.retry += 1
        return delay

    def awaiting_retry(self, seconds: float) -> State:
        """Return the state between two attempts."""
        state = State(StateType.SCHEDULED, name="AwaitingRetry")
        state.state_details.scheduled_time = utc_now() + timedelta(seconds=seconds)
        return state


def _digest(value: Any) -> str | None:
    """Hash a result for those who will consume it; values that cannot be hashed are hashed by nobody."""
    try:
        return fingerprint(value)
    except HashError:
        return None


def _apply(run: TaskRun, state: State) -> None:
    if state.type is StateType.RUNNING:
        run.run_count += 1
    run.note(state)
