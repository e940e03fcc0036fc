"""What a proposed state of a flow run becomes.

Everything that decides a flow run's transition lives in this file: the rules in their documented order, first
match wins, and the summary in `docs/design.md` is drawn from them. A rule sees frozen facts and answers with a
`Decision` or None; it never does I/O and never reads a clock. What happens beside a transition (writing it,
waking who waits for it) is the store's business.

Reference: api-ref/python/prefect-server-orchestration-core_policy. Rules about deployment limits come with
deployments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from penstock._values.states import TERMINAL, State, StateDetails, StateType

Status = Literal["ACCEPT", "REJECT", "WAIT", "ABORT"]
S = StateType


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a proposal.

    `state` is what the run is in afterwards when the status is ACCEPT or REJECT; None with REJECT means that
    the run stays as it is.
    """

    status: Status
    state: State | None = None
    reason: str | None = None
    delay_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class FlowFacts:
    """What the rules may know about a run beside its states."""

    now: datetime
    has_deployment: bool = False
    has_infrastructure: bool = True
    has_persisted_result: bool = False
    is_subflow: bool = False
    pause_keys: frozenset[str] = field(default_factory=frozenset)
    run_count: int = 0
    #: Those of a run made over REST; flows that our engine runs retry by themselves.
    retries: int = 0
    #: Seconds.
    retry_delay: float = 0.0


Rule = Callable[[State | None, State, FlowFacts], Decision | None]


def _keep(reason: str) -> Decision:
    return Decision("REJECT", None, reason)


def _abort(reason: str) -> Decision:
    return Decision("ABORT", None, reason)


def prevent_duplicate_transitions(
    current: State | None, proposed: State, facts: FlowFacts
) -> Decision | None:
    """A proposal that was already carried out is answered again, not done again."""
    wanted = proposed.state_details.transition_id
    if current is not None and wanted is not None and current.state_details.transition_id == wanted:
        return _keep("This run has already made this state transition.")
    return None


def handle_terminal_states(current: State | None, proposed: State, facts: FlowFacts) -> Decision | None:
    """A run that has ended stays ended, except for a retry of what failed."""
    if current is None or current.type not in TERMINAL:
        return None
    if proposed.type in {S.CANCELLING, S.PAUSED, S.CRASHED}:
        return _abort(f"Cannot transition from {current.name} to {proposed.name}: the run has ended.")
    if current.type is S.COMPLETED and facts.has_persisted_result and proposed.type not in TERMINAL:
        return _keep("This run is already completed and its result is stored.")
    if proposed.type is S.SCHEDULED and not facts.has_deployment:
        return _abort("A run without a deployment cannot be scheduled again; call the flow instead.")
    return None


def enforce_cancelling_to_cancelled(
    current: State | None, proposed: State, facts: FlowFacts
) -> Decision | None:
    """Once cancellation was asked for, only Cancelled may follow."""
    if current is None or current.type not in {S.CANCELLING, S.CANCELLED}:
        return None
    if proposed.type is not S.CANCELLED:
        return _keep(f"Cannot transition flows that are {current.name} to a state other than Cancelled.")
    return None


def bypass_cancelling_without_infrastructure(
    current: State | None, proposed: State, facts: FlowFacts
) -> Decision | None:
    """Nothing is running that could be stopped: go straight to Cancelled."""
    if proposed.type is not S.CANCELLING or current is None:
        return None
    idle = current.type is S.SCHEDULED and (not facts.has_infrastructure or current.name == "Resuming")
    idle = idle or (current.type is S.PAUSED and current.state_details.pause_reschedule)
    if idle or (current.type is S.PAUSED and not facts.has_infrastructure):
        return Decision("REJECT", State(S.CANCELLED, message=proposed.message), "No infrastructure to stop.")
    return None


def prevent_pending_transitions(current: State | None, proposed: State, facts: FlowFacts) -> Decision | None:
    """A run that is already on its way cannot be submitted a second time."""
    blocked = {S.PENDING, S.RUNNING, S.CANCELLING, S.CANCELLED}
    if proposed.type is S.PENDING and current is not None and current.type in blocked:
        return _abort(
            f"This run is in a {current.type.value} state and cannot transition to a PENDING state."
        )
    return None


def only_scheduled_runs_are_late(current: State | None, proposed: State, facts: FlowFacts) -> Decision | None:
    """Late says that a scheduled run did not start; nothing else can be late."""
    if proposed.name == "Late" and (current is None or current.type is not S.SCHEDULED):
        return _keep("Only scheduled runs can be marked late.")
    return None


