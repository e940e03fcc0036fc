"""What a state of a task run becomes when it is proposed over REST.

The engine decides its own task runs (`task_table`); these rules are for clients that orchestrate theirs through the
API. Pure functions in the documented order, first match wins.
Reference: api-ref/python/prefect-server-orchestration-core_policy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from penstock._rules.flow_policy import Decision, awaiting_retry, wait_until_due
from penstock._values.states import TERMINAL, State, StateDetails, StateType

S = StateType


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """What the rules may know about a task run beside its states.

    `flow_state` is that of its flow run; None for a background task.
    """

    now: datetime
    has_flow_run: bool = False
    flow_state: State | None = None
    #: How often the flow run has been executed, and how often it had been when this task run last ran.
    flow_run_count: int = 0
    seen_flow_run_count: int = 0
    #: The newest completed state under the cache key that is proposed, if it has not expired.
    cached: State | None = None
    run_count: int = 0
    retries: int = 0
    retry_delay: float | tuple[float, ...] = 0.0


Rule = Callable[[State | None, State, TaskFacts], Decision | None]


def prevent_duplicate_transitions(
    current: State | None, proposed: State, facts: TaskFacts
) -> Decision | None:
    """A proposal that was already carried out is answered again, not done again."""
    wanted = proposed.state_details.transition_id
    if current is not None and wanted is not None and current.state_details.transition_id == wanted:
        return Decision("REJECT", None, "This run has already made this state transition.")
    return None


def retrieve_cached(current: State | None, proposed: State, facts: TaskFacts) -> Decision | None:
    """What was computed under the same key is not computed again."""
    if proposed.type is not S.RUNNING or facts.cached is None or proposed.state_details.refresh_cache:
        return None
    found = facts.cached
    details = StateDetails(
        cache_key=found.state_details.cache_key, cache_expiration=found.state_details.cache_expiration
    )
    copy = State(S.COMPLETED, name="Cached", message=found.message, state_details=details)
    return Decision("REJECT", copy, "Retrieved state from cache")


def handle_terminal_states(current: State | None, proposed: State, facts: TaskFacts) -> Decision | None:
    """A task run that has ended can run again, but not be stopped."""
    if current is None or current.type not in TERMINAL:
        return None
    if proposed.type in {S.CANCELLING, S.PAUSED, S.CRASHED}:
        return Decision(
            "ABORT", None, f"Cannot transition from {current.name} to {proposed.name}: the run has ended."
        )
    return None


def prevent_running_from_stopped_flows(
    current: State | None, proposed: State, facts: TaskFacts
) -> Decision | None:
    """A task does not start in a flow run that does not run."""
    if proposed.type is not S.RUNNING or not facts.has_flow_run:
        return None
    flow = facts.flow_state
    if flow is not None and flow.type is S.PAUSED:
        details = StateDetails(pause_timeout=flow.state_details.pause_timeout)
        held = State(S.PAUSED, name="NotReady", message="The flow is paused.", state_details=details)
        return Decision("REJECT", held, "The flow is paused, new tasks cannot run until it resumes.")
    if flow is None or flow.type is not S.RUNNING:
        return Decision("ABORT", None, "The enclosing flow must be running to begin task execution.")
    return None


def wait_for_scheduled_time(current: State | None, proposed: State, facts: TaskFacts) -> Decision | None:
    """A task run does not start before its time."""
    return wait_until_due(current, proposed, facts.now)


def retry_failed(current: State | None, proposed: State, facts: TaskFacts) -> Decision | None:
    """A failure with attempts left is another attempt later."""
    if proposed.type is not S.FAILED or current is None or current.type is not S.RUNNING:
        return None
    if proposed.state_details.retriable is False or facts.run_count > facts.retries:
        return None
    delay = facts.retry_delay
    if isinstance(delay, tuple):
        delay = delay[min(facts.run_count, len(delay)) - 1] if delay else 0.0
    return Decision("REJECT", awaiting_retry(proposed, facts.now, delay), "Retrying")


def limit_cache_keys(current: State | None, proposed: State, facts: TaskFacts) -> Decision | None:
    """A key longer than can be looked up is refused."""
    key = proposed.state_details.cache_key
    if proposed.type is S.COMPLETED and key is not None and len(key) > CACHE_KEY_LIMIT:
        return Decision(
            "REJECT", None, f"Cache key exceeded maximum allowed length of {CACHE_KEY_LIMIT} characters."
        )
    return None


#: The longest cache key, in characters.
CACHE_KEY_LIMIT = 2000
#: The documented order; the first rule with an answer decides.
TASK_POLICY: tuple[Rule, ...] = (
    prevent_duplicate_transitions,
    retrieve_cached,
    handle_terminal_states,
    prevent_running_from_stopped_flows,
    wait_for_scheduled_time,
    retry_failed,
    limit_cache_keys,
)


def decide_task(current: State | None, proposed: State, facts: TaskFacts, *, force: bool = False) -> Decision:
    """Return what `proposed` becomes for a task run that is in `current`.

    Args:
        current: the run's state, None before its first.
        proposed: the state somebody asks for; renamed to Retrying or Rerunning when it is not the first attempt.
        facts: what else is known about the run.
        force: accept whatever is proposed.
    """
    if not force:
        for rule in TASK_POLICY:
            decision = rule(current, proposed, facts)
            if decision is not None:
                return decision
    if proposed.type is S.PENDING and current is not None and current.type is S.SCHEDULED:
        details = proposed.state_details
        details.scheduled_time = details.scheduled_time or current.state_details.scheduled_time
    if not force and proposed.type is S.RUNNING and proposed.name == "Running" and facts.run_count > 0:
        waited = current is not None and current.name == "AwaitingRetry"
        proposed.name = "Retrying" if waited else "Rerunning"
    ended = current is not None and current.type in TERMINAL
    if (
        not force
        and proposed.name == "Running"
        and ended
        and facts.flow_run_count > facts.seen_flow_run_count
    ):
        proposed.name = "Retrying"
    return Decision("ACCEPT", proposed)


__all__ = ["TASK_POLICY", "TaskFacts", "decide_task"]
