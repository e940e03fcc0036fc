"""What every task runner offers, and what it has to provide. Reference: concepts/task-runners.

A runner provides `start`, `hand_over` and `stop`; naming runs, journalling them, edges, mapping and waiting are
the same for all and live here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable
from typing import Any, Self
from uuid import UUID

from penstock._engine import inputs
from penstock._engine.cancellation import Token, current_token
from penstock._engine.contexts import FlowRunContext, TagsContext, TaskRunContext
from penstock._engine.futures import PenstockFuture, PenstockFutureList, PenstockTaskRunFuture, futures_in
from penstock._engine.log_setup import setup_logging
from penstock._engine.mapping import expand
from penstock._engine.naming import render
from penstock._engine.observers import tell
from penstock._engine.remote_transactions import join_from_afar
from penstock._engine.task_options import TaskOptions, resolve_options
from penstock._engine.task_run import TaskExecution
from penstock._ids import id_text, new_id, short_hex
from penstock._link.session import Session, current_session
from penstock._results.fingerprint import KnownFingerprint
from penstock._values.runs import TaskRun
from penstock._values.states import State, StateType
from penstock.exceptions import Pause, PenstockSignal

#: How long running tasks get to notice that their run was stopped, in seconds.
STOP_GRACE = 0.5

#: What ends a run from outside, wherever its thread happens to be.
_STOPS = (KeyboardInterrupt, PenstockSignal)


class TaskRunner:
    """Runs tasks somewhere. A context manager: entered before the first task, left after the last."""

    #: The word users choose it by, and the `runner` column of its task runs.
    type: str = ""
    #: Runs work in other processes.
    elsewhere: bool = False

    def __init__(self) -> None:
        self._started = False
        #: Code may still be running that was given up: do not wait for it.
        self._given_up = False
        self._open: set[PenstockFuture[Any]] = set()
        self._executions: dict[PenstockFuture[Any], TaskExecution] = {}
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The class name in lower case, without the endings all runners share."""
        return type(self).__name__.lower().replace("taskrunner", "")

    def duplicate(self) -> Self:
        """Return a new runner with the same options, for a run of its own."""
        raise NotImplementedError

    @classmethod
    def open_shared(cls, workers: int | None = None) -> tuple[TaskRunner, Callable[[], None]]:
        """Return a runner whose cluster lives on between runs, and what closes it.

        Args:
            workers: how many; the runner's own choice by default.
        """
        del workers
        return cls(), lambda: None

    def start(self) -> None:
        """Get ready to run tasks (open the pool, find the cluster)."""
        raise NotImplementedError

    def hand_over(self, execution: TaskExecution, future: PenstockFuture[Any]) -> None:
        """Run `execution` and give its last state to ``future.set_state``."""
        raise NotImplementedError

    def stop(self) -> None:
        """Let go of everything `start` took; an existing cluster is left as it was found."""
        raise NotImplementedError

    def interrupt(self, only: Collection[PenstockFuture[Any]] | None = None) -> None:
        """Stop what is running elsewhere; threads of this process have been told already.

        A runner whose runs begin elsewhere sets the `run_count` of those it finds begun, so that `cancel_all`
        tells them from those that never ran.

        Args:
            only: these runs, which were cancelled; all of them by default.
        """

    def terminate(self, futures: Collection[PenstockFuture[Any]]) -> None:
        """Kill what still works on these runs, which were given up, where that harms no other."""

    def __enter__(self) -> Self:
        self._start_once()
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()

    def submit(
        self,
        task: Any,
        parameters: dict[str, Any],
        wait_for: Iterable[Any] | None = None,
        dependencies: dict[str, Any] | None = None,
        *,
        fingerprints: dict[str, KnownFingerprint] | None = None,
    ) -> PenstockFuture[Any]:
        """Hand one run of `task` over and return its future.

        Args:
            task: what to run.
            parameters: arguments by name; may hold futures.
            wait_for: futures (or states) that must complete first.
            dependencies: edges beside those found in the parameters, by parameter name.
            fingerprints: hashes of inputs that are known already.
        """
        self._start_once()
        execution = make_run(task, parameters, wait_for, runner=self.type, dependencies=dependencies)
        try:
            if fingerprints:
                execution.fingerprints = fingerprints
            future: PenstockTaskRunFuture[Any] = PenstockTaskRunFuture(execution.task_run)
            if self.elsewhere:
                join_from_afar(execution, future)
                from penstock._engine.worker_tail import worker_tail

                worker_tail.follow(execution.task_run)
            with self._lock:
                self._executions[future] = execution
                self._open.add(future)
        except _STOPS:
            execution.abandon(_never_began())
            raise
        future.add_done_callback(self._forget)
        self.hand_over(execution, future)
        return future

    def map(
        self, task: Any, parameters: dict[str, Any], wait_for: Iterable[Any] | None = None
    ) -> PenstockFutureList[Any]:
        """Hand over one run of `task` for each element of the iterable parameters."""
        expansion = expand(task, parameters)
        waits = list(wait_for) if wait_for is not None else None
        return PenstockFutureList(
            self.submit(task, item, waits, expansion.edges, fingerprints=expansion.fingerprints)
            for item in expansion.runs
        )

    def finish(self) -> None:
        """Wait for everything that was submitted, then stop."""
        if not self._started:
            return
        try:
            for future in list(self._open):
                future.wait()
        finally:
            self._started = False
            self.stop()

    def cancel_all(self) -> None:
        """Give up on everything that is not done: what runs is interrupted, what waits is cancelled."""
        if not self._started:
            return
        self._given_up = True
        self.interrupt()
        with self._lock:
            left = dict(self._executions)
        running = [future for future in left if future.task_run.run_count > 0]
        for future in left.keys() - running:
            future.set_state(left[future].abandon(_never_began()))
        deadline = time.monotonic() + STOP_GRACE
        for future in running:
            if future.ended_event().wait(max(0.0, deadline - time.monotonic())):
                continue
            message = "Stopped while running; its code may not have noticed yet."
            future.set_state(left[future].abandon(State(StateType.CRASHED, message=message)))

    def cancel(self, futures: Collection[PenstockFuture[Any]], grace: float = STOP_GRACE) -> None:
        """Cancel some runs, each made under a token of its own; whatever else this runner does goes on.

        Args:
            futures: of runs this runner was given; those that have ended are left alone.
            grace: how many seconds what runs gets to notice; then it is given up.
        """
        with self._lock:
            left = {future: run for future, run in self._executions.items() if future in futures}
        for run in left.values():
            run.token.set("cancelled")
        if left:
            self.interrupt(list(left))
        running = [future for future in left if future.task_run.run_count > 0]
        for future in left.keys() - running:
            future.set_state(left[future].abandon(_never_began()))
        deadline = time.monotonic() + grace
        deaf = [one for one in running if not one.ended_event().wait(max(0.0, deadline - time.monotonic()))]
        for future in deaf:
            self._given_up = True
            message = "Cancelled while running; its code may not have noticed yet."
            future.set_state(left[future].abandon(State(StateType.CANCELLED, message=message)))
        if deaf:
            self.terminate(deaf)

    def _start_once(self) -> None:
        if not self._started:
            with self._lock:
                if not self._started:
                    self._given_up = False
                    self.start()
                    self._started = True

    def _forget(self, future: PenstockFuture[Any]) -> None:
        with self._lock:
            self._open.discard(future)
            self._executions.pop(future, None)
        if self.elsewhere:
            from penstock._engine.worker_tail import worker_tail

            worker_tail.give_up(future.task_run)

    def __getstate__(self) -> dict[str, Any]:
        kept = dict(self.__dict__)
        for name in ("_lock", "_open", "_executions"):
            kept.pop(name)
        return {**kept, "_started": False}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()
        self._open = set()
        self._executions = {}


