"""Which names are bound at one point of a cell: surely, or on some way to it."""

from __future__ import annotations

from collections.abc import Iterable


class State:
    """The names bound so far; `sure` is a subset of `maybe`. A dead state follows raise, return, break, continue."""

    __slots__ = ("dead", "maybe", "sure")

    def __init__(self, sure: Iterable[str] = (), maybe: Iterable[str] = (), *, dead: bool = False) -> None:
        self.sure = set(sure)
        self.maybe = {*maybe, *self.sure}
        self.dead = dead

    def bind(self, name: str) -> None:
        """Note that `name` is bound from here on."""
        self.sure.add(name)
        self.maybe.add(name)

    def unbind(self, name: str) -> None:
        """Note that `name` is unbound from here on."""
        self.sure.discard(name)
        self.maybe.discard(name)

    def copy(self) -> State:
        """Return an independent copy."""
        return State(self.sure, self.maybe, dead=self.dead)


def join(first: State, *others: State) -> State:
    """Return the state where several ways meet; ways that never arrive do not count."""
    arriving = [state for state in (first, *others) if not state.dead]
    if not arriving:
        return State(first.sure, first.maybe, dead=True)
    sure = set.intersection(*(state.sure for state in arriving))
    return State(sure, set.union(*(state.maybe for state in arriving)))
