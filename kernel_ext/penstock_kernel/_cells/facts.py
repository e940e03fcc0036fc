"""What the analysis of a cell finds out, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

#: Line magics that act on the kernel: they run there before the task is submitted and do nothing in the task.
KERNEL_MAGICS = frozenset(
    {"pip", "conda", "mamba", "uv", "matplotlib", "load_ext", "reload_ext", "config", "autoreload"}
)
#: Line magics the task itself can carry out, on any runner.
TASK_MAGICS = frozenset({"time", "timeit", "env", "set_env"})


@dataclass(frozen=True, slots=True)
class Problem:
    """A reason why a cell cannot be a task, or (among `CellFacts.notes`) something its author should know."""

    #: Stable word for the kind of problem: `star-import`, `history`, `dynamic`, `input`, `magic`, `syntax` …
    code: str
    #: Line of the cell's body, counted from 1.
    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class Magic:
    """One IPython magic used in the cell."""

    kind: str
    """`line` or `cell`."""
    name: str
    argument: str
    line: int


def _empty() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class CellFacts:
    """What a cell reads, binds and does. Names are in the order of their first appearance."""

    #: Names that must come from outside.
    reads: tuple[str, ...] = ()
    #: Names that come from outside if they exist there: the cell may or may not have bound them when it reads them.
    optional_reads: tuple[str, ...] = ()
    #: Names bound at cell level when the cell ends, imports and definitions included.
    writes: tuple[str, ...] = ()
    #: Names among `writes` that are bound on every way through the cell.
    certain: frozenset[str] = frozenset()
    #: Names from outside that the cell deletes (in the task's own namespace only).
    deletes: tuple[str, ...] = ()
    #: Names from outside whose objects the cell changes in place (assignments to parts; a list of method names).
    mutates: tuple[str, ...] = ()
    #: Name bound by an import -> what is imported, `module` or `module:attribute`.
    imports: Mapping[str, str] = field(default_factory=_empty)
    #: Names bound by `def` and `class`.
    definitions: tuple[str, ...] = ()
    #: Name -> why it is bound but not an output unless asked for (open files, generators).
    dropped: Mapping[str, str] = field(default_factory=_empty)
    #: The cell ends with an expression to display (no `;` after it).
    last_expression: bool = False
    #: The body awaits at the top level.
    is_async: bool = False
    #: Shell commands (`!cmd`, `x = !cmd`).
    shell: tuple[str, ...] = ()
    magics: tuple[Magic, ...] = ()
    #: Why the cell is refused as a task.
    problems: tuple[Problem, ...] = ()
    #: What its author should know; never a refusal.
    notes: tuple[Problem, ...] = ()

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs of the cell unless its author names them: no imports, definitions, `_private` names."""
        return tuple(
            name
            for name in self.writes
            if not name.startswith("_")
            and name not in self.imports
            and name not in self.definitions
            and name not in self.dropped
        )

    @property
    def kernel_magics(self) -> tuple[Magic, ...]:
        """The line magics to run in the kernel before the task is submitted."""
        return tuple(m for m in self.magics if m.kind == "line" and m.name in KERNEL_MAGICS)

    def refusals(self, *, inputs_given: bool = False) -> tuple[Problem, ...]:
        """Return the problems that forbid the task.

        With explicit inputs (`--in`) the names a cell reads need not be visible in its text, so `exec`, `globals`
        and star imports are allowed.
        """
        if not inputs_given:
            return self.problems
        return tuple(p for p in self.problems if p.code not in {"dynamic", "star-import"})
