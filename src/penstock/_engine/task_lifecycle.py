"""What happens in a task run, in order. A generator of effects; see `drivers`.

inputs resolved → (NotReady) → cached? → (locked) → slots of its tags → Running → on_running → the function → retry?
→ stored → final → hooks → (committed, undone, or left to the transaction around; see `transactions`)
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from typing import Any

from penstock._engine import cache_keys, outcomes, tag_limits, transaction_steps
from penstock._engine.cancellation import current_token
from penstock._engine.effects import Ask, Effect, Hook, Sleep
from penstock._engine.inputs import link_result
from penstock._engine.observers import recording
from penstock._engine.streams import call, replay
from penstock._engine.task_run import TaskExecution
from penstock._engine.timeouts import RunTimeout
from penstock._engine.transaction_tree import BaseTransaction
from penstock._rules.transactions import IsolationLevel
from penstock._values.states import State, StateType
from penstock.exceptions import RunCancelled, TaskRunTimeoutError, UpstreamTaskError

Steps = Generator[Effect, Any, State]
SERIALIZABLE = IsolationLevel.SERIALIZABLE


def task_lifecycle(run: TaskExecution) -> Steps:
    """Take one task run from Pending to its end, and return its last state."""
    mark = current_token.set(run.token)
    try:
        final = yield from _until_final(run)
    except (KeyboardInterrupt, RunCancelled) as error:
        final = _stopped(run, error)
    finally:
        current_token.reset(mark)
    if final.is_completed():
        link_result(run.flow_context, final.data, final)
    return final


def _until_final(run: TaskExecution) -> Steps:
    try:
        if run.linked:
            yield Ask(run.resolve_inputs)
    except UpstreamTaskError as error:
        run.token.check()  # an upstream that was stopped with the run is no failure of ours
        return run.enter(State(StateType.PENDING, name="NotReady", message=str(error), data=error))
    except Exception as error:
        run.token.check()
        return (yield from _finish(run, outcomes.from_exception(error, "Task run inputs")))
    run.token.check()
    try:
        run.rename()
    except Exception as error:
        return (yield from _finish(run, outcomes.from_exception(error, "Task run name")))
    if run.options.caches:
        cached = yield Ask(run.find_cached)
        if cached is not None:
            return (yield from _reuse(run, cached))
    try:
        run.join()
    except Exception as error:
        return (yield from _finish(run, outcomes.from_exception(error, "Task run transaction")))
    try:
        return (yield from _work(run))
    except BaseException as error:
        yield from _give_up(run, error)
        raise


def _work(run: TaskExecution) -> Steps:
    transaction = run.transaction
    if transaction is not None and transaction.isolation_level is SERIALIZABLE and run.cache_key is not None:
        cached = yield from _locked(run, transaction)
        if cached is not None:
            transaction.found()
            cache_keys.record(run, run.key, found=True)
            return (yield from _reuse(run, cached))
    while True:
        if run.task_run.tags and (aborted := (yield from tag_limits.taken(run))) is not None:
            return (yield from _end(run, aborted))
        run.enter(State(StateType.RUNNING, name="Retrying" if run.retry else "Running"))
        for hook in run.task.on_running_hooks:
            yield from _call_hook(run, hook, run.task_run.state)
        state = yield from _attempt(run)
        if state.is_failed() and run.retry < run.options.retries and (yield from _wants_retry(run, state)):
            delay = run.count_retry()
            run.logger.info(
                "%s - Retry %d/%d will start %s",
                state.message,
                run.retry,
                run.options.retries,
                f"{delay:g} second(s) from now" if delay else "immediately",
            )
            if run.transaction is not None:
                yield from transaction_steps.forget_attempt(run.transaction)
            if delay:
                run.enter(run.awaiting_retry(delay))
                yield Sleep(delay)
            continue
        return (yield from _end(run, state))


def _reuse(run: TaskExecution, cached: State) -> Steps:
    if run.stream is not None:
        yield from replay((yield Ask(cached.result)), run.stream)
    return (yield from _finish(run, cached))


def _locked(run: TaskExecution, transaction: BaseTransaction) -> Generator[Effect, Any, State | None]:
    """Wait until nobody else works on the same key; return what was found then."""
    twin = yield from transaction_steps.lock(transaction)
    if twin is not None:
        return run.cached(twin.staged_value)
    found: State | None = yield Ask(run.look)
    return found


def _end(run: TaskExecution, state: State) -> Steps:
    """Store the result, enter the last state, commit or undo; in a transaction around, that one does it later."""
    alone = run.transaction is None or run.transaction.get_parent() is None
    if alone and state.is_completed() and (run.options.persist or not run.options.keep_in_memory):
        yield Ask(run.keep, (state,))
    if state.is_completed():
        run.stage(state)
    final = yield from _finish(run, state)
    if run.transaction is not None:
        yield from transaction_steps.leave(run.transaction, failed=run.lost or not state.is_completed())
    return final


def _give_up(run: TaskExecution, error: BaseException) -> Generator[Effect, Any, None]:
    """Undo what an interrupted run did, and let go of its lock."""
    if run.transaction is None:
        return
    if isinstance(error, GeneratorExit):  # nobody runs this lifecycle any more
        run.transaction.release()
        return
    yield from transaction_steps.leave(run.transaction, failed=True)


def _attempt(run: TaskExecution) -> Steps:
    try:
        args, kwargs = run.arguments()
        with run.context(), run.active(), recording(run):
            if run.stream is not None:
                run.stream.keep = run.options.persist
            value = yield from call(run.task.fn, args, kwargs, run.options.timeout, run.stream)
            if run.stream is not None and run.stream.closed:
                run.token.check()
                return State(StateType.COMPLETED, message=outcomes.CLOSED)
            if type(value) in outcomes.PLAIN:
                return State(StateType.COMPLETED, data=value)
            state: State = yield Ask(outcomes.from_return_value, (value,))
    except RunTimeout:
        seconds = run.options.timeout or 0.0
        return outcomes.from_timeout(
            "Task run", seconds, TaskRunTimeoutError(f"Task run exceeded timeout of {seconds} second(s)")
        )
    except (KeyboardInterrupt, RunCancelled):
        raise
    except Exception as error:
        failed = outcomes.from_exception(error, "Task run")
        run.logger.error("Task run failed with exception: %r", error, exc_info=error)
        return failed
    except BaseException as error:
        return outcomes.from_interruption(error, "Task run")
    return state


def _wants_retry(run: TaskExecution, state: State) -> Generator[Effect, Any, bool]:
    condition = run.task.retry_condition_fn
    if condition is None:
        return True
    try:
        return bool((yield Hook(condition, (run.task, run.task_run, state))))
    except Exception:
        run.logger.exception(
            "An error was encountered while running `retry_condition_fn` of task %r", run.task.name
        )
        return False


def _finish(run: TaskExecution, state: State) -> Steps:
    run.enter(state)
    level = logging.INFO if state.is_completed() else logging.ERROR
    run.logger.tell(level, "Finished in state %s", state)
    hooks = run.task.on_completion_hooks if state.is_completed() else ()
    hooks = run.task.on_failure_hooks if state.is_failed() else hooks
    for hook in hooks:
        yield from _call_hook(run, hook, state)
    return state


def _call_hook(run: TaskExecution, hook: Any, state: State | None) -> Generator[Effect, Any, None]:
    try:
        yield Hook(hook, (run.task, run.task_run, state))
    except Exception:
        name = getattr(hook, "__name__", repr(hook))
        run.logger.exception("An error was encountered while running hook %r", name)


def _stopped(run: TaskExecution, error: BaseException) -> State:
    """A run that had begun crashes when it is interrupted; one that had not is cancelled."""
    current = run.task_run.state
    if current is not None and current.is_final():
        if isinstance(error, KeyboardInterrupt):
            raise error
        return current
    begun = run.task_run.run_count > 0
    if run.token.reason == "cancelled" or not begun:
        message = (
            "The flow run was stopped before this task run began." if not begun else "The run was cancelled."
        )
        return run.enter(State(StateType.CANCELLED, message=message, data=error))
    return run.enter(outcomes.from_interruption(error, "Task run"))
