"""From the text of a cell and the notebook's namespace to a function a runner can call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock_kernel._cells.analysis import analyse_prepared, user_names
from penstock_kernel._cells.errors import CellRefusedError, MissingInputsError
from penstock_kernel._cells.facts import CellFacts, Problem
from penstock_kernel._cells.function import CellCode, CellFunction
from penstock_kernel._cells.inputs import Bound, changes_of, split_inputs
from penstock_kernel._cells.syntax import prepare


@dataclass(frozen=True, slots=True)
class CompiledCell:
    """A cell made into a function, with what was found out on the way."""

    function: CellFunction
    facts: CellFacts
    #: The arguments for one call are `bound.values`.
    bound: Bound
    #: What to tell the author once: outputs left out, inputs changed in place.
    notes: tuple[Problem, ...] = ()


def compile_cell(
    name: str,
    source: str,
    namespace: Mapping[str, Any],
    *,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    header: str = "",
    hidden: Mapping[str, object] | None = None,
) -> CompiledCell:
    """Make a function of a cell.

    An input that the cell changes in place becomes an output too, because in another process the change would
    be lost; so does what a function of the notebook changes in place or declares `global`. Explicit `outputs` are taken as they are.

    Args:
        name: what the task is called.
        source: the cell without its `%%task` line.
        namespace: the notebook's namespace; values of names that are still being computed may be futures.
        inputs: the parameters, instead of those found by reading the cell.
        outputs: the outputs, instead of those found by reading the cell.
        header: the `%%task` line, shown in tracebacks and counted in line numbers.
        hidden: the shell's `user_ns_hidden`.

    Raises:
        SyntaxError: the text is neither Python nor IPython's extension of it.
        CellRefusedError: it holds something no task can do.
        MissingInputsError: it reads names the notebook does not have.
    """
    prepared = prepare(source)
    facts = analyse_prepared(prepared, known=user_names(namespace, hidden))
    refusals = facts.refusals(inputs_given=inputs is not None) + _never_bound(facts, outputs or ())
    if refusals:
        raise CellRefusedError(name, refusals)
    bound = split_inputs(facts, namespace, inputs=inputs)
    if bound.missing:
        raise MissingInputsError(name, bound.missing)
    changed = [name for name in facts.mutates if name in bound.values]
    changed += [name for helper in bound.helpers.values() for name in changes_of(helper.source)]
    changed = [name for name in dict.fromkeys(changed) if name not in {*facts.writes, *facts.deletes}]
    code = CellCode(
        name=name,
        source=prepared.code,
        text=source,
        inputs=tuple(bound.values),
        outputs=tuple(outputs) if outputs is not None else (*facts.outputs, *changed),
        outputs_given=outputs is not None,
        header=header,
        last_expression=facts.last_expression,
        is_async=facts.is_async,
        timed=prepared.timed,
        modules=tuple(bound.modules.items()),
        helpers=tuple(bound.helpers.values()),
    )
    return CompiledCell(CellFunction(code), facts, bound, _notes(facts, changed, code.outputs))


def _never_bound(facts: CellFacts, outputs: Sequence[str]) -> tuple[Problem, ...]:
    """Refuse outputs the cell cannot give: better now than after an hour of work."""
    if any(problem.code in {"dynamic", "star-import"} for problem in facts.problems):
        return ()
    names = {*facts.writes, *facts.reads, *facts.optional_reads}
    return tuple(
        Problem("output", 1, f"--out names {name!r}, but the cell neither binds nor reads it")
        for name in outputs
        if name not in names
    )


def _notes(facts: CellFacts, changed: Sequence[str], outputs: Sequence[str]) -> tuple[Problem, ...]:
    kept = [n for n in facts.notes if n.code != "dropped" or n.message.split()[0] not in outputs]
    for name in changed:
        advice = (
            "is an output too"
            if name in outputs
            else "is not among the outputs: the change stays in the task"
        )
        kept.append(Problem("mutation", 1, f"{name} is changed in place and {advice}"))
    return tuple(kept)
