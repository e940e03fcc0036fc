"""Failed task cells with the inputs they had, kept so that they can be run again in the notebook."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Mapping
from typing import Any

from penstock._engine.remote import approximate_size
from penstock._results.store import ResultStore
from penstock.exceptions import ConfigurationError, MissingResult
from penstock_kernel._cells import CellFunction
from penstock_kernel.pending import run_behind
from penstock_kernel.records import Found

#: An input bigger than this is not kept.
LIMIT = 100_000_000


def keep(function: CellFunction, values: Mapping[str, Any], task_run_id: str) -> None:
    """Keep the code and the inputs of a failed run.

    Args:
        function: the cell.
        values: its inputs as the notebook had them; placeholders of other cells' outputs among them.
        task_run_id: of the run.
    """
    kept: dict[str, bytes] = {}
    lost: dict[str, str] = {}
    for name, value in values.items():
        try:
            kept[name] = _packed(name, value)
        except Exception as error:
            lost[name] = f"{type(error).__name__}: {error}"
    cell = function.cell
    record = {"name": cell.name, "text": cell.text, "inputs": kept, "lost": lost}
    try:
        ResultStore().write(record, _key(task_run_id))
    except Exception:
        logging.getLogger("penstock").warning("The inputs of task %r were not kept", cell.name, exc_info=True)


def _packed(name: str, value: Any) -> bytes:
    import cloudpickle

    run = run_behind(value)
    if run is not None:
        value = run.function.unpack(run.state.result())[name]
    if approximate_size(value) > LIMIT:
        raise ValueError(f"it is bigger than {LIMIT // 1_000_000} MB")
    return bytes(cloudpickle.dumps(value))


def inputs_of(task_run_id: str, *names: str) -> Any:
    """Return recorded inputs of a failed task cell: one value, or a tuple of several.

    Args:
        task_run_id: of the failed run.
        names: of the inputs.

    Raises:
        ConfigurationError: the run was not kept, or that input was not (says why).
    """
    record = _record(task_run_id)
    for name in names:
        if name not in record["inputs"]:
            why = record["lost"].get(name, "the task has no such input")
            raise ConfigurationError(f"Input {name!r} of task {record['name']!r} was not kept: {why}")
    values = tuple(pickle.loads(record["inputs"][name]) for name in names)
    return values[0] if len(values) == 1 else values


def replay_text(found: Found) -> str:
    """Return a cell that runs a failed task's code with its inputs.

    Raises:
        ConfigurationError: nothing was kept of the run.
    """
    record = _record(found.id)
    names = list(record["inputs"])
    lines = [
        f"# Task {record['name']!r} as it ran in {found.name} ({found.state_name.lower()}), with its inputs"
    ]
    lines += [f"# {name} could not be kept: {why}" for name, why in record["lost"].items()]
    if names:
        quoted = "".join(f', "{name}"' for name in names)
        lines += [
            "from penstock_kernel.replay import inputs_of",
            "",
            f'{", ".join(names)} = inputs_of("{found.id}"{quoted})',
        ]
    return "\n".join([*lines, "", record["text"].strip("\n")])


def _record(task_run_id: str) -> Any:
    try:
        return ResultStore().read(_key(task_run_id)).result
    except MissingResult as error:
        raise ConfigurationError(
            f"Nothing is kept of task run {task_run_id}: only failed task cells are kept"
        ) from error


def _key(task_run_id: str) -> str:
    return f"replay-{task_run_id}"
