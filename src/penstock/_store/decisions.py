"""What the store decides about flow runs. Every function here runs on the writer thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from penstock._ids import generate_slug, new_id, now_us
from penstock._journal.liveness import is_alive
from penstock._rules.flow_policy import Decision, decide
from penstock._store.core import Core, Refused
from penstock._store.live import LiveRun, from_us
from penstock._store.rows import uuid_text
from penstock._values.states import State, StateType


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a proposal. `is_new` says that this request wrote the state."""

    decision: Decision
    run: LiveRun
    state: State | None
    is_new: bool
    run_count: int

    def to_json(self) -> dict[str, Any]:
        """Return the answer of `/link/flow_runs/ID/propose`."""
        return {
            "status": self.decision.status,
            "state": self.state.to_json() if self.state is not None else None,
            "reason": self.decision.reason,
            "delay_seconds": self.decision.delay_seconds,
            "run_count": self.run_count,
        }


def flow_id(core: Core, name: str, wanted: str | None = None, tags: list[str] | None = None) -> str:
    """Return the id of the flow of that name, making the flow when there is none."""
    known = core.flow_ids.get(name)
    if known is not None:
        return known
    fresh = wanted or str(new_id())
    core.emit("flow", {"id": fresh, "name": name, "tags": tags or []})
    return fresh


def create(core: Core, body: dict[str, Any], state: State | None) -> tuple[LiveRun, bool]:
    """Make a flow run with its first state, or return the one that has this id already.

    Raises:
        Refused: 422, the body names no flow or its id is no UUID.
    """
    run_id = _checked_id(body.get("id"))
    if body.get("id") is not None and (known := core.find(run_id)) is not None:
        return known, False
    name = body.get("flow_name")
    if not isinstance(name, str) or not name:
        raise Refused(422, {"exception_message": "A flow run needs the name of its flow (flow_name)."})
    given = {key: value for key, value in body.items() if key != "adopted"}
    given |= {"id": run_id, "flow_id": flow_id(core, name, _optional_id(body.get("flow_id")))}
    given["name"] = body.get("name") or generate_slug()
    core.emit("flow_run", given)
    run = core.run(run_id)
    _enter(core, run, state or State(StateType.PENDING))
    return run, True


def propose(
    core: Core, run_id: str, state: State, *, force: bool = False, client: str | None = None
) -> Verdict:
    """Ask the rules what `state` becomes and do it."""
    run = core.run(run_id)
    current = run.state
    if current is not None and current.id == state.id:
        return Verdict(Decision("ACCEPT", current), run, current, False, run.run_count)
    if client is not None and client in run.former_owners:
        decision = Decision(
            "ABORT", None, f"Flow run {run_id} was taken over by another process ({run.owner})."
        )
        return Verdict(decision, run, current, False, run.run_count)
    facts = run.facts(from_us(now_us()), owner_alive=is_alive(core.journals, run.owner))
    decision = decide(current, state, facts, force=force)
    is_new = decision.state is not None and decision.status in ("ACCEPT", "REJECT")
    if is_new and decision.state is not None:
        _enter(core, run, decision.state)
    return Verdict(decision, run, run.state, is_new, run.run_count)


def resume(
    core: Core, run_id: str, paused_id: UUID | None, response: tuple[str, str] | None
) -> Verdict | None:
    """Let a paused run go on, storing the response first; None when its state is no longer `paused_id`.

    A run whose process is gone cannot go on by itself: it becomes Scheduled, named Resuming, and waits for
    somebody to adopt it.
    """
    run = core.run(run_id)
    current = run.state
    if current is None or current.id != paused_id:
        return None
    alive = is_alive(core.journals, run.owner)
    if alive and not current.state_details.pause_reschedule:
        proposed = State(StateType.RUNNING)
    else:
        proposed = State(StateType.SCHEDULED, name="Resuming", timestamp=from_us(now_us()))
    facts = run.facts(from_us(now_us()), owner_alive=alive)
    decision = decide(current, proposed, facts)
    if decision.status == "ACCEPT" and response is not None:
        put_input(core, run_id, response[0], response[1], None, replace=True)
    if decision.state is not None:
        _enter(core, run, decision.state)
    return Verdict(decision, run, run.state, decision.state is not None, run.run_count)


