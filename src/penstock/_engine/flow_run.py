"""One execution of a flow: what it knows, and the small steps its lifecycle is made of."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from penstock._engine import parameters as params
from penstock._engine.authority import Authority, StoreAuthority, Verdict, authority_for_new_run
from penstock._engine.cancel_watch import cancellable
from penstock._engine.cancellation import Token, current_token
from penstock._engine.contexts import Children, FlowRunContext, TagsContext, TaskRunContext
from penstock._engine.inputs import check_wait_for, resolve
from penstock._engine.naming import render
from penstock._engine.observers import tell
from penstock._engine.retry_delays import Delays, delay_before
from penstock._engine.run_logging import RunLogAdapter, flow_run_logger
from penstock._engine.runner_port import TaskRunner, make_run
from penstock._engine.streams import Stream
from penstock._engine.task_run import TaskExecution
from penstock._ids import generate_slug, new_id
from penstock._link.session import current_session
from penstock._results.fingerprint import fingerprint
from penstock._results.record_cache import RecordCache
from penstock._results.store import ResultStore
from penstock._values.outcome import Absent
from penstock._values.runs import FlowRun
from penstock._values.states import State, StateType, utc_now
from penstock.exceptions import (
    Abort,
    HashError,
    ObjectNotFound,
    SerializationError,
    StoreRefused,
    UpstreamTaskError,
)
from penstock.settings import get_current_settings

#: The first flow of the same name called in a process with this variable goes on with that run.
CONTINUE_VARIABLE = "PENSTOCK__FLOW_RUN_ID"


@dataclass(slots=True)
class FlowExecution:
    """Everything one flow run needs."""

    flow: Any
    parameters: dict[str, Any]
    given: dict[str, Any]
    wait_for: tuple[Any, ...] = ()
    parent: FlowRunContext | None = None
    token: Token = field(default_factory=Token)
    flow_run: FlowRun = field(init=False)
    authority: Authority = field(init=False)
    runner: TaskRunner = field(init=False)
    context: FlowRunContext = field(init=False)
    marker: TaskExecution | None = None
    #: Who iterates over this run, when its function is a generator.
    stream: Stream | None = None
    attempt: int = 0
    retries: int = 0
    retry_delays: Delays = None
    #: What the parent knows this run by, if it may call it again in a retry.
    child_key: tuple[str, str, int] | None = None
    #: Children of this run, if there may be a retry.
    children: Children | None = None
    #: The run to go on with instead of making one.
    continues: UUID | None = None
    #: Why the run may not start, when an argument came from a run that did not complete.
    blocked: UpstreamTaskError | None = None

    @classmethod
    def prepare(
        cls, flow: Any, parameters: dict[str, Any], given: dict[str, Any], wait_for: tuple[Any, ...]
    ) -> FlowExecution:
        """Gather what a call of `flow` needs; nothing is recorded yet."""
        parent = FlowRunContext.get()
        execution = cls(flow, parameters, given, wait_for, parent)
        execution.token = Token(parent.cancellation if parent is not None else current_token.get())
        settings = get_current_settings()
        execution.retries = flow.retries if flow.retries is not None else settings.flows_default_retries
        delays = flow.retry_delay_seconds
        execution.retry_delays = settings.flows_default_retry_delay_seconds if delays is None else delays
        execution.children = Children() if execution.retries else None
        return execution

    @property
    def logger(self) -> RunLogAdapter:
        """The logger of this run."""
        return flow_run_logger(self.flow_run, self.flow)

    @property
    def state(self) -> State:
        """The run's present state."""
        return self.flow_run.state or State(StateType.PENDING)

    def completed_before(self) -> State | None:
        """Return how this child run ended in an earlier attempt of its parent, if it completed there."""
        children = self.parent.children if self.parent is not None else None
        if children is None:
            return None
        try:
            self.parameters = resolve(self.parameters)
            self.child_key = children.key(self.flow.name, fingerprint(self.parameters))
        except (UpstreamTaskError, HashError):
            return None  # `create` says what is wrong upstream; arguments without a hash are never the same again
        state = children.completed.get(self.child_key)
        return None if state is None or isinstance(state.data, Absent) else state

    def may_exist(self) -> bool:
        """True once the store has been asked to create or adopt the run."""
        return hasattr(self, "authority")

    def create(self) -> None:
        """Resolve what flows in, and create the run, or adopt the one this process is to go on with."""
        self.runner = self.flow.task_runner.duplicate()
        if self._adopt():
            return
        try:
            self.parameters = resolve(self.parameters)
        except UpstreamTaskError as error:
            self.blocked = error
        name = None if self.blocked else self._name()
        if self.parent is not None:
            self.marker = make_run(_Marker(self.flow), self.given, self.wait_for, runner=None)
        state = State(StateType.PENDING)
        run = FlowRun(
            id=new_id(),
            name=name or generate_slug(),
            tags=sorted(TagsContext.tags()),
            state=state,
            flow_id=new_id(),
            flow_name=self.flow.name,
            flow_version=self.flow.version,
            parameters=self.given,
            parent_task_run_id=self.marker.task_run.id if self.marker else None,
            runner=self.runner.type,
            created=state.timestamp,
            expected_start_time=state.timestamp,
        )
        self.flow_run = run
        state.state_details.flow_run_id = run.id
        body = {
            "id": str(run.id),
            "flow_id": str(run.flow_id),
            "flow_name": run.flow_name,
            "name": run.name,
            "parameters": params.to_json(self.given),
            "tags": run.tags,
            "flow_version": run.flow_version,
            "parent_task_run_id": str(run.parent_task_run_id) if run.parent_task_run_id else None,
            "runner": run.runner,
            "client": current_session().client,
            "deployment_id": None,
        }
        # Set before it is asked: a stop may come while the store's answer is on its way.
        self.authority = StoreAuthority(current_session())
        self.authority = authority_for_new_run(body, state)
        tell("flow_run_state", run, state)

    def _adopt(self) -> bool:
        """Go on with the run this was made for, or the one named in the environment if it is one of this flow."""
        wanted = str(self.continues) if self.continues else os.environ.get(CONTINUE_VARIABLE)
        if not wanted or (self.parent is not None and not self.continues):
            return False
        session = current_session()
        try:
            found = session.store.request(
                "POST",
                "/link/adopt",
                {"flow_run_id": wanted, "client": session.client, "flow_name": self.flow.name},
            )
        except (ObjectNotFound, StoreRefused) as error:
            raise Abort(f"Flow run {wanted} cannot be continued: {error}") from error
        run = found["run"]
        if run["flow_name"] != self.flow.name and not self.continues:
            return False
        if not self.continues:
            del os.environ[CONTINUE_VARIABLE]
        self.flow_run = FlowRun(
            id=UUID(run["id"]),
            name=run["name"],
            tags=list(run.get("tags") or ()),
            state=State.from_json(found["state"]),
            flow_id=UUID(run["flow_id"]),
            flow_name=run["flow_name"],
            flow_version=run.get("flow_version"),
            parameters=run.get("parameters") or {},
            runner=self.runner.type,
        )
        self.authority = StoreAuthority(session)
        self.parameters = resolve(self.parameters)
        tell("flow_run_state", self.flow_run, self.state)
        return True

    def cancellable(self) -> AbstractContextManager[None]:
        """Hear of cancellations from outside, where there is a store that tells of them."""
        if not isinstance(self.authority, StoreAuthority):
            return nullcontext()
        return cancellable(self.flow_run.id, self.token, current_session())

    def check_upstream(self) -> None:
        """Wait for everything this run depends on.

        Raises:
            UpstreamTaskError: some of it did not complete.
        """
        if self.blocked is not None:
            raise self.blocked
        check_wait_for(self.wait_for)

    def validate(self) -> None:
        """Coerce what was given to its annotations, unless the flow asked not to; defaults are taken as they are."""
        if self.flow.should_validate_parameters:
            given = {name: self.parameters[name] for name in self.given}
            self.parameters = {**self.parameters, **params.validate(self.flow.fn, given)}

    def build_context(self) -> FlowRunContext:
        """Make the context user code runs in."""
        settings = get_current_settings()
        flow, parent = self.flow, self.parent
        log_prints = flow.log_prints
        if log_prints is None:
            log_prints = parent.log_prints if parent is not None else settings.logging_log_prints
        task_context = TaskRunContext.get()
        if flow.log_prints is None and task_context is not None:
            log_prints = task_context.log_prints
        persist = flow.persist_result
        if persist is None:
            persist = parent.persist_result if parent is not None else settings.results_persist_by_default
        if self.stream is not None:
            self.stream.keep = bool(persist)
        store = parent.result_store if parent is not None else None
        store = (store or ResultStore(cache=RecordCache(0))).update_for_flow(flow)
        if self.children is not None:
            self.children.begin_attempt()
        self.context = FlowRunContext(
            flow=flow,
            flow_run=self.flow_run,
            parameters=self.parameters,
            task_runner=self.runner,
            cancellation=self.token,
            session=current_session(),
            result_store=store,
            persist_result=persist,
            log_prints=log_prints,
            parent=parent,
            children=self.children,
        )
        return self.context

    def propose(self, state: State, *, force: bool = False) -> Verdict:
        """Propose a state; on any answer the run's state here is what the authority says it is."""
        verdict = self.authority.propose(self.flow_run.id, state, force=force)
        if verdict.status in ("ACCEPT", "REJECT"):
            self.accept(verdict.state, verdict.run_count)
        return verdict

    def accept(self, state: State, run_count: int | None = None) -> None:
        """Take over a state the authority decided on."""
        run = self.flow_run
        run.note(state)
        if run_count is not None:
            run.run_count = run_count
        state.state_details.flow_run_id = run.id
        if self.marker is not None:
            self._mirror(state)
        tell("flow_run_state", run, state)

    def _mirror(self, state: State) -> None:
        """Show a child run's state on the task run that stands for it in its parent."""
        marker = self.marker
        current = marker.task_run.state if marker else None
        if marker is None or (current is not None and current.is_final()):
            return
        copy = state.fresh_copy()
        copy.state_details.child_flow_run_id = self.flow_run.id
        marker.enter(copy)

    def count_retry(self) -> float:
        """Count one more attempt and return the seconds to wait before it."""
        self.attempt += 1
        return delay_before(self.attempt - 1, self.retry_delays)

    def awaiting_retry(self, seconds: float) -> State:
        """Return the state between two attempts."""
        state = State(StateType.SCHEDULED, name="AwaitingRetry")
        state.state_details.scheduled_time = utc_now() + timedelta(seconds=seconds)
        return state

    def keep(self, state: State) -> State:
        """Store the value of a completed run if it should be stored."""
        flow = self.flow
        store = self.context.result_store
        if state.is_completed() and self.context.persist_result and store is not None:
            key = store.storage_key_fn()
            try:
                store.write(state.data, key)
            except (SerializationError, OSError) as error:
                self.logger.error("The result is not stored: %s", error)
                return state
            run = f"flow run {self.flow_run.name!r}"
            state.state_details.cache_key = key
            state.state_details.stored_result = store.reference(key, run)
            if not flow.cache_result_in_memory:
                state.data = store.stored(key, run)
        elif state.is_completed() and not flow.cache_result_in_memory:
            state.data = Absent(
                f"Flow run {self.flow_run.name!r} has cache_result_in_memory=False and does not persist its "
                "result; set persist_result=True to keep it."
            )
        return state

    def _name(self) -> str | None:
        parameters = params.with_owner(self.flow.fn, self.parameters)
        return render(self.flow.flow_run_name, parameters, what=f"flow {self.flow.name!r}")


class _Marker:
    """Stands for a child flow where a task is expected: its run in the parent mirrors the child's states."""

    def __init__(self, flow: Any) -> None:
        self.name = flow.name
        self.task_key = f"flow-{flow.name}"
        self.tags: frozenset[str] = frozenset()
        self.task_run_name = None
        self.fn = flow.fn
        self.log_prints = flow.log_prints
        self.retries = 0
        self.retry_delay_seconds = 0
        self.retry_jitter_factor = None
        self.timeout_seconds = None
        self.cache_policy = None
        self.persist_result = False
        self.result_storage = None
        self.result_serializer = None
        self.result_storage_key = None
        self.refresh_cache = None
        self.cache_result_in_memory = True
