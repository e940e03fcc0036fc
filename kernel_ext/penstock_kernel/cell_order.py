"""The order in which a script has to run cells so that it ends with the values that the notebook has.

A cell that is run again takes its old place, unless a cell since then has bound a name that it reads or binds: then
its newest run came after that one, and stays there. The run it replaces is left out unless another cell needs what it
bound. A cell that changes its own names (`n += 1`) counts once where nothing else has changed them between its runs.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

from penstock_kernel._cells import analyse, parse_task_line
from penstock_kernel._cells.errors import CellError
from penstock_kernel.spellings import split_directive
from penstock_kernel.sql_cell import task_body


@dataclass(frozen=True, slots=True)
class _Run:
    key: str
    text: str
    reads: frozenset[str] = frozenset()
    #: Names it may bind, and those that it binds in any case.
    writes: frozenset[str] = frozenset()
    certain: frozenset[str] = frozenset()


def in_order(history: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the texts of the cells that a script needs, in its order.

    Args:
        history: what has run, in the order of its runs: which cell, and its text then.

    Example:
        >>> in_order([("a", "x = 1"), ("b", "y = x"), ("c", "x = 2"), ("b", "y = x")])
        ('x = 1', 'x = 2', 'y = x')
        >>> in_order([("a", "x = 1"), ("b", "y = x"), ("a", "x = 3")])
        ('x = 3', 'y = x')
    """
    runs: list[_Run] = []
    bound: dict[str, None] = {}
    for key, text in history:
        run = _run(key, text, bound)
        bound |= dict.fromkeys(run.writes)
        place = next((i for i in reversed(range(len(runs))) if runs[i].key == key), None)
        if place is None or run.writes.union(run.reads) & _written(runs[place + 1 :]):
            runs.append(run)
        else:
            runs[place] = run
    return tuple(run.text for run in _needed(runs))


def _needed(runs: list[_Run]) -> list[_Run]:
    """Leave out runs of cells that were run again when nothing needs what they bound."""
    kept: list[_Run] = []
    seen: set[str] = set()
    needed: frozenset[str] = frozenset()
    for run in reversed(runs):
        if run.key not in seen or run.writes & needed:
            kept.append(run)
            needed = (needed - run.certain) | run.reads
        seen.add(run.key)
    return kept[::-1]


def _written(runs: Iterable[_Run]) -> frozenset[str]:
    return frozenset[str]().union(*(run.writes for run in runs))


def _run(key: str, text: str, bound: Container[str]) -> _Run:
    """Find what a cell reads and binds; nothing where it cannot be told."""
    found = split_directive(text)
    kind, line, body = found or ("flow", "", text)
    try:
        options = None if kind == "flow" else parse_task_line(line)
        if options is not None:
            body = task_body(kind, options.name, body, bound)
        facts = analyse(body)
    except (CellError, SyntaxError):
        return _Run(key, text)
    changed = frozenset(facts.mutates)
    reads = changed.union(facts.reads, facts.optional_reads)
    writes = changed.union(facts.writes)
    if options is not None:
        reads = reads if options.inputs is None else frozenset(options.inputs)
        writes = writes if options.outputs is None else frozenset(options.outputs)
    return _Run(key, text, reads, writes, writes & facts.certain)
