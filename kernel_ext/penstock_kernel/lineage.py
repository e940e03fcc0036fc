"""Which task cell gave which version of which name, and which cells are stale because of it.

Names may be bound by several cells, as notebooks do: each binding by a task cell is a version (`df@3`), and a cell
depends on the version it was given. A cell is stale when its code means something else by now, when an input has
another value, or when a cell that gives it an input is stale. What an unexecuted edit would do is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock._engine.remote import approximate_size
from penstock._results.fingerprint import fingerprint
from penstock.exceptions import HashError
from penstock_kernel.cell_output import CellOutput
from penstock_kernel.cell_run import CellRun
from penstock_kernel.pending import run_behind

#: Values up to this size are compared by content, bigger ones by identity.
_SMALL = 1 << 20
_SMALL_COUNT = 10_000


@dataclass(frozen=True, slots=True)
class Version:
    """One value a name had."""

    #: Counted by the task cells that bind the name; 0 when another cell has bound it.
    number: int
    #: The task cell that gave it, or None.
    by: str | None
    #: Stands for its content, "" while that is not known.
    mark: str = ""

    def differs(self, other: Version) -> bool:
        """Whether two versions are different values."""
        if self.mark and other.mark:
            return self.mark != other.mark
        return (self.number, self.by) != (other.number, other.by)


@dataclass(slots=True)
class CellRecord:
    """The newest run of one task cell."""

    key: str
    name: str
    #: The options behind `%%task`, and the text under it.
    line: str
    body: str
    source_key: str
    inputs: dict[str, Version]
    outputs: dict[str, int]
    #: The cell it is in, as the log of cells knows it.
    cell: str = ""
    #: Its run in the background, while that is on.
    run: CellRun | None = None
    #: Where it is shown, for a run in the background.
    output: CellOutput | None = None
    #: How it ended; "" while it runs.
    state: str = ""
    #: Its line says that it is stale.
    marked: bool = False


@dataclass(slots=True)
class Lineage:
    """The task cells of one notebook in the order they were first run."""

    namespace: Mapping[str, Any]
    records: dict[str, CellRecord] = field(default_factory=dict)
    #: Name -> its newest version by a task cell, and the identity of the object once it is bound.
    current: dict[str, tuple[Version, int | None]] = field(default_factory=dict)

    def note(self, record: CellRecord) -> None:
        """Take in a run that has begun; its outputs are new versions."""
        self.records[record.key] = record
        for name in record.outputs:
            number = self.current[name][0].number + 1 if name in self.current else 1
            record.outputs[name] = number
            self.current[name] = (Version(number, record.key), None)

    def ended(self, record: CellRecord, state: str) -> None:
        """Take in that a run has ended and its outputs are bound."""
        record.state, record.run = state, None
        for name, number in record.outputs.items():
            version, _ = self.current.get(name, (Version(0, None), None))
            value = self.namespace.get(name)
            if (version.number, version.by) == (number, record.key) and run_behind(value) is None:
                marked = Version(number, record.key, mark_of(value))
                self.current[name] = (marked, id(value))
                self._mark_inputs(name, marked)

    def version_of(self, name: str) -> Version:
        """Return the version of a name as it is now."""
        value = self.namespace.get(name)
        version, identity = self.current.get(name, (Version(0, None), None))
        if version.by is not None and (run_behind(value) is not None or identity == id(value)):
            small = run_behind(value) is None and _is_small(value)
            return Version(version.number, version.by, mark_of(value)) if small else version
        return Version(0, None, mark_of(value))

    def reasons(self, source_key: Callable[[CellRecord], str]) -> dict[str, tuple[str, ...]]:
        """Return why cells are stale, by key; fresh cells have no reasons.

        Args:
            source_key: what the code of a cell means in the notebook of now.
        """
        found: dict[str, tuple[str, ...]] = {}
        for key, record in self.records.items():
            why: list[str] = []
            if record.state not in ("", "Completed", "Cached"):
                why.append(f"it ended as {record.state}")
            if source_key(record) != record.source_key:
                why.append("its code, or a function it uses, has changed")
            for name, given in record.inputs.items():
                now = self.version_of(name)
                if now.by == key:  # it has bound the name anew itself
                    continue
                if now.differs(given):
                    why.append(_difference(name, given, now))
                elif now.by is not None and found.get(now.by):
                    why.append(f"upstream {self.records[now.by].name} is stale")
            found[key] = tuple(dict.fromkeys(why))
        return found

    def _mark_inputs(self, name: str, version: Version) -> None:
        """Let runs that were given the value before it was there know its content."""
        for record in self.records.values():
            given = record.inputs.get(name)
            if given is not None and (given.number, given.by) == (version.number, version.by):
                record.inputs[name] = version


def mark_of(value: object) -> str:
    """Return what stands for a value's content: a hash when it is small, its identity when it is big."""
    if _is_small(value):
        try:
            return fingerprint(value)
        except HashError:
            pass
    return f"object {id(value)}"


def _is_small(value: object) -> bool:
    if isinstance(value, (list, tuple, dict, set)) and len(value) > _SMALL_COUNT:
        return False
    return approximate_size(value) <= _SMALL


def _difference(name: str, given: Version, now: Version) -> str:
    if given.number and now.number:
        return f"input {name}@{given.number} is now {name}@{now.number}"
    return f"input {name} has another value"
