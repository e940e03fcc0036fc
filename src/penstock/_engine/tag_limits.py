"""Concurrency limits of a task run's tags: taken before it is Running, given back when it leaves that state.

Only tags that have a limit cost anything, and whether one has is known here (`penstock._link.limited_tags`).
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from penstock._engine.effects import Ask, Effect, Hook
from penstock._engine.slots import Hold, waited
from penstock._link.slot_desk import Ticket, desk_of
from penstock._rules.slots import TAG
from penstock._values.states import State, StateType
from penstock.exceptions._slots import ConcurrencySlotAcquisitionError

if TYPE_CHECKING:
    from penstock._engine.task_run import TaskExecution


def taken(run: TaskExecution) -> Generator[Effect, Any, State | None]:
    """Take a slot of each limited tag, waiting for them if need be.

    Returns:
        None when the run may begin, else the state it ends in: one of its limits is 0.
    """
    if run.tag_slots is not None:
        return None  # a retry without a pause in between
    tags = run.session.limited_tags.among(run.task_run.tags)
    if not tags:
        return None
    identity = str(run.task_run.id)
    ticket = Ticket(
        tuple(TAG + tag for tag in tags),
        holder_type="task_run",
        holder_id=identity,
        task_run_id=identity,
    )
    hold = run.tag_slots = Hold(ticket, desk_of(run.session), run.token)
    try:
        yield Ask(hold.ask)
        if not ticket.settled.is_set():
            run.logger.info("Waiting for a slot of its tags: %s", ", ".join(tags))
        yield Hook(_wait, (run, hold))
    except ConcurrencySlotAcquisitionError as error:
        give_back(run)
        return _aborted(run, tags, error)
    if run.closed:  # given up while it waited: its last state was before this
        give_back(run)
    return None


def give_back(run: TaskExecution) -> None:
    """Give back what a run holds by its tags; costs a line in the journal, and waits for nobody."""
    hold, run.tag_slots = run.tag_slots, None
    if hold is not None and hold.asked:
        hold.desk.note(hold.ticket)


def _wait(run: TaskExecution, hold: Hold) -> Any:
    return waited(hold) if run.task.isasync else hold.wait()


def _aborted(run: TaskExecution, tags: list[str], error: Exception) -> State:
    how = f"`penstock concurrency-limit create {tags[0]} N` sets the limit of a tag."
    message = f"Task run {run.task_run.name!r} may not run. {error} {how}"
    return State(StateType.CANCELLED, name="Aborted", message=message)
