"""What the store remembers of a flow run: its state and what the rules need to know.

A `LiveRun` is only ever touched by the writer thread. `enter` holds the transforms that go with every accepted
state (run count, pause keys, resuming), so that replaying a run's history gives the same run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from penstock._rules.flow_policy import FlowFacts
from penstock._store.database import Database
from penstock._values.states import TERMINAL, State, StateDetails, StateType

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
#: A process that ends takes runs in these states with it.
MORTAL = frozenset({StateType.PENDING, StateType.RUNNING, StateType.CANCELLING})


def to_us(when: datetime) -> int:
    """Return microseconds since 1970 UTC."""
    return (when - _EPOCH) // _MICROSECOND


def from_us(at: int) -> datetime:
    """Return the moment with the UTC time zone."""
    return _EPOCH + timedelta(microseconds=at)


@dataclass(slots=True)
class LiveRun:
    """One flow run in memory. `body` is the body of its `flow_run` line."""

    id: str
    body: dict[str, Any]
    created_us: int
    owner: str | None
    state: State | None = None
    run_count: int = 0
    resuming: bool = False
    pause_keys: set[str] = field(default_factory=set)
    former_owners: set[str] = field(default_factory=set)
    inputs: dict[str, str | None] = field(default_factory=dict)

    @property
    def last_us(self) -> int:
        """When the present state was entered."""
        return to_us(self.state.timestamp) if self.state is not None else 0

    def facts(self, now: datetime, *, owner_alive: bool) -> FlowFacts:
        """Return what the rules may know."""
        policy = self.body.get("empirical_policy") or {}
        return FlowFacts(
            now=now,
            has_deployment=self.body.get("deployment_id") is not None,
            has_infrastructure=owner_alive,
            is_subflow=self.body.get("parent_task_run_id") is not None,
            pause_keys=frozenset(self.pause_keys),
            run_count=self.run_count,
            retries=policy.get("retries") or policy.get("max_retries") or 0,
            retry_delay=policy.get("retry_delay") or policy.get("retry_delay_seconds") or 0.0,
        )

    def count_after(self, state: State) -> int:
        """Return the run count once `state` is entered; going on after a pause is not another execution."""
        if state.type is not StateType.RUNNING or self.resuming:
            return self.run_count
        paused = self.state is not None and self.state.type is StateType.PAUSED
        return self.run_count + (0 if paused else 1)

    def enter(self, state: State, run_count: int | None = None) -> None:
        """Take a state that was accepted, and do what goes with it."""
        before = self.state.type if self.state is not None else None
        self.run_count = self.count_after(state) if run_count is None else run_count
        if (before in TERMINAL and state.type not in TERMINAL) or state.name == "AwaitingRetry":
            self.pause_keys.clear()
        if before is StateType.PAUSED:
            self.resuming = True
        if state.type is StateType.RUNNING or state.type in TERMINAL:
            self.resuming = False
        if state.type is StateType.PAUSED and state.state_details.pause_key:
            self.pause_keys.add(state.state_details.pause_key)
        self.state = state

    def adopt(self, client: str | None) -> None:
        """Give the run to another process; the one before may no longer speak for it."""
        if self.owner is not None and self.owner != client:
            self.former_owners.add(self.owner)
        self.former_owners.discard(client or "")
        self.owner = client

    def to_json(self) -> dict[str, Any]:
        """Return the run as clients get it."""
        return {
            **self.body,
            "client": self.owner,
            "run_count": self.run_count,
            "created": from_us(self.created_us),
        }


def state_from_line(body: dict[str, Any], at: int) -> State:
    """Build the state of a `state` line."""
    return State(
        StateType(body["type"]),
        name=body.get("name"),
        message=body.get("message"),
        state_details=StateDetails.from_json(body.get("details")),
        timestamp=from_us(at),
        id=UUID(str(body["state_id"])),
    )


_RUNS = """
SELECT id, flow_id, flow_name, name, parameters, tags, flow_version, parent_task_run_id, runner, owner,
       deployment_id, idempotency_key, at_us
FROM raw.flow_run WHERE id IN (SELECT unnest(?::UUID[])) AND id NOT IN (SELECT id FROM raw.deleted)
QUALIFY row_number() OVER (PARTITION BY id ORDER BY at_us, client, seq) = 1
"""
_KEYS = [
    "id",
    "flow_id",
    "flow_name",
    "name",
    "parameters",
    "tags",
    "flow_version",
    "parent_task_run_id",
    "runner",
    "client",
    "deployment_id",
    "idempotency_key",
]
_STATES = """
SELECT flow_run_id, id, type, name, message, details, run_count, at_us FROM raw.flow_state
WHERE flow_run_id IN (SELECT unnest(?::UUID[])) ORDER BY at_us, seq
"""
_OWNERS = "SELECT flow_run_id, owner FROM raw.owner WHERE flow_run_id IN (SELECT unnest(?::UUID[])) ORDER BY at_us, seq"
_NAMES = "SELECT id, name FROM raw.renamed WHERE run = 'flow' AND id IN (SELECT unnest(?::UUID[])) ORDER BY at_us, seq"
_CHANGES = (
    "SELECT id, field, value FROM raw.changed WHERE what = 'flow_run' AND id IN (SELECT unnest(?::UUID[])) "
    "ORDER BY at_us, seq"
)
_INPUTS = "SELECT flow_run_id, key, value FROM inputs WHERE flow_run_id IN (SELECT unnest(?::UUID[]))"


def load(database: Database, ids: Iterable[str]) -> dict[str, LiveRun]:
    """Read flow runs and replay their histories."""
    wanted = list(ids)
    if not wanted:
        return {}
    runs = {str(row[0]): _run(row) for row in database.read(_RUNS, [wanted])}
    for owner in database.read(_OWNERS, [wanted]):
        if (run := runs.get(str(owner[0]))) is not None:
            run.adopt(owner[1])
    for name in database.read(_NAMES, [wanted]):
        if (run := runs.get(str(name[0]))) is not None:
            run.body["name"] = name[1]
    for run_id, name_of, value in database.read(_CHANGES, [wanted]):
        if (run := runs.get(str(run_id))) is not None:
            run.body[name_of] = orjson.loads(value)
    for given in database.read(_INPUTS, [wanted]):
        if (run := runs.get(str(given[0]))) is not None:
            run.inputs[given[1]] = given[2]
    for row in database.read(_STATES, [wanted]):
        if (run := runs.get(str(row[0]))) is not None:
            run.enter(_state(row), row[6])
    return runs


def unfinished(database: Database) -> list[str]:
    """Return the ids of flow runs that have not ended."""
    rows = database.read(
        "SELECT flow_run_id FROM raw.flow_now "
        "WHERE state.type NOT IN ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED')"
    )
    return [str(row[0]) for row in rows]


def _run(row: Sequence[Any]) -> LiveRun:
    plain = [str(value) if isinstance(value, UUID) else value for value in row]
    body = dict(zip(_KEYS, plain, strict=False))
    body["parameters"] = orjson.loads(body["parameters"] or "{}")
    return LiveRun(id=body["id"], body=body, created_us=row[-1], owner=body["client"])


def _state(row: Sequence[Any]) -> State:
    _, state_id, kind, name, message, details, _, at = row
    return State(
        StateType(kind),
        name=name,
        message=message,
        state_details=StateDetails.from_json(orjson.loads(details) if details else None),
        timestamp=from_us(at),
        id=state_id,
    )