def handle_pausing(current: State | None, proposed: State, facts: FlowFacts) -> Decision | None:
    """Only a running flow pauses, and each pause key waits once."""
    if proposed.type is not S.PAUSED:
        return None
    if current is None:
        return _abort("Cannot pause a flow run that has no state.")
    if current.type is not S.RUNNING:
        return _keep(f"Cannot pause a flow run that is {current.name}.")
    if proposed.state_details.pause_key in facts.pause_keys:
        return _keep("This pause has already been passed.")
    if proposed.state_details.pause_reschedule and facts.is_subflow:
        return _abort("Cannot suspend a subflow.")
    if proposed.state_details.pause_reschedule and not facts.has_deployment:
        return _abort("Cannot suspend a flow run without a deployment.")
    return None


def handle_resuming(current: State | None, proposed: State, facts: FlowFacts) -> Decision | None:
    """A paused run goes on, is scheduled again, or ends; and it must do so in time."""
    if current is None or current.type is not S.PAUSED:
        return None
    if proposed.type not in {S.RUNNING, S.SCHEDULED} and proposed.type not in TERMINAL | {S.CANCELLING}:
        return _keep(f"Cannot transition a paused run to {proposed.name}.")
    details = current.state_details
    if details.pause_reschedule and not facts.has_deployment and proposed.type in {S.RUNNING, S.SCHEDULED}:
        return _keep("A suspended run without a deployment cannot be resumed.")
    late = details.pause_timeout is not None and details.pause_timeout < facts.now
    if late and proposed.type in {S.RUNNING, S.SCHEDULED}:
        return Decision(
            "REJECT", State(S.FAILED, message="The flow was paused and never resumed."), "Too late."
        )
    return None


def wait_until_due(current: State | None, proposed: State, now: datetime) -> Decision | None:
    """A run, of a flow or a task, does not start before its time."""
    if proposed.type is not S.RUNNING or current is None or current.type not in {S.SCHEDULED, S.PENDING}:
        return None
    due = current.state_details.scheduled_time
    if due is not None and due > now:
        return Decision("WAIT", None, "Scheduled time is in the future", (due - now).total_seconds())
    return None


def wait_for_scheduled_time(current: State | None, proposed: State, facts: FlowFacts) -> Decision | None:
    """A flow run does not start before its time."""
    return wait_until_due(current, proposed, facts.now)


def retry_failed(current: State | None, proposed: State, facts: FlowFacts) -> Decision | None:
    """A failure with attempts left is another attempt later."""
    failing = proposed.type is S.FAILED and current is not None and current.type is S.RUNNING
    if not failing or facts.retries == 0 or facts.run_count > facts.retries:
        return None
    return Decision("REJECT", awaiting_retry(proposed, facts.now, facts.retry_delay), "Retrying")


def awaiting_retry(failed: State, now: datetime, seconds: float) -> State:
    """Return the state between a failed attempt, of a flow run or a task run, and the next."""
    due = StateDetails(scheduled_time=now + timedelta(seconds=seconds))
    return State(S.SCHEDULED, name="AwaitingRetry", message=failed.message, state_details=due)


#: The documented order; the first rule with an answer decides.
FLOW_POLICY: tuple[Rule, ...] = (
    prevent_duplicate_transitions,
    handle_terminal_states,
    enforce_cancelling_to_cancelled,
    bypass_cancelling_without_infrastructure,
    prevent_pending_transitions,
    only_scheduled_runs_are_late,
    handle_pausing,
    handle_resuming,
    wait_for_scheduled_time,
    retry_failed,
)


def decide(
    current: State | None,
    proposed: State,
    facts: FlowFacts,
    *,
    force: bool = False,
    policy: tuple[Rule, ...] = FLOW_POLICY,
) -> Decision:
    """Return what `proposed` becomes for a run that is in `current`.

    Args:
        current: the run's state, None before its first.
        proposed: the state somebody asks for.
        facts: what else is known about the run.
        force: accept whatever is proposed.
        policy: the rules, in order.
    """
    if not force:
        for rule in policy:
            decision = rule(current, proposed, facts)
            if decision is not None:
                return decision
    if current is not None and proposed.type is S.PENDING and current.type is S.SCHEDULED:
        details = proposed.state_details
        details.scheduled_time = details.scheduled_time or current.state_details.scheduled_time
    return Decision("ACCEPT", proposed)


__all__ = ["FLOW_POLICY", "Decision", "FlowFacts", "Rule", "State", "StateDetails", "Status", "decide"]
