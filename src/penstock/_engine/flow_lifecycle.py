"""What happens in a flow run, in order. A generator of effects; see `drivers`.

created (Pending) → parameters validated → Running → on_running → the function → its runner ends
→ final state from the return value or the exception → retry? → final → hooks
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from typing import Any

from penstock._engine import outcomes
from penstock._engine.cancellation import current_token
from penstock._engine.effects import Ask, Effect, Hook, Sleep
from penstock._engine.flow_run import FlowExecution
from penstock._engine.inputs import link_result
from penstock._engine.parameters import unbind
from penstock._engine.streams import call
from penstock._engine.timeouts import RunTimeout
from penstock._values.states import State, StateType
from penstock.exceptions import (
    Abort,
    FlowRunTimeoutError,
    ObjectNotFound,
    Pause,
    RunCancelled,
    UnansweredPause,
    UpstreamTaskError,
)

Steps = Generator[Effect, Any, State]


def flow_lifecycle(run: FlowExecution) -> Steps:
    """Take one flow run from its creation to its end, and return its last state."""
    mark = current_token.set(run.token)
    try:
        try:
            if run.parent is not None and run.parent.children is not None:
                earlier = yield Ask(run.completed_before)
                if earlier is not None:
                    return earlier  # type: ignore[no-any-return]
            yield Ask(run.create)
            with run.cancellable():
                final = yield from _until_final(run)
        except (Exception, Abort, Pause):
            raise
        except BaseException as error:
            if not run.may_exist():
                raise
            final = yield from _stopped(run, error)
    finally:
        current_token.reset(mark)
    if run.parent is not None and final.is_completed():
        link_result(run.parent, final.data, final)
        if run.child_key is not None and run.parent.children is not None:
            run.parent.children.completed[run.child_key] = final
    return final


def _until_final(run: FlowExecution) -> Steps:
    try:
        yield Ask(run.check_upstream)
    except UpstreamTaskError as error:
        return (
            yield from _finish(run, State(StateType.FAILED, name="NotReady", message=str(error), data=error))
        )
    try:
        run.validate()
    except Exception as error:
        failed = State(
            StateType.FAILED, message=f"Validation of flow parameters failed with error: {error}", data=error
        )
        return (yield from _finish(run, failed))
    run.logger.info("Beginning flow run %r for flow %r", run.flow_run.name, run.flow.name)
    while True:
        yield from _begin(run)
        state = yield from _attempt(run)
        if state.is_failed() and run.attempt < run.retries:
            delay = run.count_retry()
            run.logger.info("%s - Retry %d/%d", state.message, run.attempt, run.retries)
            yield Ask(run.propose, (run.awaiting_retry(delay),))
            yield Sleep(delay)
            continue
        return (yield from _finish(run, state))


def _begin(run: FlowExecution) -> Generator[Effect, Any, None]:
    name = "Retrying" if run.attempt else None
    while True:
        verdict = yield Ask(run.propose, (State(StateType.RUNNING, name=name),))
        if verdict.status == "WAIT":
            yield Sleep(verdict.delay_seconds)
            continue
        if verdict.status == "ABORT" or not verdict.state.is_running():
            raise Abort(
                f"Flow run {run.flow_run.name!r} may not start: {verdict.reason or verdict.state.name}"
            )
        break
    for hook in run.flow.on_running_hooks:
        yield from _call_hook(run, hook, run.state)


def _attempt(run: FlowExecution) -> Steps:
    flow = run.flow
    context = run.build_context()
    try:
        args, kwargs = unbind(flow.fn, run.parameters)
        with context:
            try:
                value = yield from call(flow.fn, args, kwargs, flow.timeout_seconds, run.stream)
                if run.stream is not None and run.stream.closed:
                    run.token.check()
                    state = State(StateType.COMPLETED, message=outcomes.CLOSED)
                else:
                    state = yield Ask(outcomes.from_return_value, (value,))
            except (Exception, RunTimeout, Abort, Pause):
                yield Ask(run.runner.finish)
                raise
            # A runner is left before the run ends: what was submitted is waited for, whatever happened, except
            # when somebody presses Stop; then `_stopped` ends the tasks.
            yield Ask(run.runner.finish)
    except RunTimeout:
        seconds = flow.timeout_seconds
        return outcomes.from_timeout(
            "Flow run", seconds, FlowRunTimeoutError(f"Flow run exceeded timeout of {seconds} second(s)")
        )
    except UnansweredPause as error:
        # The run stays Paused in the store: somebody can still answer and go on with it.
        paused = run.state
        paused.data = error
        return paused
    except Exception as error:
        failed = outcomes.from_exception(error, "Flow run")
        run.logger.error("Encountered an exception during execution: %r", error, exc_info=error)
        return failed
    return state


def _finish(run: FlowExecution, state: State) -> Steps:
    if state.is_paused():
        return state
    if state.is_completed():
        yield Ask(run.keep, (state,)) if hasattr(run, "context") else Ask(lambda: None)
    verdict = yield Ask(run.propose, (state,))
    final: State = run.state if verdict.status == "REJECT" else verdict.state
    if verdict.status == "ACCEPT":
        final = run.state
    level = logging.INFO if final.is_completed() else logging.ERROR
    run.logger.log(level, "Finished in state %s", final)
    hooks = {
        StateType.COMPLETED: run.flow.on_completion_hooks,
        StateType.FAILED: run.flow.on_failure_hooks,
        StateType.CRASHED: run.flow.on_crashed_hooks,
    }.get(final.type, ())
    for hook in hooks:
        yield from _call_hook(run, hook, final)
    return final


def _call_hook(run: FlowExecution, hook: Any, state: State) -> Generator[Effect, Any, None]:
    name = getattr(hook, "__name__", repr(hook))
    try:
        run.logger.debug("Running hook %r in response to entering state %r", name, state.name)
        yield Hook(hook, (run.flow, run.flow_run, state))
    except Exception:
        run.logger.exception("An error was encountered while running hook %r", name)


def _stopped(run: FlowExecution, error: BaseException) -> Steps:
    """End a run that was interrupted: its tasks first, then itself. Never waits long; the user pressed Stop."""
    run.token.set("interrupted")
    run.runner.cancel_all()
    run.runner.finish()
    if run.state.is_final():
        if isinstance(error, RunCancelled):
            return run.state
        raise error  # too late to change how the run ended, but not for whoever pressed Stop
    if run.token.reason == "cancelled":
        state = State(StateType.CANCELLED, message="The run was cancelled.", data=error)
        if run.state.type is not StateType.CANCELLING:
            run.propose(State(StateType.CANCELLING))
        for hook in run.flow.on_cancellation_hooks:
            yield from _call_hook(run, hook, run.state)
    else:
        state = outcomes.from_interruption(error, "Flow run")
    try:
        run.propose(state, force=run.state.is_paused())
    except ObjectNotFound:
        raise error from None  # stopped before the store heard of it
    final = run.state
    final.data = error
    run.logger.error("Finished in state %s", final)
    for hook in run.flow.on_crashed_hooks if final.is_crashed() else ():
        yield from _call_hook(run, hook, final)
    return final
