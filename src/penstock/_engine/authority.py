"""Who decides what a flow run's proposed state becomes: the store, or this process when there is no store.

The store is asked over HTTP and answers after its commit. Without one (no permission to start a process, a
read-only place) the same rules run here and the decisions are journalled, to be ingested later.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from penstock._link.client import path_of
from penstock._link.session import Session, current_session
from penstock._rules.flow_policy import FlowFacts, Status, decide
from penstock._values.states import State, utc_now
from penstock.exceptions import StoreUnavailable


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a proposal: the state the run is in now, and why."""

    status: Status
    state: State
    reason: str | None = None
    delay_seconds: float = 0.0
    run_count: int = 0


class Authority(Protocol):
    """Decides the transitions of flow runs."""

    def create(self, run: dict[str, Any], state: State) -> None:
        """Record a new flow run in its first state."""
        ...

    def propose(self, run_id: UUID, state: State, *, force: bool = False) -> Verdict:
        """Propose a state and return what became of it."""
        ...


class StoreAuthority:
    """The store of the workspace decides."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def create(self, run: dict[str, Any], state: State) -> None:
        """Record a new flow run; returns when it is committed."""
        self._session.store.request("POST", "/link/flow_runs", {"run": run, "state": state.to_json()})

    def propose(self, run_id: UUID, state: State, *, force: bool = False) -> Verdict:
        """Ask the store; its answer keeps the data that never left this process."""
        answer = self._session.store.request(
            "POST",
            path_of("link", "flow_runs", run_id, "propose"),
            {"state": state.to_json(), "force": force, "client": self._session.client},
        )
        decided = State.from_json(answer["state"])
        if answer["status"] == "ACCEPT":
            decided.data = state.data
        return Verdict(
            answer["status"],
            decided,
            answer.get("reason"),
            float(answer.get("delay_seconds") or 0),
            int(answer.get("run_count") or 0),
        )


class LocalAuthority:
    """This process decides, by the same rules, and journals its decisions."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._current: dict[UUID, State] = {}
        self._counts: dict[UUID, int] = {}

    def create(self, run: dict[str, Any], state: State) -> None:
        """Journal a new flow run."""
        self._session.emit("flow_run", run)
        self._enter(UUID(str(run["id"])), state)

    def propose(self, run_id: UUID, state: State, *, force: bool = False) -> Verdict:
        """Decide and journal."""
        current = self._current.get(run_id)
        decision = decide(current, state, FlowFacts(now=utc_now()), force=force)
        entered = decision.state
        if entered is not None:
            self._enter(run_id, entered)
        return Verdict(
            decision.status,
            entered or current or state,
            decision.reason,
            decision.delay_seconds,
            self._counts.get(run_id, 0),
        )

    def _enter(self, run_id: UUID, state: State) -> None:
        before = self._current.get(run_id)
        if state.is_running() and not (before is not None and before.is_paused()):
            self._counts[run_id] = self._counts.get(run_id, 0) + 1
        self._current[run_id] = state
        state.state_details.flow_run_id = run_id
        self._session.emit(
            "state",
            {
                "run": "flow",
                "id": run_id,
                "flow_run_id": run_id,
                "state_id": state.id,
                "type": state.type.value,
                "name": state.name,
                "message": state.message,
                "details": state.state_details.to_json(),
                "run_count": self._counts.get(run_id, 0),
            },
            int(state.timestamp.timestamp() * 1_000_000),
        )


def authority_for_new_run(run: dict[str, Any], state: State) -> Authority:
    """Create a flow run with the store, or without it when none can be had; return who decides from here on."""
    session = current_session()
    try:
        authority: Authority = StoreAuthority(session)
        authority.create(run, state)
    except StoreUnavailable as error:
        logging.getLogger("penstock").warning(
            "Flow run %s goes on without a store process, journalled only: %s", run["id"], error
        )
        authority = LocalAuthority(session)
        authority.create(run, state)
    return authority