def adopt(core: Core, run_id: str, client: str) -> LiveRun:
    """Make `client` the owner of a run that has ended, or whose process is gone.

    Raises:
        Refused: 404 there is no such run, 409 its owner is alive and not done with it.
    """
    run = core.run(run_id)
    if run.owner == client:
        return run
    ended = run.state is not None and run.state.is_final()
    if not ended and is_alive(core.journals, run.owner):
        reason = f"Flow run {run_id} belongs to a process that is alive ({run.owner}); it cannot be continued here."
        raise Refused(409, {"exception_message": reason})
    crash_tasks(core, [run_id], "The process that ran this ended before the flow run was continued.")
    core.emit("flow_run", {"id": run_id, "client": client, "adopted": True})
    return run


def put_input(
    core: Core, run_id: str, key: str, value: str, sender: str | None, *, replace: bool = False
) -> None:
    """Store a keyed input of a flow run.

    Raises:
        Refused: 404 there is no such run, 409 the key is taken.
    """
    run = core.run(run_id)
    if key in run.inputs and not replace:
        raise Refused(409, {"detail": f"Flow run {run_id} already has an input with key {key!r}."})
    core.emit("input", {"flow_run_id": run_id, "key": key, "value": value, "sender": sender})


def delete_input(core: Core, run_id: str, key: str) -> None:
    """Delete a keyed input.

    Raises:
        Refused: 404, the run or the key does not exist.
    """
    run = core.run(run_id)
    if key not in run.inputs:
        raise Refused(404, {"exception_message": f"Flow run {run_id} has no input with key {key!r}."})
    core.emit("input_deleted", {"flow_run_id": run_id, "key": key})


_LIVE_TASKS = """
SELECT task_run_id, flow_run_id, state.at_us FROM raw.task_now
WHERE task_run_id NOT IN (SELECT id FROM raw.deleted) AND state.type NOT IN ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED') AND
"""


def crash_tasks(core: Core, run_ids: list[str], message: str, client: str | None = None) -> int:
    """Crash the live task runs of flow runs, and those `client` made outside any flow.

    Each is fenced first: whatever its lost process may still say does not count.
    """
    rows = core.database.read(_LIVE_TASKS + "flow_run_id IN (SELECT unnest(?::UUID[]))", [run_ids])
    if client is not None:
        own = "flow_run_id IS NULL AND task_run_id IN (SELECT id FROM raw.task_run WHERE client = ?)"
        rows += core.database.read(_LIVE_TASKS + own, [client])
    for task_run, flow_run, last_us in rows:
        at = max(now_us(), last_us + 1)
        core.emit("fence", {"task_run_id": str(task_run)}, at)
        state = State(StateType.CRASHED, message=message)
        line = _state_body("task", str(task_run), state)
        core.emit("state", {**line, "flow_run_id": str(flow_run) if flow_run else None}, at)
    return len(rows)


def crash_flow_run(core: Core, run: LiveRun, message: str) -> None:
    """Say that the process of a flow run is gone."""
    _enter(core, run, State(StateType.CRASHED, message=message))


def _enter(core: Core, run: LiveRun, state: State) -> None:
    """Journal an accepted state and take it. Two states of a run never share a microsecond."""
    at = max(now_us(), run.last_us + 1)
    state.timestamp = from_us(at)
    state.state_details.flow_run_id = UUID(run.id)
    core.emit("state", {**_state_body("flow", run.id, state), "run_count": run.count_after(state)}, at)


def _state_body(run: str, run_id: str, state: State) -> dict[str, Any]:
    return {
        "run": run,
        "id": run_id,
        "flow_run_id": run_id if run == "flow" else None,
        "state_id": str(state.id),
        "type": state.type.value,
        "name": state.name,
        "message": state.message,
        "details": state.state_details.to_json(),
        "run_count": 0,
    }


def _checked_id(value: Any) -> str:
    if value is None:
        return str(new_id())
    try:
        return uuid_text(value)
    except ValueError as error:
        raise Refused(422, {"exception_message": f"{error} (id of the flow run)"}) from error


def _optional_id(value: Any) -> str | None:
    return None if value is None else _checked_id(value)
