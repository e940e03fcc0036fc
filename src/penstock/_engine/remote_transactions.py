"""Transactions of runs that work in other processes.

The transaction stays with the driver, where the block is: a worker neither stores the result nor calls hooks, the
driver does, when the block commits. So the value comes to the driver when it has to be stored.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial

from penstock._engine import transaction_steps as steps
from penstock._engine.cancellation import Token
from penstock._engine.drivers import run_blocking
from penstock._engine.futures import PenstockFuture
from penstock._engine.task_options import TaskOptions
from penstock._engine.task_run import TaskExecution
from penstock._engine.transaction_tree import BaseTransaction, active_transaction
from penstock._rules.transactions import Ending
from penstock._values.states import State


def join_from_afar(execution: TaskExecution, future: PenstockFuture[object]) -> None:
    """Make a run that is about to be handed over a part of the active transaction, if there is one."""
    parent = active_transaction()
    if parent is None:
        return
    execution.sent_options = _elsewhere(execution)
    transaction = execution.open_transaction(parent)
    future.before_done = partial(_follow, execution, transaction)


def _elsewhere(execution: TaskExecution) -> TaskOptions:
    """Return the options for a worker; the same object for all runs of a task, which is pickled once for all."""
    context, key = execution.flow_context, (execution.task, "elsewhere")
    known: TaskOptions | None = context.task_options.get(key) if context is not None else None
    if known is None:
        known = replace(execution.options, decided_elsewhere=True)
        if context is not None:
            context.task_options[key] = known
    return known


def _follow(execution: TaskExecution, transaction: BaseTransaction, state: State) -> None:
    """Stage what a worker did, before anybody hears that it is done."""
    if state.is_completed() and state.name == "Cached":
        transaction.found()
        return
    if state.is_completed():
        execution.cache_key = state.state_details.cache_key
        execution.stage(state)
    end = transaction.end(failed=not state.is_completed())
    if end is not Ending.LEAVE:
        finish = steps.commit if end is Ending.COMMIT else steps.rollback
        # A thread of its own: the value may have to be fetched, and this is the thread that hears of values.
        threading.Thread(
            target=run_blocking, args=(finish(transaction), Token()), name="penstock-commit"
        ).start()
