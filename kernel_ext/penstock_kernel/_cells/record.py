"""What the walk over a cell writes down."""

from __future__ import annotations

import builtins
import re
from collections.abc import Collection, Iterable
from types import MappingProxyType

from penstock_kernel._cells.binding import State
from penstock_kernel._cells.facts import CellFacts, Magic, Problem
from penstock_kernel._cells.scopes import Free

#: IPython's history variables: the kernel rebinds them at every cell, so their value in a task means nothing.
_HISTORY = re.compile(r"_{1,3}|_i{1,3}|_i?\d+|In|Out|_[iod]h")
#: Present in every namespace, whatever the notebook holds.
_EVERYWHERE = frozenset(
    {
        "__annotations__",
        "__builtin__",
        "__builtins__",
        "__class__",
        "__doc__",
        "__loader__",
        "__module__",
        "__name__",
        "__package__",
        "__qualname__",
        "__spec__",
        "display",
        "exit",
        "get_ipython",
        "quit",
    }
)
_BUILTINS = frozenset(dir(builtins)) - {"_"}


def is_always_there(name: str) -> bool:
    """Whether every namespace has `name`, so that it is never an input."""
    return name in _EVERYWHERE


def is_history(name: str) -> bool:
    """Whether IPython rebinds `name` at every cell."""
    return _HISTORY.fullmatch(name) is not None


class Record:
    """Reads, writes and the rest, in the order of first appearance."""

    def __init__(self, known: Collection[str]) -> None:
        self._known = frozenset(known)
        self._order: dict[str, int] = {}
        self._lines: dict[str, int] = {}
        self._required: set[str] = set()
        self._optional: set[str] = set()
        self._writes: dict[str, None] = {}
        self._global_writes: set[str] = set()
        self._deferred: list[Free] = []
        self._owned: dict[str, list[Free]] = {}
        self.deletes: dict[str, None] = {}
        self.mutates: dict[str, None] = {}
        self.imports: dict[str, str] = {}
        self.definitions: dict[str, None] = {}
        self.dropped: dict[str, str] = {}
        self.shell: list[str] = []
        self.magics: list[Magic] = []
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []

    def read(self, name: str, line: int, state: State, *, guarded: bool = False) -> None:
        """Note a read at cell level; `guarded` says that the cell copes when the name is missing."""
        if state.dead:
            return
        self._lines.setdefault(name, line)
        self._note_read(name, state, guarded=guarded)
        self._run_owned(name, state, set())

    def _note_read(self, name: str, state: State, *, guarded: bool) -> None:
        self._order.setdefault(name, len(self._order))
        if name in state.sure:
            return
        if guarded or name in state.maybe or name in self._global_writes:
            self._optional.add(name)
        else:
            self._required.add(name)

    def _run_owned(self, name: str, state: State, seen: set[str]) -> None:
        """A function of this cell is used: what its body reads may be read now, before later lines bind it."""
        if name in seen:
            return
        seen.add(name)
        for free in self._owned.get(name, ()):
            for read in free.reads:
                if read not in state.maybe:
                    self._optional.add(read)
                self._run_owned(read, state, seen)

    def defer(self, free: Free, owner: str | None, state: State) -> None:
        """Note what a function body does; without an owner (a lambda in a call) it may run at once."""
        self._deferred.append(free)
        for name in free.reads:
            self._order.setdefault(name, len(self._order))
            if owner is None and name not in state.sure:
                self._optional.add(name)
        if owner is not None:
            self._owned.setdefault(owner, []).append(free)
        for name in free.writes:
            self._order.setdefault(name, len(self._order))
            self._writes[name] = None
            self._global_writes.add(name)

    def write(self, name: str) -> None:
        """Note that the cell binds `name`."""
        self._writes.setdefault(name, None)
        for marks in (self.imports, self.definitions, self.dropped):
            marks.pop(name, None)

    def forget_owner(self, name: str) -> None:
        """The name no longer means the function defined above."""
        self._owned.pop(name, None)

    def problem(self, code: str, line: int, message: str) -> None:
        """Add a refusal."""
        self.problems.append(Problem(code, line, message))

    def note(self, code: str, line: int, message: str) -> None:
        """Add something the author should know."""
        self.notes.append(Problem(code, line, message))

    def drop(self, name: str, line: int, why: str) -> None:
        """Note that `name` is bound but not an output."""
        self.dropped[name] = why
        self.note("dropped", line, f"{name} is not an output: {why}")

    def is_foreign(self, name: str, state: State) -> bool:
        """Whether `name` may stand for an object from outside the cell."""
        return name not in state.sure and not self._is_everywhere(name)

    def is_builtin(self, name: str, state: State) -> bool:
        """Whether `name` means Python's builtin here."""
        return name in _BUILTINS and name not in self._known and name not in state.maybe

    def _is_everywhere(self, name: str) -> bool:
        return is_always_there(name) or (name in _BUILTINS and name not in self._known)

    def facts(self, end: State, *, last_expression: bool, is_async: bool) -> CellFacts:
        """Close the record with the state in which the cell ends."""
        self._resolve_deferred(end)
        reads = {name for name in self._required if not self._is_everywhere(name)}
        optional = {name for name in self._optional if not self._is_everywhere(name)} - reads
        for name in sorted(reads):
            if is_history(name):
                self.problem("history", self._lines.get(name, 1), _history_message(name))
        optional = {name for name in optional if not is_history(name)}
        outside = reads | optional
        return CellFacts(
            reads=self._in_order(reads),
            optional_reads=self._in_order(optional),
            writes=tuple(n for n in self._writes if n in end.maybe or n in self._global_writes),
            certain=frozenset(name for name in self._writes if name in end.sure and not end.dead),
            deletes=tuple(self.deletes),
            mutates=tuple(name for name in self.mutates if name in outside),
            imports=MappingProxyType(dict(self.imports)),
            definitions=tuple(self.definitions),
            dropped=MappingProxyType(dict(self.dropped)),
            last_expression=last_expression,
            is_async=is_async,
            shell=tuple(self.shell),
            magics=tuple(self.magics),
            problems=tuple(sorted(self.problems, key=lambda problem: problem.line)),
            notes=tuple(sorted(self.notes, key=lambda note: note.line)),
        )

    def _resolve_deferred(self, end: State) -> None:
        """Decide the reads of function bodies by what is bound when the cell ends."""
        for free in self._deferred:
            for name in free.reads:
                bound_somewhere = name in self._writes and name not in free.augmented
                if name not in end.maybe and not bound_somewhere:
                    self._required.add(name)
                elif name not in end.sure:
                    self._optional.add(name)
            self.mutates.update({name: None for name in free.mutates if name not in end.sure})

    def _in_order(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(names, key=lambda name: self._order.get(name, len(self._order))))


def _history_message(name: str) -> str:
    return (
        f"{name!r} is part of IPython's history and means something else in every cell; "
        "assign the value to a name of its own first"
    )
