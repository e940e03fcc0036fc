"""Task runs that are made and moved over REST. Every function here runs on the writer thread.

Task runs of our own engine are journalled by their processes. What was decided since the last commit is in
`core.fresh`, the rest in the database.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson

from penstock._ids import new_id, now_us
from penstock._rules.flow_policy import Decision
from penstock._rules.task_policy import TaskFacts, decide_task
from penstock._store import changes, show
from penstock._store.core import Core, Refused
from penstock._store.live import from_us, to_us
from penstock._values.states import TERMINAL, State, StateType

_COLUMNS = ("flow_run_id", "task_key", "dynamic_key", "tags")


def create(core: Core, sent: dict[str, Any], name: str, state: State) -> tuple[str, bool]:
    """Make a task run, or return the one with this id or these keys.

    Raises:
        Refused: 404, its flow run does not exist.
    """
    flow_run_id = sent.get("flow_run_id")
    if flow_run_id is not None:
        core.run(flow_run_id)
    known = _known(core, sent)
    if known is not None:
        return known, False
    task_run_id = sent.get("id") or str(new_id())
    inputs = {key: [_plain(one) for one in given] for key, given in (sent.get("task_inputs") or {}).items()}
    body = {key: sent.get(key) for key in _COLUMNS} | {"id": task_run_id, "name": name, "inputs": inputs}
    task_name = str(sent["task_key"]).rpartition(".")[2]
    core.emit("task_run", {**body, "task_name": task_name, "client": core.journal.client})
    kept = ("cache_key", "cache_expiration", "task_version", "empirical_policy", "labels")
    more = {key: sent[key] for key in kept if sent.get(key) is not None}
    if more:
        changes.change(core, "task_run", task_run_id, more)
    core.fresh["task_run", task_run_id] = {"flow_run_id": flow_run_id, **more}
    core.fresh[_key_of(sent)] = task_run_id
    _enter(core, task_run_id, flow_run_id, state, None, 0)
    return task_run_id, True


def propose(
    core: Core, task_run_id: str, state: State, *, force: bool
) -> tuple[Decision, State | None, bool]:
    """Ask the rules what `state` becomes and do it; return decision, state afterwards and whether it is new.

    Raises:
        Refused: 404, there is no such task run.
    """
    about = _about(core, task_run_id)
    current, count = _present(core, task_run_id)
    if current is not None and current.type in TERMINAL and state.type not in TERMINAL:
        count = 0  # an ended run that runs again has all its retries again
    flow_run_id = about.get("flow_run_id")
    flow = core.find(str(flow_run_id)) if flow_run_id is not None else None
    policy = about.get("empirical_policy") or {}
    delay = policy.get("retry_delay") or policy.get("retry_delay_seconds") or 0.0
    facts = TaskFacts(
        now=from_us(now_us()),
        has_flow_run=flow_run_id is not None,
        flow_state=flow.state if flow is not None else None,
        flow_run_count=flow.run_count if flow is not None else 0,
        seen_flow_run_count=about.get("flow_run_run_count") or 0,
        cached=_cached(core, state) if state.type is StateType.RUNNING else None,
        run_count=count,
        retries=policy.get("retries") or policy.get("max_retries") or 0,
        retry_delay=tuple(delay) if isinstance(delay, list) else delay,
    )
    decision = decide_task(current, state, facts, force=force)
    if decision.state is None:
        return decision, current, False
    if decision.state.type is StateType.RUNNING and flow is not None:
        changes.change(core, "task_run", task_run_id, {"flow_run_run_count": flow.run_count})
        if (fresh := core.fresh.get(("task_run", task_run_id))) is not None:
            fresh["flow_run_run_count"] = flow.run_count
    _enter(core, task_run_id, flow_run_id, decision.state, current, count)
    return decision, decision.state, True


def _cached(core: Core, proposed: State) -> State | None:
    """Return the newest completed state under the cache key of a proposal that has not expired."""
    key = proposed.state_details.cache_key
    if key is None or proposed.state_details.refresh_cache:
        return None
    fresh = [given[0] for kind, given in core.fresh.items() if kind[0] == "task_state"]
    found = [
        state for state in fresh if state.type is StateType.COMPLETED and state.state_details.cache_key == key
    ]
    sql = (
        "SELECT id, type, name, message AS state_message, details AS state_details, "
        "make_timestamp(at_us) AS state_timestamp FROM raw.valid_task_state "
        "WHERE type = 'COMPLETED' AND details->>'cache_key' = ? ORDER BY at_us DESC LIMIT 1"
    )
    found += [
        State.from_json(show.state_of(row["id"], row["type"], row["name"], row))
        for row in core.database.records(sql, [key])
    ]
    newest = max(found, key=lambda state: state.timestamp, default=None)
    if newest is None:
        return None
    until = newest.state_details.cache_expiration
    return newest if until is None or until > from_us(now_us()) else None


def exists(core: Core, task_run_id: str) -> None:
    """Do nothing when there is such a task run.

    Raises:
        Refused: 404, there is none.
    """
    _about(core, task_run_id)


def _enter(
    core: Core, task_run_id: str, flow_run_id: str | None, state: State, before: State | None, count: int
) -> None:
    at = max(now_us(), to_us(before.timestamp) + 1 if before is not None else 0)
    state.timestamp = from_us(at)
    state.state_details.task_run_id = UUID(task_run_id)
    state.state_details.flow_run_id = UUID(str(flow_run_id)) if flow_run_id is not None else None
    runs = count + (state.type is StateType.RUNNING)
    core.fresh["task_state", task_run_id] = (state, runs)
    line = {
        "run": "task",
        "id": task_run_id,
        "flow_run_id": str(flow_run_id) if flow_run_id is not None else None,
        "state_id": str(state.id),
        "type": state.type.value,
        "name": state.name,
        "message": state.message,
        "details": state.state_details.to_json(),
        "run_count": runs,
    }
    core.emit("state", line, at)


def _present(core: Core, task_run_id: str) -> tuple[State | None, int]:
    fresh: tuple[State, int] | None = core.fresh.get(("task_state", task_run_id))
    if fresh is not None:
        return fresh
    sql = "SELECT * FROM task_runs WHERE id = ?"
    rows = core.database.records(sql, [task_run_id])
    shown = show.state(rows[0]) if rows else None
    return (State.from_json(shown) if shown is not None else None), (rows[0]["run_count"] if rows else 0)


def _about(core: Core, task_run_id: str) -> dict[str, Any]:
    fresh: dict[str, Any] | None = core.fresh.get(("task_run", task_run_id))
    if fresh is not None:
        return fresh
    rows = core.database.records("SELECT flow_run_id FROM task_runs WHERE id = ?", [task_run_id])
    if not rows or ("gone", task_run_id) in core.fresh:
        text = f"There is no task run with id {task_run_id}."
        raise Refused(404, {"detail": text, "exception_message": text})
    more = changes.fields_of(core.database, [task_run_id]).get(task_run_id, {})
    return {**more, "flow_run_id": rows[0]["flow_run_id"]}


def _known(core: Core, sent: dict[str, Any]) -> str | None:
    if (wanted := sent.get("id")) is not None:
        known = ("task_run", wanted) in core.fresh
        if known or core.database.read("SELECT id FROM task_runs WHERE id = ?", [wanted]):
            return str(wanted)
    if (fresh := core.fresh.get(_key_of(sent))) is not None:
        return str(fresh)
    if sent.get("flow_run_id") is None:
        return None
    sql = "SELECT id FROM task_runs WHERE flow_run_id = ? AND task_key = ? AND dynamic_key = ?"
    rows = core.database.read(sql, [sent["flow_run_id"], sent["task_key"], sent["dynamic_key"]])
    return str(rows[0][0]) if rows else None


def _key_of(sent: dict[str, Any]) -> tuple[str, str]:
    parts = [
        sent.get("flow_run_id") or sent.get("id") or str(new_id()),
        sent["task_key"],
        sent["dynamic_key"],
    ]
    return "task_key", orjson.dumps(parts).decode()


def _plain(one: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in one.items() if value is not None}