def runner_here(verb: str, name: str) -> TaskRunner:
    """Return the task runner of the flow run that is active here.

    Raises:
        RuntimeError: there is none.
    """
    context = FlowRunContext.get()
    if context is None:
        raise RuntimeError(
            f"Unable to determine the task runner for `{name}.{verb}`: call it inside a flow, use a task runner as a "
            "context manager and its own `submit`, or queue the run for a task worker with `.delay` "
            "(`.map(..., deferred=True)`)."
        )
    runner: TaskRunner = context.task_runner
    return runner


def after_upstream(
    execution: TaskExecution,
    then: Callable[[], None],
    known: Callable[[PenstockFuture[Any]], bool] = lambda _: False,
) -> None:
    """Call `then` when everything the run waits for is done, without holding a thread; at once if it is.

    Args:
        execution: the run.
        then: hands it over.
        known: says which upstream runs need not be waited for, because the runner's own scheduler does.
    """
    found = (
        futures_in((*execution.parameters.values(), *execution.wait_for)) if execution.linked else iter(())
    )
    upstream = [future for future in found if not future.done() and not known(future)]
    if not upstream:
        then()
        return
    countdown = _Countdown(len(upstream), then)
    for one in upstream:
        one.add_done_callback(countdown.tick)


class _Countdown:
    def __init__(self, count: int, then: Any) -> None:
        self._left = count
        self._then = then
        self._lock = threading.Lock()

    def tick(self, _: Any) -> None:
        with self._lock:
            self._left -= 1
            last = self._left == 0
        if last:
            self._then()


