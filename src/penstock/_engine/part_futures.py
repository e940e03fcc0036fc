"""One named part of what a run will return: an output of a task cell that another cell reads before it is there."""

from __future__ import annotations

from typing import Any

from penstock._engine.futures import PenstockFuture
from penstock._values.runs import TaskRun
from penstock._values.states import Resolvable, State


class PartFuture(PenstockFuture[Any]):
    """Stands for ``whole.result()[part]``; what stays on a cluster stays there.

    Args:
        whole: the run that returns a mapping.
        part: the key.
    """

    def __init__(self, whole: PenstockFuture[Any], part: str) -> None:
        super().__init__()
        self.whole = whole
        self.part = part
        whole.add_done_callback(self._take)

    @property
    def edge(self) -> tuple[str, Any]:
        """The kind of run and its id: those of the whole."""
        return self.whole.edge

    @property
    def run_name(self) -> str:
        """What errors call the run."""
        return self.whole.run_name

    @property
    def task_run(self) -> TaskRun:
        """The task run as this process knows it."""
        return self.whole.task_run

    @property
    def state(self) -> State:
        """The state of the run, with this part as its data."""
        return self._final or self.whole.state

    def _take(self, whole: PenstockFuture[Any]) -> None:
        self.set_state(part_of(whole.state, self.part))


class _Part(Resolvable):
    """The data of a state that holds one part of another state's; looked up when asked for."""

    __slots__ = ("_part", "_whole")

    def __init__(self, whole: State, part: str) -> None:
        self._whole = whole
        self._part = part

    def get(self) -> Any:
        """Return the value."""
        return self._whole.result()[self._part]


def part_of(whole: State, part: str) -> State:
    """Return a state whose value is one part of the value of `whole`; a run that did not complete has no parts."""
    if not whole.is_completed():
        return whole
    return State(
        whole.type,
        name=whole.name,
        message=whole.message,
        data=_Part(whole, part),
        state_details=whole.state_details,
    )
