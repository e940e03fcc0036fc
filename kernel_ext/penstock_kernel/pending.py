"""Names whose values are still being computed, and which of them a cell needs before it can begin."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Never

from penstock_kernel._cells import CellFacts, analyse
from penstock_kernel._cells.errors import CellError
from penstock_kernel._cells.inputs import reach
from penstock_kernel.spellings import split_directive

if TYPE_CHECKING:
    from penstock_kernel.cell_run import CellRun

_WORD = re.compile(r"\w+")


class PendingError(CellError):
    """A name was used whose value is still being computed."""


class PendingValue:
    """Stands in the notebook's namespace for an output of a task cell until its run has ended.

    A cell that names it waits for the value; who gets hold of this object all the same is told what it is.
    """

    __slots__ = ("_penstock_name", "_penstock_run")

    def __init__(self, name: str, run: CellRun) -> None:
        self._penstock_name = name
        self._penstock_run = run

    def _refuse(self, *_: Any, **__: Any) -> Never:
        raise PendingError(
            f"{self._penstock_name!r} comes from task {self._penstock_run.name!r}, which has not given it here; "
            f"name it in a cell of its own to wait for it"
        )

    __call__ = __getitem__ = __setitem__ = __iter__ = __len__ = __bool__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _refuse

    def __getattr__(self, name: str) -> Never:
        if name.startswith("_"):  # front ends and pickle ask for these of any object
            raise AttributeError(name)
        self._refuse()

    def __repr__(self) -> str:
        name, run = self._penstock_name, self._penstock_run
        described = run.described.get(name)
        return f"<{name}: {described + ', ' if described else ''}{run.phrase()}>"


def run_behind(value: object) -> CellRun | None:
    """Return the run a placeholder waits for; None for any other value."""
    return value._penstock_run if type(value) is PendingValue else None


@dataclass(frozen=True, slots=True)
class Needs:
    """What a cell waits for before it begins."""

    #: Names whose values it reads.
    values: tuple[str, ...] = ()
    #: Runs that read an object the cell changes in place: they must have ended, however.
    readers: tuple[CellRun, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.values or self.readers)


def needs_of(text: str, namespace: Mapping[str, Any], live: Iterable[CellRun]) -> Needs:
    """Return what the text of a cell has to wait for.

    A task cell waits for nothing it can be given as the future of another run.

    Args:
        text: the cell as its author wrote it.
        namespace: the notebook's.
        live: runs that have not ended.
    """
    pending = {name for name, value in namespace.items() if type(value) is PendingValue}
    running = [run for run in live if run.values or run.touches]
    if not pending and not running:
        return Needs()
    directive = split_directive(text)
    body = directive[2] if directive else text
    try:
        facts = analyse(body)
    except SyntaxError:
        return Needs()
    reached = set(_reached(facts, namespace))
    words = set(_words(facts, body))
    anything = any(problem.code == "dynamic" for problem in facts.problems)
    names = pending & (pending if anything else reached | words)
    if directive and directive[0] == "task":
        names = {name for name in names if not _as_future(name, namespace)}
        # What it may leave as it is has to be there first.
        names |= pending & (set(facts.outputs) - facts.certain)
    changed = [namespace[name] for name in facts.mutates if name in namespace]
    binds = {
        *facts.writes,
        *facts.deletes,
        *facts.mutates,
        *words,
        *(directive[1].split() if directive else ()),
    }
    readers = []
    for run in running:
        late = run.unplaced & reached
        names |= late
        clash = run.touches & binds or run.changes & (reached | words) or (anything and run.touches)
        if late or clash or any(run.reads_object(value) for value in changed):
            readers.append(run)
    return Needs(tuple(sorted(names)), tuple(readers))


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return inputs with the futures of pending ones in the place of their placeholders."""
    runs = {name: run_behind(value) for name, value in values.items()}
    return {name: value if (run := runs[name]) is None else run.part(name) for name, value in values.items()}


def _words(facts: CellFacts, body: str) -> Iterator[str]:
    """Yield what may be a name in the magics of a cell."""
    for magic in facts.magics:
        yield from _WORD.findall(body if magic.kind == "cell" else magic.argument)


def _reached(facts: CellFacts, namespace: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names the cell reads, and those that the functions among them read in turn."""
    queue = [*facts.reads, *facts.optional_reads, *facts.mutates]
    seen: set[str] = set()
    for name in queue:  # grows
        if name in seen:
            continue
        seen.add(name)
        yield name
        value = namespace.get(name)
        if callable(value) and type(value) is not PendingValue:
            queue.extend(read for read in reach(value, set()) if read in namespace)


def _as_future(name: str, namespace: Mapping[str, Any]) -> bool:
    """Whether a task can be given the pending name as a future: its run is a task's and surely gives it."""
    run = run_behind(namespace.get(name))
    return run is not None and run.kind == "task" and name in run.certain
