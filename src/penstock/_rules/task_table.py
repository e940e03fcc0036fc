"""Which state types may follow which in a task run.

The engine decides task-run transitions where the task runs and journals them; this table is what it obeys and
what the store's views assume. An illegal step changes nothing and raises `IllegalTransition`, which names the
run, both states and its recent history.
"""

from __future__ import annotations

from collections.abc import Sequence

from penstock._values.states import State, StateType
from penstock.exceptions import PenstockException

S = StateType
_ENDS = frozenset({S.COMPLETED, S.FAILED, S.CRASHED, S.CANCELLED})

#: From a type (None: no state yet) to the types that may follow.
TASK_TRANSITIONS: dict[StateType | None, frozenset[StateType]] = {
    None: frozenset({S.PENDING, S.SCHEDULED, S.RUNNING}) | _ENDS,
    S.SCHEDULED: frozenset({S.SCHEDULED, S.PENDING, S.RUNNING, S.CANCELLING}) | _ENDS,
    S.PENDING: frozenset({S.PENDING, S.RUNNING, S.SCHEDULED, S.CANCELLING}) | _ENDS,
    S.RUNNING: frozenset({S.RUNNING, S.SCHEDULED, S.PAUSED, S.CANCELLING}) | _ENDS,
    S.PAUSED: frozenset({S.RUNNING, S.SCHEDULED, S.CANCELLING}) | _ENDS,
    S.CANCELLING: frozenset({S.CANCELLED, S.CRASHED}),
    S.COMPLETED: frozenset({S.COMPLETED, S.RUNNING, S.SCHEDULED}),  # RolledBack; a rerun by hand
    S.FAILED: frozenset({S.RUNNING, S.SCHEDULED}),
    S.CRASHED: frozenset({S.RUNNING, S.SCHEDULED}),
    S.CANCELLED: frozenset({S.SCHEDULED}),
}


class IllegalTransition(PenstockException):
    """A task run was about to enter a state that cannot follow the one it is in."""

    def __init__(self, run: str, before: str, proposed: str, history: Sequence[str]) -> None:
        super().__init__(run, before, proposed, tuple(history))
        self.run, self.before, self.proposed, self.history = run, before, proposed, tuple(history)

    def __str__(self) -> str:
        trail = " -> ".join(self.history) or "no states"
        return f"Task run {self.run} cannot go from {self.before} to {self.proposed}. It went: {trail}."


def check(run: str, current: State | None, proposed: State, history: Sequence[str] = ()) -> None:
    """Do nothing when `proposed` may follow `current`.

    Raises:
        IllegalTransition: it may not.
    """
    if proposed.type not in TASK_TRANSITIONS[current.type if current else None]:
        raise IllegalTransition(run, current.name if current else "nothing", proposed.name, history)
