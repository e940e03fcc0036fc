"""Failed tasks with the inputs they had, kept so that they can be run again in the notebook."""

from __future__ import annotations

import inspect
import logging
import pickle
import textwrap
from collections import Counter
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
#: Of how many failed runs of one plain task a process keeps the inputs.
_RUNS_KEPT = 20
_failures: Counter[str] = Counter()


def keep(function: CellFunction, values: Mapping[str, Any], task_run_id: str) -> None:
    """Keep the code and the inputs of a failed run.

    Args:
        function: the cell.
        values: its inputs as the notebook had them; placeholders of other cells' outputs among them.
        task_run_id: of the run.
    """
    _keep(function.cell.name, function.cell.text, values, task_run_id)


def keep_task(run: Any, source: str) -> None:
    """Keep the code and the inputs of a failed run of a plain task; of a task that fails again and again, the first.

    Args:
        run: the execution.
        source: the text of its function.
    """
    name = run.task.name
    _failures[name] += 1
    if _failures[name] > _RUNS_KEPT:
        return
    fn = inspect.unwrap(run.task.fn)
    wait = "await " if inspect.iscoroutinefunction(fn) else ""
    signature = inspect.signature(fn).parameters
    given = ", ".join(_argument(one) for one in signature.values() if one.name in run.parameters)
    text = f"{textwrap.dedent(source).rstrip()}\n\n{wait}{fn.__name__}({given})"
    _keep(name, text, run.parameters, str(run.task_run.id))


def _argument(parameter: inspect.Parameter) -> str:
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return f"*{parameter.name}"
    if parameter.kind is inspect.Parameter.VAR_KEYWORD:
        return f"**{parameter.name}"
    named = f"{parameter.name}=" if parameter.kind is inspect.Parameter.KEYWORD_ONLY else ""
    return f"{named}{parameter.name}"


def _keep(name: str, text: str, values: Mapping[str, Any], task_run_id: str) -> None:
    kept: dict[str, bytes] = {}
    lost: dict[str, str] = {}
    for one, value in values.items():
        try:
            kept[one] = _packed(one, value)
        except Exception as error:
            lost[one] = f"{type(error).__name__}: {error}"
    record = {"name": name, "text": text, "inputs": kept, "lost": lost}
    try:
        ResultStore().write(record, _key(task_run_id))
    except Exception:
        logging.getLogger("penstock").warning("The inputs of task %r were not kept", name, exc_info=True)


def _packed(name: str, value: Any) -> bytes:
    import cloudpickle

    run = run_behind(value)
    if run is not None:
        value = run.function.unpack(run.state.result())[name]
    if approximate_size(value) > LIMIT:
        raise ValueError(f"it is bigger than {LIMIT // 1_000_000} MB")
    return bytes(cloudpickle.dumps(value))


def inputs_of(task_run_id: str, *names: str) -> Any:
    """Return recorded inputs of a failed task: one value, or a tuple of several.

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
            f"Nothing is kept of task run {task_run_id}: only what failed in a notebook is kept, and only the first runs of each task"
        ) from error


def _key(task_run_id: str) -> str:
    return f"replay-{task_run_id}"