def make_run(
    task: Any,
    parameters: dict[str, Any],
    wait_for: Iterable[Any] | None,
    *,
    runner: str | None,
    dependencies: dict[str, Any] | None = None,
    run_id: UUID | None = None,
) -> TaskExecution:
    """Make a task run of `task` (with this id, if one is given), journal it as Pending, return its execution."""
    setup_logging()
    context = FlowRunContext.get()
    if context is not None and context.cancellation.is_suspended and TaskRunContext.get() is None:
        raise Pause(f"Flow run {context.flow_run.name!r} was suspended; it goes on when it is resumed.")
    waits = tuple(wait_for) if wait_for is not None else ()
    linked = bool(waits) or inputs.is_linked(parameters)
    options = options_of(task, context)
    run_id = run_id or new_id()
    name = f"{task.name}-{short_hex(3)}"
    if task.task_run_name is not None and not linked:
        name = _render(task, parameters) or name
    state = State(StateType.PENDING)
    run = TaskRun(
        id=run_id,
        name=name,
        tags=sorted(task.tags | TagsContext.tags()),
        state=state,
        task_key=task.task_key,
        dynamic_key=id_text(run_id),
        task_name=task.name,
        flow_run_id=context.flow_run.id if context is not None else None,
        task_inputs={**inputs.edges(parameters, waits, context), **(dependencies or {})},
        runner=runner,
        created=state.timestamp,
        expected_start_time=state.timestamp,
    )
    if context is not None:
        context.task_run_dynamic_keys[run.task_key] = run.dynamic_key
    session = context.session if context is not None else current_session()
    execution = TaskExecution(
        task=task,
        task_run=run,
        parameters=parameters,
        options=options,
        wait_for=waits,
        token=context.cancellation if context is not None else (current_token.get() or Token()),
        session=session,
        flow_context=context,
        linked=linked,
    )
    try:
        # What runs in this process, and waits for nothing, is Running soon: both lines go into one write.
        at_once = runner in (None, "threads") and not (linked or options.caches or run.tags)
        _journal(session, run, state, hold=at_once)
        tell("task_run_state", run, state)
    except _STOPS:
        execution.abandon(_never_began())  # nobody else knows of it yet
        raise
    return execution


def _journal(session: Session, run: TaskRun, state: State, *, hold: bool) -> None:
    session.emit(
        "task_run",
        {
            "id": run.id,
            "flow_run_id": run.flow_run_id,
            "task_key": run.task_key,
            "task_name": run.task_name,
            "name": run.name,
            "dynamic_key": run.dynamic_key,
            "tags": run.tags,
            "runner": run.runner,
            "inputs": run.task_inputs,
            "state_id": state.id,
            "state_type": state.type.value,
            "state_name": state.name,
        },
        int(state.timestamp.timestamp() * 1_000_000),
        hold=hold,
    )


def _never_began() -> State:
    return State(StateType.CANCELLED, message="The flow run was stopped before this task run began.")


def options_of(task: Any, context: FlowRunContext | None) -> TaskOptions:
    """Return what the options of a task come to here; computed once a flow run."""
    if context is None:
        return resolve_options(task, None)
    options: TaskOptions | None = context.task_options.get(task)
    if options is None:
        options = context.task_options[task] = resolve_options(task, context)
    return options


def _render(task: Any, parameters: dict[str, Any]) -> str | None:
    try:
        return render(task.task_run_name, parameters, what=f"task {task.name!r}")
    except Exception:
        return None  # the lifecycle renders again and fails the run with the error
